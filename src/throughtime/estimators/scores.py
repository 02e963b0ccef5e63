"""One-step forecasts measured, always beside persistence and a linear autoregression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from throughtime.data import Autoregression, DataError, Dataset, persistence
from throughtime.data.stored.scratch import release
from throughtime.estimators.forecast_file import Forecast, write_forecasts
from throughtime.estimators.made_on_demand import of_each

AUTOREGRESSION_ORDER = 9
"""The order of the linear model: the one that the sunspot literature compares with."""


@dataclass(frozen=True)
class Comparison:
    """One-step forecasts of a data set by several forecasters.

    Attributes:
        dataset: What was forecast.
        forecasts: For each forecaster and each series its forecast of every row from the rows
            before it, in units of the target, NaN where there is none. [T] each.
    """

    dataset: Dataset
    forecasts: Mapping[str, Sequence[Tensor]]

    def scores(self) -> dict[str, dict[str, dict[str, Any] | None]]:
        """Give the scores by forecaster and test period, over the test rows of all series.

        Returns:
            "mse" and "mae" in units of the target, "arv" (mean squared error over the data set's
            variance, if it has one), "mase" and the "count" of rows; None where a forecaster has
            no forecast of some series. The mean absolute scaled error (Hyndman & Koehler 2006) of
            a series is its mean absolute error over that of persistence on its training rows; it
            is averaged over the series on which the latter is not zero, None if there is none.
        """
        return {
            name: {period: self._score(forecasts, period) for period in self.dataset.tests}
            for name, forecasts in self.forecasts.items()
        }

    def _score(self, forecasts: Sequence[Tensor], period: str) -> dict[str, Any] | None:
        members = self.dataset.members
        periods = [member.split.tests.get(period, range(0)) for member in members]
        tested = [
            range(len(member.series))[rows.start : rows.stop]
            for member, rows in zip(members, periods, strict=True)
        ]
        # One tensor for all: thousands of small ones would keep apart what could be free.
        together = torch.empty(sum(map(len, tested)), dtype=members[0].series.values.dtype)
        scaled = []
        errors = torch.split(together, [len(rows) for rows in tested])
        for member, rows, forecast, error in zip(members, tested, forecasts, errors, strict=True):
            target = member.series.values[:, 0]
            error[:] = forecast[rows.start : rows.stop] - target[rows.start : rows.stop]
            naive = float(target[: member.split.train.stop].diff().abs().mean())
            release()
            if len(error) and naive > 0:
                scaled.append(float(error.abs().mean()) / naive)
        if len(together) == 0 or not bool(torch.isfinite(together).all()):
            return None
        mse = float(together.square().mean())
        variance = self.dataset.variance
        return {
            **({} if variance is None else {"arv": mse / variance}),
            "mse": mse,
            "mae": float(together.abs().mean()),
            "mase": sum(scaled) / len(scaled) if scaled else None,
            "count": len(together),
        }

    def write(self, path: Path) -> None:
        """Write times, parts, observations and forecasts as CSV; what is undefined stays empty."""
        series = (
            Forecast(
                member.series,
                {name: forecasts[place] for name, forecasts in self.forecasts.items()},
                member.split,
            )
            for place, member in enumerate(self.dataset.members)
        )
        with path.open("w", newline="", encoding="utf-8") as file:
            write_forecasts(file, series, self.dataset.series_column)


def compare(dataset: Dataset, model_forecasts: Sequence[Tensor]) -> Comparison:
    """Put a model's one-step forecasts beside baselines that are fitted on the training rows.

    The baselines are fitted to each series by itself. They have no use for a validation, and are
    fitted on its rows too.

    Args:
        dataset: What was forecast.
        model_forecasts: For each series the model's forecast of every row, in units of the target.
            [T] each.

    Returns:
        Forecasts by "model", "ar9" and "persistence"; those of "ar9" are NaN where it has no unique
        fit (too few rows, or a straight line or a pure oscillation).
    """
    members = dataset.members
    series, targets = [m.series for m in members], [m.series.values[:, 0] for m in members]
    fits = [
        _autoregression(*of) for of in zip(targets, (m.split.train for m in members), strict=True)
    ]

    def autoregression(place: int) -> Tensor:
        fit = fits[place]
        return (
            torch.full_like(targets[place], torch.nan)
            if fit is None
            else fit.predict(targets[place])
        )

    return Comparison(
        dataset,
        {
            "model": [f.to(target) for f, target in zip(model_forecasts, targets, strict=True)],
            f"ar{AUTOREGRESSION_ORDER}": of_each(series, autoregression),
            "persistence": of_each(series, lambda place: persistence(targets[place])),
        },
    )


def _autoregression(target: Tensor, rows: range) -> Autoregression | None:
    try:
        return Autoregression.fit(target, rows, AUTOREGRESSION_ORDER)
    except DataError:
        return None
    finally:
        release()
