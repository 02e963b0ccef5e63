"""What truncation discards: the gradient of the weights with the terms of a window, and in full."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from throughtime.engine.recurrence import Recurrence, Weights
from throughtime.engine.textbook import Trajectory, roll_back
from throughtime.flow.backward_by_lag import Lag
from throughtime.flow.figures import evenly, number, numbers
from throughtime.flow.step_adjoint import FlowingBack, StepAdjoint, Steps
from throughtime.flow.unrolled import UnrolledNetwork

NOTHING = 1e-25
"""What gradients of this size, relative to the largest, add to a sum is less than its rounding."""


class Discarded(NamedTuple):
    """What truncated backpropagation through time leaves out of the gradient of the weights.

    Attributes:
        share: |g - g_k2| / |g|, g being the full gradient and g_k2 the one within windows.
        cosine: Of the angle between g_k2 and g; NaN where one of them is zero.
    """

    share: float
    cosine: float


@dataclass(frozen=True)
class Truncation:
    """What each window discards, from one step on.

    Attributes:
        windows: `Discarded` for the windows 1, 2, ... steps; longer ones discard nothing.
        norm: |g|, of the sum of the followed losses.
        norm_of_one_step: |g_1|, with the terms of each loss's own step alone.
    """

    windows: tuple[Discarded, ...]
    norm: float
    norm_of_one_step: float

    def discarded(self, k2: int) -> Discarded:
        """Give what a window of so many steps discards, the step of the loss being the first.

        Raises:
            ValueError: The window has no step.
        """
        if k2 < 1:
            raise ValueError(f"a window has at least one step, got k2={k2}")
        return self.windows[k2 - 1] if k2 <= len(self.windows) else Discarded(0.0, 1.0)

    def window(self, share: float) -> int:
        """Give the shortest window from which on at most a share is discarded."""
        beyond = [k2 for k2, found in enumerate(self.windows, 1) if not found.share <= share]
        return max(beyond, default=0) + 1

    def as_dict(self, most: int = 200) -> dict[str, Any]:
        """Give plain figures, of at most so many windows evenly chosen, and of 1, 2, 5, 10, ..."""
        count = len(self.windows)
        told = [figure * 10**power for power in range(len(str(count))) for figure in (1, 2, 5)]
        chosen = sorted({*evenly(count, most), *(k2 - 1 for k2 in told if k2 <= count)})
        return {
            "k2": [place + 1 for place in chosen],
            "share": numbers(self.windows[place].share for place in chosen),
            "norm": number(self.norm),
            "norm_of_one_step": number(self.norm_of_one_step),
            "cosine": numbers(self.windows[place].cosine for place in chosen),
        }


class TruncationCollector:
    """Adds up the gradient of all weights lag by lag, and compares it with the full one.

    Args:
        network: The network.
        adjoints: Of its layers.
    """

    def __init__(self, network: UnrolledNetwork, adjoints: Sequence[StepAdjoint]) -> None:
        self.adjoints = adjoints
        self.readout = sum(float(g.double().square().sum()) for g in network.readout)
        self.full = full_gradients(network)
        self.within = [[torch.zeros_like(g) for g in layer] for layer in self.full]
        self.beyond = [[g.clone() for g in layer] for layer in self.full]
        self.curves: list[list[Discarded]] = [[] for _ in range(len(self.full) + 1)]
        self.size = 0.0  # of the largest gradient by a state so far
        self.norms: list[tuple[float, float]] = []  # at lag 0
        self.lost = not all(bool(g.isfinite().all()) for layer in self.full for g in layer)

    def note(self, lag: Lag) -> None:
        """Add a lag."""
        if self.lost:
            return
        size = max(float(norms.max()) for norms in lag.norms)
        self.size = max(self.size, size)
        if size < NOTHING * self.size:
            for curve in self.curves:
                curve.append(curve[-1])
            return
        sums = torch.zeros(4, dtype=torch.float64)
        for place, adjoint in enumerate(self.adjoints):
            own = torch.zeros(4, dtype=torch.float64)
            parts = immediate(adjoint, lag.steps, lag.back[place])
            for part, full, within, beyond in zip(
                parts, self.full[place], self.within[place], self.beyond[place], strict=True
            ):
                within += part
                beyond -= part
                pairs = ((full, full), (within, within), (full, within), (beyond, beyond))
                own += torch.stack([(one * other).sum() for one, other in pairs]).cpu()
            self._add(place, own)
            sums += own
        self.lost = not bool(sums.isfinite().all())
        sums[:3] += self.readout  # the readout's gradient does not flow back in time
        self._add(-1, sums)

    def _add(self, curve: int, sums: Tensor) -> None:
        self.curves[curve].append(_compared(sums))
        if len(self.norms) < len(self.curves):  # the first lag
            self.norms.append((math.sqrt(sums[0]), math.sqrt(sums[1])))

    def overflow(self, lag: Lag) -> None:
        """Give up: the full gradient is no number."""
        self.lost = True

    def result(self, layer: int | None = None) -> Truncation | None:
        """Give the figures of one layer's weights, or of all that is learned; None if lost."""
        place = -1 if layer is None else layer
        return None if self.lost else Truncation(tuple(self.curves[place]), *self.norms[place])


def _compared(sums: Tensor) -> Discarded:
    full, within, both, beyond = (float(value) for value in sums)
    if full == 0.0:
        return Discarded(0.0, math.nan)
    cosine = both / math.sqrt(full * within) if within > 0.0 else math.nan
    return Discarded(math.sqrt(beyond / full), min(cosine, 1.0))


def immediate(adjoint: StepAdjoint, steps: Steps, back: FlowingBack) -> Iterator[Tensor]:
    """Give dE_s/dS_t dS_t/dW, the states before t being held, added up over losses and rows.

    Yields:
        The gradient of each weight in the order of `full_gradients`.
    """
    da, du = back.by_input.flatten(0, -2), back.by_recurrent.flatten(0, -2)
    if adjoint.weights.W is not None:
        yield da.T @ adjoint.x[steps].flatten(0, 1)
    if adjoint.weights.U is not None:
        yield du.T @ adjoint.states[0][steps].flatten(0, 1)
    if adjoint.weights.b is not None:
        yield da.sum(0)
    if adjoint.weights.c is not None:
        yield du.sum(0)
    for unit in back.by_unit:
        yield unit.flatten(0, -2).sum(0)


@torch.no_grad()
def full_gradients(network: UnrolledNetwork) -> list[list[Tensor]]:
    """Give the gradient of the followed losses by each layer's weights, in double precision.

    Returns:
        For each layer W, U, b, c, as far as it has them, and its learnable vectors.
    """
    outputs = network.explicit.double()
    found: list[list[Tensor]] = []
    pairs = list(zip(network.recurrences, network.runs, strict=True))
    for recurrence, run in reversed(pairs):
        wide, trajectory = in_double(recurrence, run.trajectory)
        d = roll_back(wide, trajectory, outputs, [torch.zeros_like(s) for s in wide.state])
        found.insert(0, [g for g in (d.W, d.U, d.b, d.c, *d.units) if g is not None])
        assert d.x is not None  # all derivatives are wanted
        outputs = d.x
    return found


def in_double(recurrence: Recurrence, trajectory: Trajectory) -> tuple[Recurrence, Trajectory]:
    """Give what was run, and what its backward pass reads, in double precision."""
    kept = tuple(k if k.dtype == torch.bool else k.double() for k in trajectory.kept)
    return _wide(recurrence), Trajectory(tuple(s.double() for s in trajectory.states), kept)


def _wide(recurrence: Recurrence) -> Recurrence:
    weights = recurrence.weights
    matrices = {name: getattr(weights, name) for name in ("W", "U", "b", "c")}
    return replace(
        recurrence,
        x=recurrence.x.double(),
        state=tuple(state.double() for state in recurrence.state),
        taken=recurrence.taken and tuple(share.double() for share in recurrence.taken),
        weights=Weights(
            **{name: None if t is None else t.double() for name, t in matrices.items()},
            units=tuple(unit.double() for unit in weights.units),
        ),
    )
