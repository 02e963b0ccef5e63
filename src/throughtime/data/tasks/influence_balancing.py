"""A parameter whose influence at short term and at long term have opposite signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.data.batch import Batch
from throughtime.data.tasks.asked import Loss, squared
from throughtime.data.tasks.task import Task, whole


@dataclass(frozen=True)
class InfluenceBalancing(Task):
    """Balance influences of both signs (Tallec & Ollivier 2017, in both papers).

    These are "Unbiased online recurrent optimization", which has the numbers used here, and
    "Unbiasing truncated backpropagation through time".

    Here the network is given, and it has one parameter: see `Influence`. At every step its output
    is to be 1. The parameter pushes the first units up and the others down; those that are near the
    output act at once, the others, which are more, many steps later. So a gradient truncated before
    these act has the wrong sign, and the training diverges the faster the better it follows; one
    that looks back on enough steps converges.

    The batch says nothing that would be needed: inputs are 0, targets 1. An ordinary network
    answers with a bias; the task is made for `network()`.

    Args:
        T: Steps, at least 1.
        units: Units in the chain.
        positive: How many, from the output on, are pushed up; fewer than half of them.
    """

    T: int = 500
    units: int = 23
    positive: int = 10
    name = "influence_balancing"
    measure = "mean squared error of the last step"
    mark = 0.01
    input_size = 1
    output_size = 1
    constant = None  # 1 is always right: it is not the answer that is hard, but to learn it

    def __post_init__(self) -> None:
        whole("T", self.T, 1)
        whole("positive", self.positive, 1)
        whole("units", self.units, 2 * self.positive + 1)

    @property
    def loss(self) -> Loss:
        """The squared error at every step."""
        return squared

    def network(self) -> Influence:
        """Give the network that the task is made for."""
        return Influence(self.units, self.positive)

    def batch(self, rows: int, generator: torch.Generator | None = None) -> Batch:
        """Give inputs of 0 and targets of 1; nothing is drawn."""
        return Batch(torch.zeros(self.T, rows, 1), torch.ones(self.T, rows, 1))

    def score(self, outputs: Tensor, targets: Tensor, lengths: Tensor | None = None) -> float:
        """Give the mean squared error of the last step."""
        return float((outputs[-1].detach() - targets[-1]).square().mean())


class Influence(nn.Module):
    """`s_t = A s_{t-1} + (theta, ..., theta, -theta, ..., -theta)`; the output is the first unit.

    A has 1/2 on its diagonal and next above it, so that what is put into a unit takes as many steps
    to the output as the unit is far from it, at least. At rest the output is
    `2 (positive - negative) theta`.

    Args:
        units: How many.
        positive: How many, from the first on, are pushed by theta, and not by -theta.
    """

    A: Tensor
    signs: Tensor

    def __init__(self, units: int = 23, positive: int = 10) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(0.5))
        self.register_buffer("A", torch.eye(units) / 2 + torch.eye(units).roll(1, 1).triu(1) / 2)
        signs = torch.ones(units)
        signs[positive:] = -1
        self.register_buffer("signs", signs)

    def forward(
        self, inputs: Tensor, state: Any = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run the chain; inputs [T, B, ·] give the number of steps and rows, and nothing else.

        Args:
            inputs: [T, B, ·]
            state: s before the first step, [B, units]; None for zeros.
            lengths: Valid steps of each row, [B].

        Returns:
            The first unit at every step, [T, B, 1], and s after the last.
        """
        s = self.A.new_zeros(inputs.shape[1], len(self.A)) if state is None else state
        outputs = []
        for t in range(len(inputs)):
            after = s @ self.A.T + self.theta * self.signs
            s = after if lengths is None else torch.where((t < lengths)[:, None], after, s)
            outputs.append(s[:, :1])
        return torch.stack(outputs), s
