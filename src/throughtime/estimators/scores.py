"""One-step forecasts measured, always beside persistence and a linear autoregression."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from throughtime.data import Autoregression, DataError, Dataset, Series, Split, persistence

AUTOREGRESSION_ORDER = 9
"""The order of the linear model: the one that the sunspot literature compares with."""


@dataclass(frozen=True)
class Comparison:
    """One-step forecasts of a series by several forecasters.

    Attributes:
        dataset: What was forecast.
        forecasts: For each forecaster its forecast of every row from the rows before it, in units
            of the target, NaN where there is none. [T] each.
    """

    dataset: Dataset
    forecasts: dict[str, Tensor]

    def scores(self) -> dict[str, dict[str, dict[str, float | int] | None]]:
        """Give the scores by forecaster and test period.

        Returns:
            "mse" and "mae" in units of the target, "arv" (mean squared error over the data set's
            variance) and the "count" of rows; None where a forecaster has no forecast.
        """
        target = self.dataset.series.values[:, 0]
        return {
            name: {
                period: _score(forecast, target, rows, self.dataset.variance)
                for period, rows in self.dataset.split.tests.items()
            }
            for name, forecast in self.forecasts.items()
        }

    def write(self, path: Path) -> None:
        """Write times, parts, observations and forecasts as CSV; what is undefined stays empty."""
        write_forecasts(path, self.dataset.series, self.forecasts, self.dataset.split)


def compare(dataset: Dataset, model_forecast: Tensor) -> Comparison:
    """Put a model's one-step forecasts beside baselines that are fitted on the training rows.

    The baselines have no use for a validation, and are fitted on its rows too.

    Args:
        dataset: What was forecast.
        model_forecast: The model's forecast of every row, in units of the target. [T]

    Returns:
        Forecasts by "model", "ar9" and "persistence"; those of "ar9" are NaN where it has no unique
        fit (too few rows, or a straight line or a pure oscillation).
    """
    target = dataset.series.values[:, 0]
    try:
        linear = Autoregression.fit(target, dataset.split.train, AUTOREGRESSION_ORDER)
        autoregression = linear.predict(target)
    except DataError:
        autoregression = torch.full_like(target, torch.nan)
    forecasts = {
        "model": model_forecast.to(target),
        f"ar{AUTOREGRESSION_ORDER}": autoregression,
        "persistence": persistence(target),
    }
    return Comparison(dataset, forecasts)


def _score(
    forecast: Tensor, target: Tensor, rows: range, variance: float
) -> dict[str, float | int] | None:
    error = (forecast - target)[rows.start : rows.stop]
    if len(error) == 0 or not bool(torch.isfinite(error).all()):
        return None
    mse = float(error.square().mean())
    return {
        "arv": mse / variance,
        "mse": mse,
        "mae": float(error.abs().mean()),
        "count": len(error),
    }


def write_forecasts(
    path: Path,
    series: Series,
    forecasts: dict[str, Tensor],
    split: Split | None = None,
    following: dict[str, Any] | None = None,
) -> None:
    """Write forecasts beside the observations as CSV.

    Args:
        path: The file.
        series: What was forecast.
        forecasts: By the name of their column, [T] each; NaN becomes an empty cell.
        split: Names the part of each row, in a column "part".
        following: One more row, by column: what comes after the last observation.
    """
    columns = [series.time_name, *(["part"] if split else []), "observed", *forecasts]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        observed = series.values[:, 0].tolist()
        columns_of_forecasts = [forecast.tolist() for forecast in forecasts.values()]
        for row, time in enumerate(series.times):
            values = [observed[row], *(column[row] for column in columns_of_forecasts)]
            cells = ["" if math.isnan(value) else f"{value:.10g}" for value in values]
            writer.writerow([time, *([split.part_of(row)] if split else []), *cells])
        if following is not None:
            writer.writerow(following.get(column, "") for column in columns)
