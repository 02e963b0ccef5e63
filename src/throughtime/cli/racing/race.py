"""Races: results compared first, then times taken in turn."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from throughtime.cli.agreement import difference
from throughtime.cli.machine import using_threads
from throughtime.cli.racing.contenders import AGAIN, OURS, Contender, line_up
from throughtime.cli.racing.jax_scan import installed, use_threads
from throughtime.cli.racing.problem import Problem, Size, draw
from throughtime.engine import choose

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}
"""How far results may lie from the yardstick's, relative to the largest number of each."""

_AT_LEAST, _AT_MOST = 0.5, 101
"""Seconds of a race, while it has no more than so many rounds: short steps are timed more often."""


class DisagreementError(Exception):
    """Two who race do not compute the same; their times would mean nothing."""


@dataclass(frozen=True)
class Races:
    """What is to be raced.

    Attributes:
        cells: Names of cells.
        sizes: B, T, I, H of each race.
        threads: Threads of everyone.
        dtype: torch.float32 or torch.float64.
        ragged: Whether lengths are drawn.
        inference: Whether forward passes are raced too, beside training steps.
        repeats: Rounds of a race, at least.
    """

    cells: tuple[str, ...]
    sizes: tuple[Size, ...]
    threads: int
    dtype: torch.dtype = torch.float32
    ragged: bool = False
    inference: bool = False
    repeats: int = 7

    def __len__(self) -> int:
        return len(self.cells) * len(self.sizes) * (2 if self.inference else 1)


@dataclass(frozen=True)
class Result:
    """How a race ended.

    Attributes:
        cell: Name of the cell.
        size: B, T, I, H.
        training: Whether it was over training steps, else over inference.
        engine: Which of this package's engines ran.
        rounds: How often each was timed.
        microseconds: Median of a time step by contender, the yardstick first after ours.
        yardstick: The contender to whom the others are compared.
        against_itself: Time of the yardstick's second entry as a part of that of its first.
        operations: Floating-point operations of the matrix products.
        differs: The largest difference of any contender from the yardstick.
    """

    cell: str
    size: Size
    training: bool
    engine: str
    rounds: int
    microseconds: dict[str, float]
    yardstick: str
    against_itself: float
    operations: int
    differs: float

    @property
    def rate(self) -> float:
        """Floating-point operations of the matrix products a second, of this package."""
        return self.operations / (self.microseconds[OURS] * 1e-6 * self.size.T)

    def times_as_fast(self, other: str) -> float | None:
        """Say how many times as fast as another this package is; None if it did not race."""
        theirs = self.microseconds.get(other)
        return None if theirs is None else theirs / self.microseconds[OURS]


def run(races: Races, tell: Callable[[str], None] = lambda _: None) -> Iterator[Result]:
    """Run races one by one.

    Args:
        races: What is to be raced.
        tell: Is told what is being raced.

    Raises:
        DisagreementError: The results of two differ; no time of theirs is given.
        CellError: No cell has one of the names.
    """
    with_jax = installed()
    use_threads(races.threads)
    with using_threads(races.threads):
        for cell in races.cells:
            for size in races.sizes:
                problem = draw(cell, size, races.dtype, races.ragged)
                field = line_up(problem, with_jax)
                for training in (True, False) if races.inference else (True,):
                    what = "training" if training else "inference"
                    tell(f"{cell} {size}, {what}")
                    yield race(problem, field, training, races.repeats)


def race(problem: Problem, field: Sequence[Contender], training: bool, repeats: int) -> Result:
    """Compare the results of all contenders, then time them in turn.

    Raises:
        DisagreementError: The results of two differ.
    """
    yardstick = field[1].name
    differs = check(problem, field, training)
    steps = {one.name: one.train if training else one.infer for one in field}
    seconds = in_turn(steps, repeats)
    medians = {
        name: statistics.median(taken) / problem.size.T * 1e6 for name, taken in seconds.items()
    }
    again = medians.pop(yardstick + AGAIN)
    return Result(
        cell=problem.layer.cell.name,
        size=problem.size,
        training=training,
        engine=choose(problem.recurrence).engine,
        rounds=len(seconds[OURS]),
        microseconds=medians,
        yardstick=yardstick,
        against_itself=again / medians[yardstick],
        operations=problem.multiply_adds(training),
        differs=differs,
    )


def check(problem: Problem, field: Sequence[Contender], training: bool) -> float:
    """Compare everyone's results and gradients with the yardstick's, and give the largest distance.

    Raises:
        DisagreementError: A distance is larger than the precision explains.
    """
    names = list(problem.results)
    if training:
        names += [f"gradient of {name}" for name in problem.wanted]

    def solved(by: Contender) -> dict[str, torch.Tensor]:
        found = by.tensors(by.train() if training else by.infer())
        return dict(zip(names, found, strict=True))

    right = solved(field[1])
    largest = 0.0
    for one in field:
        found = difference(solved(one), right)
        allowed = TOLERANCE[problem.x.dtype]
        if not found.relative <= allowed:
            raise DisagreementError(
                f"{problem.layer.cell.name} {problem.size}: {found.name} of {one.name} differs "
                f"from that of {field[1].name} by {found.relative:.1e} of its largest number, "
                f"{allowed:.0e} is allowed; wrong results are not timed. `throughtime doctor` says "
                "whether this package computes rightly here"
            )
        largest = max(largest, found.relative)
    return largest


def in_turn(steps: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Time each step once a round, after a call that is not timed.

    The first call after another library's is slower: its threads still hold the processors and its
    data the caches.

    Args:
        steps: What is timed, by name.
        repeats: Rounds, at least.

    Returns:
        The seconds of each round, by name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    started, rounds = time.perf_counter(), 0
    collecting = gc.isenabled()
    gc.disable()
    try:
        while rounds < repeats or (rounds < _AT_MOST and time.perf_counter() - started < _AT_LEAST):
            for name, step in steps.items():
                step()
                before = time.perf_counter()
                kept = step()
                seconds[name].append(time.perf_counter() - before)
                del kept  # freeing is not timed, for anyone
            rounds += 1
    finally:
        if collecting:
            gc.enable()
    return seconds
