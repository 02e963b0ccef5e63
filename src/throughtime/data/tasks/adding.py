"""The adding problem."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.data.batch import Batch
from throughtime.data.tasks.asked import Loss, Masked, squared
from throughtime.data.tasks.task import Task, drawn, whole


@dataclass(frozen=True)
class Adding(Task):
    """Add two numbers, far apart, among many (Hochreiter & Schmidhuber 1997, experiment 4).

    Each step has a number, uniform in [0, 1], and a mark, 1 at two steps and 0 elsewhere. At the
    last step the sum of the two marked numbers is asked for. One mark is in each half, anywhere
    (Arjovsky, Shah & Bengio 2016); numbers and target are those of Le, Jaitly & Hinton (2015),
    where the paper of 1997 has numbers in [-1, 1], its second mark anywhere after the first, and a
    scaled sum.

    Args:
        T: Steps, at least 2.
    """

    T: int = 100
    name = "adding"
    measure = "mean squared error of the sum"
    mark = 0.01
    input_size = 2
    output_size = 1
    constant = 1 / 6  # the variance of the sum of two uniform numbers, answered by 1

    def __post_init__(self) -> None:
        whole("T", self.T, 2)

    @property
    def loss(self) -> Loss:
        """The squared error of the last step."""
        return Masked(squared, share=1 / self.T)

    def batch(self, rows: int, generator: torch.Generator | None = None) -> Batch:
        """Draw sequences; see `Task`."""
        T, row = self.T, torch.arange(rows)
        numbers = torch.rand(T, rows, generator=generator)
        marks = torch.zeros(T, rows)
        marks[drawn(0, T // 2, rows, generator), row] = 1
        marks[drawn(T // 2, T, rows, generator), row] = 1
        targets = torch.full((T, rows, 1), torch.nan)
        targets[-1, :, 0] = (numbers * marks).sum(0)
        return Batch(torch.stack([numbers, marks], -1), targets)

    def score(self, outputs: Tensor, targets: Tensor, lengths: Tensor | None = None) -> float:
        """Give the mean squared error of the sum."""
        return float((outputs[-1].detach() - targets[-1]).square().mean())
