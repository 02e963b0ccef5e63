"""Accumulation of evidence for a decision."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.data.batch import Batch
from throughtime.data.tasks.asked import NOT_ASKED, Loss, Masked, cross_entropy
from throughtime.data.tasks.task import Task, drawn, one_hot, share_wrong, whole


@dataclass(frozen=True)
class Evidence(Task):
    """Say on which side more was seen (Morcos & Harvey 2016; Bellec et al. 2020).

    In the first half of a sequence an odd number of cues appear at random steps, each on the left
    or on the right: with probability `bias` on the side that is favoured in this row. Then comes a
    delay. At the last step a sign asks for the side with more cues.

    Args:
        T: Steps, at least twice the cues.
        cues: How many; odd, so that one side has more.
        bias: How likely a cue is to be on the favoured side, from 0.5 to 1.
    """

    T: int = 100
    cues: int = 7
    bias: float = 0.7
    name = "evidence"
    measure = "share of the rows whose side is wrong"
    mark = 0.05
    input_size = 3
    output_size = 2
    constant = 0.5

    def __post_init__(self) -> None:
        whole("cues", self.cues, 1)
        whole("T", self.T, 2 * self.cues)
        if self.cues % 2 == 0:
            raise ValueError(f"cues must be odd, so that one side has more; got {self.cues}")
        if not 0.5 <= self.bias <= 1:
            raise ValueError(f"bias is a probability from 0.5 to 1, got {self.bias}")

    @property
    def loss(self) -> Loss:
        """The negative log-likelihood at the last step."""
        return Masked(cross_entropy, share=1 / self.T)

    def batch(self, rows: int, generator: torch.Generator | None = None) -> Batch:
        """Draw sequences; see `Task`. Columns: left, right, the sign."""
        half = torch.rand(self.T // 2, rows, generator=generator)
        steps = half.argsort(0)[: self.cues]  # [cues, B], all different in a row
        side = drawn(0, 2, rows, generator)
        kept = torch.rand(self.cues, rows, generator=generator) < self.bias
        sides = torch.where(kept, side, 1 - side)  # [cues, B]
        inputs = torch.zeros(self.T, rows, 3)
        inputs[steps, torch.arange(rows), :2] = one_hot(sides, 2)
        inputs[-1, :, 2] = 1
        targets = torch.full((self.T, rows), NOT_ASKED)
        targets[-1] = (2 * sides.sum(0) > self.cues).long()
        return Batch(inputs, targets)

    def score(self, outputs: Tensor, targets: Tensor, lengths: Tensor | None = None) -> float:
        """Give the share of the rows whose side is wrong."""
        return share_wrong(outputs, targets)
