"""Lyapunov exponents: the rates at which small changes of a state grow along a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from throughtime.flow.figures import numbers

WARM_UP = 200
"""Steps after which the directions are taken for turned, or half of the steps if these are few."""


@dataclass(frozen=True, eq=False)
class LyapunovSpectrum:
    """The Lyapunov exponents of one layer, driven by the sequence that it was given.

    Attributes:
        exponents: Natural logarithms of growth factors a step, largest first, the mean over the
            rows, float64 [n]; minus infinity where a step forgets a direction altogether.
        by_row: The same row by row, [rows, n].
        steps: Steps that were averaged over.
    """

    exponents: Tensor
    by_row: Tensor
    steps: int

    @property
    def top(self) -> float:
        """The largest exponent: above 0, two states that are close to each other part."""
        return float(self.exponents[0])

    def as_dict(self) -> dict[str, Any]:
        """Give plain figures."""
        return {"exponents": numbers(self.exponents), "steps": self.steps}


class LyapunovCollector:
    """Follows an orthonormal frame along a sequence (Benettin et al. 1980).

    `J_t Q_{t-1} = Q_t R_t` at every step: the frame turns towards the directions that grow most,
    and the logarithm of |R_ii|, averaged over the steps, is the i-th exponent.

    Args:
        steps: How many there will be.
    """

    def __init__(self, steps: int) -> None:
        self.left = min(steps // 2, WARM_UP)
        self.count = steps - self.left
        self.frame: Tensor | None = None
        self.sums: Tensor | None = None

    def note(self, steps: range, jacobian: Tensor) -> None:
        """Add the Jacobians of steps in order of time, [steps, B, n, n]."""
        for one in jacobian:
            stretched = one if self.frame is None else one @ self.frame
            self.frame, triangular = torch.linalg.qr(stretched)
            if self.left:
                self.left -= 1
                continue
            rates = _lengths(triangular).log()  # [B, n]
            self.sums = rates if self.sums is None else self.sums + rates

    def result(self) -> LyapunovSpectrum:
        """Give the spectrum."""
        assert self.sums is not None  # there was a step
        by_row = (self.sums / self.count).sort(-1, descending=True).values.cpu()
        return LyapunovSpectrum(by_row.mean(0), by_row, self.count)


def _lengths(triangular: Tensor) -> Tensor:
    """Give |R_ii| of each row, [B, n, n] to [B, n]; 0 where it is what rounding leaves of a 0."""
    found = triangular.diagonal(dim1=-2, dim2=-1).abs()
    rounding = torch.finfo(found.dtype).eps * found.shape[-1] * triangular.norm(dim=-2)
    return torch.where(found > rounding, found, 0.0)
