"""Races and comparisons as the figures need them: results checked, candidates in turn, medians."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from throughtime.cli.racing import Peak, Result, Size
from throughtime.cli.racing.contenders import Contender, line_up
from throughtime.cli.racing.jax_scan import installed
from throughtime.cli.racing.problem import Problem, draw
from throughtime.cli.racing.race import check, in_turn, race
from throughtime.equations import Cell


@dataclass
class Measuring:
    """How all figures are measured.

    Attributes:
        threads: Threads of everyone.
        repeats: Rounds, at least.
        tell: Is told what is being measured.
        peak: The float32 peak, measured again at every race.
        raced: Races that were held; a figure that needs one again takes it from here.
    """

    threads: int
    repeats: int
    tell: Callable[[str], None]
    peak: Peak = field(init=False)
    raced: dict[Any, Result] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.peak = Peak(torch.float32, self.threads)

    def race(self, cell: str, size: Size, dtype: torch.dtype = torch.float32) -> Result:
        """Race a training step against torch, and JAX in float32; once for each."""
        asked = (cell, size, dtype)
        if asked not in self.raced:
            problem = draw(cell, size, dtype)
            with_jax = installed() and dtype == torch.float32
            self.raced[asked] = self.held(problem, line_up(problem, with_jax))
        return self.raced[asked]

    def held(self, problem: Problem, field: list[Contender]) -> Result:
        """Race over one problem, the yardstick second and last."""
        self.tell(f"{problem.layer.cell.name} {problem.size}")
        self.peak.measure()
        result = race(problem, field, training=True, repeats=self.repeats)
        self.peak.measure()
        return result

    def medians(self, steps: Mapping[str, Callable[[], Any]]) -> dict[str, float]:
        """Time steps in turn and give the median seconds of each."""
        self.tell(", ".join(steps))
        self.peak.measure()
        seconds = in_turn(dict(steps), self.repeats)
        return {name: statistics.median(taken) for name, taken in seconds.items()}

    def ours(self, problems: Mapping[str, Problem]) -> dict[str, float]:
        """Time training steps of this package in turn, each checked against torch before."""
        return self.medians({name: checked(problem) for name, problem in problems.items()})


def checked(problem: Problem) -> Callable[[], Any]:
    """Give this package's training step, once its results have been compared with torch's.

    Raises:
        DisagreementError: They differ.
    """
    field = line_up(problem, with_jax=False)
    check(problem, field, training=True)
    return field[0].train


def float32(cell: str | Cell, *size: int) -> Problem:
    """Draw a problem in single precision."""
    return draw(cell, Size(*size), torch.float32)
