"""The Jacobian of a step, dS_t/dS_{t-1}, and its products over several steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from throughtime.flow.backward_by_lag import SMALLEST
from throughtime.flow.figures import evenly, numbers
from throughtime.flow.step_adjoint import StepAdjoint

CHUNK = 250_000
"""Numbers that are held at once while Jacobians are formed."""


@dataclass(frozen=True, eq=False)
class Jacobian:
    """How one layer's own step stretches a change of its state; n = states * units numbers.

    Attributes:
        rows: The rows of the batch that were looked at.
        steps: The steps t whose Jacobian dS_t/dS_{t-1} was formed.
        largest: Its largest singular value, the most that a gradient can grow going back through
            the step, float64 [rows, steps].
        lag: Lags of the products dS_{t+lag}/dS_t, t being the first of the last `lag[-1]` steps.
        singular_values: Their singular values, largest first, the median over the rows, float64
            [lags, n]. Those less than 1e-16 of the largest are rounding.
    """

    rows: tuple[int, ...]
    steps: range
    largest: Tensor
    lag: tuple[int, ...]
    singular_values: Tensor

    def as_dict(self, most: int = 200, ranks: int = 17) -> dict[str, Any]:
        """Give plain figures: at most so many steps, and singular values, evenly chosen."""
        columns = evenly(len(self.steps), most)
        chosen = evenly(self.singular_values.shape[1], ranks)
        return {
            "rows": list(self.rows),
            "steps": [self.steps[column] for column in columns],
            "largest": [numbers(row[columns]) for row in self.largest],
            "lag": list(self.lag),
            "ranks": [rank + 1 for rank in chosen],
            "singular_values": [numbers(row[chosen]) for row in self.singular_values],
        }


def jacobians(adjoint: StepAdjoint, steps: slice) -> Tensor:
    """Form the Jacobians of steps.

    Args:
        adjoint: The steps of a layer.
        steps: Which.

    Returns:
        dS_t/dS_{t-1}, [steps, B, n, n], n = states * units; units stand together.
    """
    H, K = adjoint.states[0].shape[-1], len(adjoint.states)
    # Row i of a Jacobian is what a gradient of one at state i becomes.
    seeds = torch.eye(K * H, dtype=torch.float64, device=adjoint.x.device)
    received = [part[:, None, None] for part in torch.split(seeds, H, 1)]  # [n, 1, 1, H]
    back = torch.cat(adjoint(steps, received).by_state(), -1)  # [n, steps, B, n]
    return back.permute(1, 2, 0, 3)


def chunks(adjoint: StepAdjoint, steps: range) -> Iterator[tuple[range, Tensor]]:
    """Yield the Jacobians of consecutive steps, in order, a chunk of bounded size at a time."""
    (_, B, H), K = adjoint.states[0].shape, len(adjoint.states)
    each = max(1, CHUNK // (K * H * B * K * H))
    for place in range(0, len(steps), each):
        part = steps[place : place + each]
        yield part, jacobians(adjoint, slice(part.start, part.stop))


class JacobianCollector:
    """Gathers the figures of `Jacobian` from Jacobians in order of time.

    Args:
        rows: The rows of the batch that are looked at.
        steps: The steps.
        last: The longest lag of a product.
    """

    def __init__(self, rows: Sequence[int], steps: range, last: int) -> None:
        self.rows, self.steps = tuple(rows), steps
        last = min(last, len(steps))
        self.first = steps.stop - last
        geometric = torch.logspace(0, 1, 24, base=max(last, 1), dtype=torch.float64)
        self.wanted = sorted({int(lag) for lag in geometric.round()}) if last else []
        self.largest: list[Tensor] = []
        self.products: list[Tensor] = []
        self.product: Tensor | None = None

    def note(self, steps: range, jacobian: Tensor) -> None:
        """Add the Jacobians of steps, [steps, B, n, n]."""
        squares = torch.linalg.eigvalsh(jacobian @ jacobian.mT)[..., -1]
        self.largest.append(squares.clamp(min=0.0).sqrt().T)  # [B, steps]
        for t, one in zip(steps, jacobian, strict=True):
            if t < self.first:
                continue
            self.product = one if self.product is None else one @ self.product
            if t - self.first + 1 in self.wanted:
                self.products.append(self._singular_values(self.product))

    def _singular_values(self, product: Tensor) -> Tensor:
        size = product.abs().amax()
        if not size.isfinite():
            return torch.full(product.shape[-1:], torch.nan, dtype=torch.float64)
        if size < SMALLEST:
            return torch.zeros(product.shape[-1], dtype=torch.float64)
        values: Tensor = torch.linalg.svdvals(product / size) * size  # [B, n]
        return values.quantile(0.5, dim=0).cpu()

    def result(self) -> Jacobian:
        """Give the figures."""
        return Jacobian(
            rows=self.rows,
            steps=self.steps,
            largest=torch.cat(self.largest, 1).cpu(),
            lag=tuple(self.wanted),
            singular_values=torch.stack(self.products),
        )
