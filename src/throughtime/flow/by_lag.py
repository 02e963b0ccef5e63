"""How far back in time gradients reach: the norm of dE_s/dS_t by the lag s - t."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from throughtime.flow.backward_by_lag import SMALLEST, Lag
from throughtime.flow.figures import number, numbers

_AT_ONCE = 1_000_000
"""Numbers whose quantiles are taken together: one lag a time would be slow where there are few."""


@dataclass(frozen=True)
class ByLag:
    """The gradient that one layer's states receive, by lag.

    Norms are relative to the one at lag 0, of the same loss and row.

    Attributes:
        lag: Steps between the loss and the state. All losses counted have all of these lags, so
            that the curve compares like with like.
        median: Over losses and rows.
        lower: The 10 % quantile.
        upper: The 90 % quantile.
        growth: The factor by which the median grows a step, fitted (see `growth`); None for fewer
            than two lags.
        overflow: The lag at which gradients leave the range of numbers, where the curve ends; None
            if they do not.
    """

    lag: tuple[int, ...]
    median: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    growth: float | None
    overflow: int | None = None

    def horizon(self, fraction: float = 0.01) -> int | None:
        """Give the first lag at which the median has fallen to a fraction of that at lag 0.

        Returns:
            Steps; None if it has not within the lags looked at.
        """
        return next(
            (lag for lag, norm in zip(self.lag, self.median, strict=True) if norm <= fraction), None
        )

    def as_dict(self, fraction: float) -> dict[str, Any]:
        """Give plain figures."""
        return {
            "lag": list(self.lag),
            "median": numbers(self.median),
            "lower": numbers(self.lower),
            "upper": numbers(self.upper),
            "horizon": self.horizon(fraction),
            "growth": None if self.growth is None else number(self.growth),
            "overflow": self.overflow,
        }


class ByLagCollector:
    """Gathers one layer's norms relative to lag 0.

    Counted are the losses of the later half and the lags that all of these have.

    Args:
        layer: Which, from the input up.
        losses: All that are followed, ascending, [S].
    """

    def __init__(self, layer: int, losses: Tensor) -> None:
        self.layer = layer
        late = losses[losses >= (int(losses[-1]) + 1) // 2]
        self.count, self.last = len(late), int(late[0])
        self.quantiles: list[list[float]] = []
        self.waiting: list[Tensor] = []  # whose quantiles are not yet taken
        self.start: Tensor | None = None
        self.overflowed: int | None = None

    def note(self, lag: Lag) -> None:
        """Add a lag."""
        if lag.lag > self.last:
            return
        norms = lag.norms[self.layer][-self.count :].flatten()  # [losses * B]
        if self.start is None:
            self.start, self.heard = norms, norms > 0
        relative = (norms / self.start)[self.heard]
        if len(relative):
            self.waiting.append(relative)
            if len(self.waiting) * len(relative) >= _AT_ONCE:
                self._take_quantiles()

    def _take_quantiles(self) -> None:
        if self.waiting:
            laid = torch.stack(self.waiting, 1)  # [losses * B, lags]
            levels = torch.tensor((0.1, 0.5, 0.9), dtype=laid.dtype, device=laid.device)
            self.quantiles += laid.quantile(levels, dim=0).T.tolist()
            self.waiting.clear()

    def overflow(self, lag: Lag) -> None:
        """Note that the gradient is no number from a lag on."""
        self.overflowed = lag.lag

    def result(self) -> ByLag:
        """Give the figures; lags at which nothing was left of any gradient are zero."""
        self._take_quantiles()
        missing = self.last + 1 - len(self.quantiles)
        if self.overflowed is None and self.quantiles:
            self.quantiles += [[0.0, 0.0, 0.0]] * missing
        lower, median, upper = (tuple(q[place] for q in self.quantiles) for place in range(3))
        lags = tuple(range(len(median)))
        assert self.start is not None  # lag 0 is always there
        typical = float(self.start[self.start > 0].median()) if self.start.any() else 1.0
        fitted = growth(median, 1e10 * SMALLEST / typical)
        return ByLag(lags, median, lower, upper, fitted, self.overflowed)


def growth(median: Sequence[float], floor: float = 0.0) -> float | None:
    """Fit the factor by which a curve grows a step, once the first steps have passed.

    A straight line by least squares through the logarithms, on the later half of the lags before
    the curve comes near the smallest numbers that can be told from zero. The earlier half, in which
    a gradient turns towards the direction that lasts, is left out.

    Returns:
        The factor; 0 for a curve that is zero from lag 1 on, None for fewer than two lags.
    """
    used = next((lag for lag, norm in enumerate(median) if norm <= floor), len(median))
    if len(median) < 2:
        return None
    if used < 2:
        return 0.0
    lags = range(min(used // 2, used - 2), used)
    logarithms = torch.tensor([median[lag] for lag in lags], dtype=torch.float64).log()
    places = torch.tensor(list(lags), dtype=torch.float64)
    places = places - places.mean()
    return math.exp(float((places * logarithms).sum() / (places * places).sum()))
