"""The backward pass ordered by lag: all losses go back together, one step a time.

With `delta[s, t] = dE_s/dS_t` the recursion of backpropagation through time,

    delta[s, t - 1] = delta[s, t] dS_t/dS_{t-1},

holds for every loss s by itself. Losses at the same lag l = s - t from their states are done at
once: the steps t = s - l are all different, so that one evaluation of the cell's adjoint on
[losses, B, H] and one product with U takes all of them back one step. In a stack of layers what
the layer above sends down at step t is of the same loss, and so of the same lag.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import hardshrink

from throughtime.flow.step_adjoint import FlowingBack, StepAdjoint, Steps
from throughtime.flow.unrolled import UnrolledNetwork

SMALLEST = 1e-140
"""What is smaller is taken for zero: near the end of their range numbers are slow, and a norm
squares them."""


@dataclass(frozen=True)
class Lag:
    """All losses, each with its gradient by the states a lag before it.

    Attributes:
        lag: Steps between loss and state.
        losses: The steps of the losses that have a state so far back, [n]: the last n of all.
        steps: The steps of the states.
        deltas: For each layer, dE_s/dS_t for each of its states, [n, B, H] each.
        back: For each layer, these gradients gone back through the step.
    """

    lag: int
    losses: Tensor
    steps: Steps
    deltas: tuple[tuple[Tensor, ...], ...]
    back: tuple[FlowingBack, ...]

    @property
    def finite(self) -> bool:
        """Whether all gradients are numbers: growing, they leave the range of their type."""
        return math.isfinite(self.size)

    @cached_property
    def size(self) -> float:
        """All norms together: 0 where nothing is left of any gradient."""
        return sum(float(norms.sum()) for norms in self.norms)

    @cached_property
    def norms(self) -> tuple[Tensor, ...]:
        """|dE_s/dS_t| over all states of a layer, float64: for each layer [n, B]."""
        return tuple(map(norm, self.deltas))


class Collector(Protocol):
    """Gathers a measure, lag by lag."""

    def note(self, lag: Lag) -> None:
        """Add a lag."""

    def overflow(self, lag: Lag) -> None:
        """Note that from this lag on gradients are no numbers any more."""


def norm(states: tuple[Tensor, ...]) -> Tensor:
    """Give the norm over the units of all states: [..., B]."""
    norms: Tensor = torch.linalg.vector_norm(states[0], dim=-1)
    for state in states[1:]:
        norms = torch.hypot(norms, torch.linalg.vector_norm(state, dim=-1))
    return norms


@torch.no_grad()
def backward_by_lag(network: UnrolledNetwork, adjoints: tuple[StepAdjoint, ...]) -> Iterator[Lag]:
    """Follow all chosen losses back to the first step.

    Yields:
        Lag after lag from 0. It ends early where nothing is left of any gradient, or with the
        first lag at which one is not finite.
    """
    losses = network.losses
    device = network.explicit.device
    top = network.explicit[losses.to(device)].double()  # [S, B, H]
    K = len(network.layer.cell.states)
    deltas = [[torch.zeros_like(top) for _ in range(K)] for _ in adjoints]
    deltas[-1][0] = top
    for lag in range(int(losses[-1]) + 1):
        steps = steps_at(losses - lag, device)
        back: list[FlowingBack] = []
        for place in reversed(range(len(adjoints))):
            adjoint = adjoints[place]
            back.insert(0, adjoint(steps, deltas[place]))
            if place and adjoint.weights.W is not None:
                below = deltas[place - 1]
                below[0] = below[0] + back[0].by_input @ adjoint.weights.W
        found = Lag(lag, losses, steps, tuple(map(tuple, deltas)), tuple(back))
        if found.size == 0:
            return
        yield found
        if not found.finite:
            return
        ended = int((losses == lag).sum())  # their next state is the one before the first step
        losses = losses[ended:]
        deltas = [
            [hardshrink(state[ended:], SMALLEST) for state in layer.by_state()] for layer in back
        ]


def steps_at(numbers: Tensor, device: torch.device) -> Steps:
    """Give steps as a slice where they are evenly spaced: a view then, not a copy."""
    first, last = int(numbers[0]), int(numbers[-1])
    if len(numbers) == 1:
        return slice(first, first + 1)
    stride = int(numbers[1]) - first
    if torch.equal(numbers, torch.arange(first, last + 1, stride)):
        return slice(first, last + 1, stride)
    return numbers.to(device)
