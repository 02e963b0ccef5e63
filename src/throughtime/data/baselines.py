"""Forecasts that a network has to beat: the last value, and a linear autoregression."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.data.errors import DataError


def persistence(values: Tensor) -> Tensor:
    """Forecast each value by the one before it.

    Args:
        values: The target, floating point. [T]

    Returns:
        One-step forecasts: entry t is made from what was known at t - 1; the first is NaN. [T]

    Raises:
        ValueError: `values` is not a vector of floating-point numbers.
    """
    return seasonal_naive(values, 1)


def seasonal_naive(values: Tensor, season: int) -> Tensor:
    """Forecast each value by the one a season before it.

    Args:
        values: The target, floating point. [T]
        season: Steps of a season; 1 gives `persistence`.

    Returns:
        One-step forecasts, the first `season` NaN. [T]

    Raises:
        ValueError: `values` is not a vector of floating-point numbers, or the season is below 1.
    """
    _check_vector(values)
    if season < 1:
        raise ValueError(f"a season must have at least 1 step, but is {season}")
    forecasts = torch.full_like(values, torch.nan)  # [T]
    forecasts[season:] = values[:-season]
    return forecasts


def seasonal_naive_ahead(values: Tensor, season: int, horizon: int) -> tuple[Tensor, Tensor]:
    """Forecast the steps after the last by the last season, over and over.

    Args:
        values: The target, floating point. [T]
        season: Steps of a season, m; 1 gives persistence.
        horizon: Steps to forecast, H.

    Returns:
        The forecasts, and the standard deviation of their errors: that of changes over a season,
        times the root of the seasons that have passed (Hyndman & Athanasopoulos, Forecasting:
        principles and practice, table 5.2). [H] each

    Raises:
        ValueError: `values` is not a vector of floating-point numbers, of more than a season.
    """
    errors = (values - seasonal_naive(values, season))[season:]
    if not len(errors):
        raise ValueError(f"{len(values)} values have no season of {season} before the last")
    steps = torch.arange(horizon, device=values.device)
    passed = (steps // season + 1).to(values)
    forecasts = values[len(values) - season + steps % season]
    return forecasts, errors.square().mean().sqrt() * passed.sqrt()


@dataclass(frozen=True)
class Autoregression:
    """A linear autoregression AR(p): an intercept plus weighted earlier values (Yule 1927).

    Attributes:
        intercept: The constant term, in units of the target.
        coefficients: The weights of the last value, the one before it, and so on. Length p.
    """

    intercept: float
    coefficients: tuple[float, ...]

    @property
    def order(self) -> int:
        """How many earlier values a forecast is made from, p."""
        return len(self.coefficients)

    @classmethod
    def fit(cls, values: Tensor, rows: range, order: int) -> Autoregression:
        """Fit by least squares on the targets that lie, with all of their lags, inside some rows.

        Args:
            values: The target, finite, floating point. [T]
            rows: Consecutive rows that may be learned from; no value outside them is looked at.
            order: The number of lags p, at least 1.

        Returns:
            The fitted model, computed in float64.

        Raises:
            ValueError: `values` is not a floating-point vector, `rows` does not lie within it or
                leaves some out, or `order` is below 1.
            DataError: There are fewer targets than coefficients, or the lags depend on each other
                linearly (a constant, a straight line, a pure oscillation), so that many models fit.
        """
        _check_vector(values)
        if order < 1:
            raise ValueError(f"order must be at least 1, but is {order}")
        if not rows or rows.step != 1 or rows.start < 0 or rows.stop > len(values):
            raise ValueError(
                f"rows must be consecutive and lie within the {len(values)} values, but came as "
                f"{rows}"
            )
        seen = values[rows.start : rows.stop].double()  # [R]
        targets = len(seen) - order
        if targets < order + 1:
            raise DataError(
                f"An autoregression of order {order} needs at least {2 * order + 1} rows to be "
                f"fitted on; there are {len(seen)}.\n"
                f"To mend: give more rows, or an order of at most {max(0, (len(seen) - 1) // 2)}."
            )
        # Without centring, a large mean would make the lags look dependent on the intercept.
        center, scale = seen.mean(), seen.std(correction=0)
        unit = (seen - center) / torch.where(scale > 1e-12 * seen.abs().max(), scale, 1.0)  # [R]
        design = _design(unit, order)[order:]  # [R - p, 1 + p]
        rank = int(torch.linalg.matrix_rank(design, rtol=1e-9))
        if rank < order + 1:
            raise DataError(
                f"An autoregression of order {order} has no unique fit: its {order} lags and the "
                f"intercept depend on each other linearly (rank {rank} of {order + 1}), as in a "
                "constant, a straight line or a pure oscillation.\n"
                "To mend: give a lower order, or more rows on which the series varies."
            )
        solution = torch.linalg.lstsq(design, unit[order:, None], driver="gelsd").solution[:, 0]
        weights = solution[1:]  # [p]
        intercept = solution[0] * scale + center * (1 - weights.sum())
        return cls(float(intercept), tuple(weights.tolist()))

    def predict(self, values: Tensor) -> Tensor:
        """Forecast each value from the p before it.

        Args:
            values: The target, floating point. [T]

        Returns:
            One-step forecasts: entry t is made from values t - p to t - 1; the first p are NaN. [T]

        Raises:
            ValueError: `values` is not a vector of floating-point numbers.
        """
        _check_vector(values)
        weights = values.new_tensor([self.intercept, *self.coefficients])  # [1 + p]
        return _design(values, self.order) @ weights


def _design(values: Tensor, order: int) -> Tensor:
    """A column of ones and the lags 1 to p of each value, NaN where there is none: [T, 1 + p]."""
    columns = [torch.ones_like(values)]
    for lag in range(1, order + 1):
        lagged = torch.full_like(values, torch.nan)
        lagged[lag:] = values[:-lag]
        columns.append(lagged)
    return torch.stack(columns, dim=1)


def _check_vector(values: Tensor) -> None:
    if values.ndim != 1 or not values.is_floating_point():
        raise ValueError(
            f"values must be a vector of floating-point numbers [T], but came as {values.dtype} "
            f"with shape {tuple(values.shape)}"
        )
