"""The two ways back through a step: carried by the state itself, or through U and the gates.

With `u = U h + c` the Jacobian of a step is `dS_t/dS_{t-1} = D_t + R_t U`: D is diagonal, the
derivative while u is held (f of an LSTM's c, z of a GRU's h), R_t the derivative by u. Which is
which is read off the adjoint of the cell's program, whatever the cell. What goes through D alone
all the way is the carry path, the constant error carousel of Hochreiter & Schmidhuber (1997).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from throughtime.flow.backward_by_lag import Lag, norm, steps_at
from throughtime.flow.figures import number, numbers
from throughtime.flow.step_adjoint import StepAdjoint


@dataclass(frozen=True)
class Paths:
    """By which way one layer's gradient came back.

    Attributes:
        lag: Steps between loss and state, as of `ByLag`.
        carry: The norm of what came by the carry path alone, relative to the whole gradient at lag
            0: the median over losses and rows.
        share: The share of the carry path in the whole gradient at that lag, its component along
            it: the median. The rest came through U at least once, or from the layers above. Below 0
            or above 1 where the ways work against each other.
        step: The shares of the ways through one step: "carry", and each gate by its name, through
            the gate's rows of U. They add up to 1; the mean over lags 0, 1, 2, 4, ..., losses and
            rows.
        kept: For each state, the mean over all steps, rows and units of dS_t/dS_{t-1} while u is
            held: the mean of a forget gate. None of a cell whose units hear each other otherwise
            than through U.
    """

    lag: tuple[int, ...]
    carry: tuple[float, ...]
    share: tuple[float, ...]
    step: dict[str, float]
    kept: dict[str, float] | None

    def as_dict(self) -> dict[str, Any]:
        """Give plain figures."""
        return {
            "lag": list(self.lag),
            "carry": numbers(self.carry),
            "share": numbers(self.share),
            "step": {way: number(share) for way, share in self.step.items()},
            "kept": self.kept,
        }


class PathsCollector:
    """Follows the carry path beside the whole gradient.

    Args:
        layer: Which, from the input up.
        adjoint: Its steps.
        count: The losses that are counted, the last ones of all.
        last: The lags that are counted.
        lengths: Valid steps of each row, [B].
    """

    def __init__(
        self, layer: int, adjoint: StepAdjoint, count: int, last: int, lengths: Tensor
    ) -> None:
        self.layer, self.adjoint, self.count, self.last = layer, adjoint, count, last
        self.kept = _kept(adjoint, lengths)
        self.carried: tuple[Tensor, ...] | None = None
        self.start: Tensor | None = None
        self.carry: list[float] = []
        self.share: list[float] = []
        self.ways: list[Tensor] = []
        self.overflowed = False

    def note(self, lag: Lag) -> None:
        """Add a lag."""
        if lag.lag > self.last:
            return
        deltas = tuple(state[-self.count :] for state in lag.deltas[self.layer])
        if self.carried is None:
            self.carried, self.start = deltas, lag.norms[self.layer][-self.count :]
        assert self.start is not None
        there, whole = self.start > 0, _dot(deltas, deltas)
        relative = (norm(self.carried) / self.start)[there]
        shares = (_dot(self.carried, deltas) / whole)[there & (whole > 0)]
        self.carry.append(float(relative.median()) if len(relative) else 0.0)
        self.share.append(float(shares.median()) if len(shares) else torch.nan)
        if lag.lag & (lag.lag - 1) == 0:  # 0, 1, 2, 4, 8, ...
            self._note_ways(lag)
        if any(state.any() for state in self.carried):
            steps = steps_at(lag.losses[-self.count :] - lag.lag, self.carried[0].device)
            self.carried = self.adjoint.carried(steps, self.carried)

    def _note_ways(self, lag: Lag) -> None:
        back = lag.back[self.layer]
        whole = back.by_state()
        size = _dot(whole, whole)[-self.count :]
        ways = [_dot(back.carried, whole)]
        if back.U is not None:
            gates = len(self.adjoint.cell.recurrent_gates)
            pairs = zip(back.by_recurrent.chunk(gates, -1), back.U.chunk(gates), strict=True)
            ways += [((du @ U) * whole[0]).sum(-1) for du, U in pairs]
        shares = torch.stack(ways)[:, -self.count :] / size  # [ways, n, B]
        self.ways.append(shares[:, size > 0])

    def overflow(self, lag: Lag) -> None:
        """Note that gradients are no numbers any more, and have no parts."""
        self.overflowed = True

    def result(self) -> Paths:
        """Give the figures; where nothing is left of any gradient there are no shares."""
        names = ("carry", *self.adjoint.cell.recurrent_gates)
        ways = torch.cat(self.ways, 1)
        missing = 0 if self.overflowed else self.last + 1 - len(self.carry)
        self.carry += [0.0] * missing
        self.share += [torch.nan] * missing
        mean = ways.mean(1).tolist() if ways.shape[1] else [torch.nan] * len(names)
        return Paths(
            lag=tuple(range(len(self.carry))),
            carry=tuple(self.carry),
            share=tuple(self.share),
            step=dict(zip(names, mean, strict=True)),
            kept=self.kept,
        )


def _dot(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> Tensor:
    """Give the scalar product over the units of all states, [..., B]."""
    return torch.stack([(a * b).sum(-1) for a, b in zip(one, other, strict=True)]).sum(0)


def _kept(adjoint: StepAdjoint, lengths: Tensor) -> dict[str, float] | None:
    """Give the mean of dS_t/dS_{t-1} for each state, u being held."""
    if adjoint.cell.row_operation is not None:
        return None
    T, B, H = adjoint.states[0].shape
    valid = (torch.arange(T)[:, None] < lengths).to(adjoint.x.device)  # [T, B]
    kept = {}
    for place, name in enumerate(adjoint.cell.states):
        ones = [
            adjoint.x.new_full((1, 1, H), float(k == place)) for k in range(len(adjoint.states))
        ]
        factor = adjoint.carried(slice(0, T), ones)[place].expand(T, B, H)
        kept[name] = float(factor[valid].mean())
    return kept
