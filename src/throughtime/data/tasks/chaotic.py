"""Tasks of chaotic systems: forecast a number from those seen so far."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from throughtime.data.batch import Batch
from throughtime.data.tasks.asked import Loss, Masked, asked, squared
from throughtime.data.tasks.task import Task, whole


class Chaotic(Task):
    """A system that is integrated from another start for each row.

    What it does at first is dropped. At each step one number is seen, and the one `ahead` steps
    later is asked for; nothing is asked in the first `unasked` steps, in which too little has been
    seen to know the system's state. Numbers are moved and scaled to a mean near 0 and a variance
    near 1, by constants of the system.

    Attributes:
        ahead: Steps from a number to the one asked for.
        unasked: Steps at the start at which nothing is asked.
    """

    ahead: int
    unasked: ClassVar[int]
    measure = "root mean squared error, divided by the standard deviation of the targets"
    input_size = 1
    output_size = 1
    constant = 1.0  # the mean

    def __post_init__(self) -> None:
        whole("T", self.T, self.unasked + 1)
        whole("ahead", self.ahead, 1)

    @property
    def loss(self) -> Loss:
        """The squared error, once enough has been seen."""
        return Masked(squared, share=(self.T - self.unasked) / self.T)

    @abstractmethod
    def series(self, steps: int, rows: int, generator: torch.Generator | None = None) -> Tensor:
        """Integrate the system, in its own units.

        Returns:
            float64, [steps, B]
        """

    @abstractmethod
    def scaled(self, series: Tensor) -> Tensor:
        """Move and scale numbers of the system."""

    def batch(self, rows: int, generator: torch.Generator | None = None) -> Batch:
        """Draw sequences; see `Task`."""
        numbers = self.scaled(self.series(self.T + self.ahead, rows, generator))
        numbers = numbers.to(torch.get_default_dtype())[..., None]  # [T + ahead, B, 1]
        targets = numbers[self.ahead :].clone()
        targets[: self.unasked] = torch.nan
        return Batch(numbers[: self.T], targets)

    def score(self, outputs: Tensor, targets: Tensor, lengths: Tensor | None = None) -> float:
        """Give the error in units of the standard deviation of the targets."""
        where = asked(targets)
        wanted = targets[where].double()
        error = (outputs.detach()[where].double() - wanted).square().mean().sqrt()
        return float(error / wanted.std(correction=0))
