"""Forecasts of many steps: the ways that series may go, and what can be said of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from throughtime.data import Series
from throughtime.data.future import following
from throughtime.estimators.series_model import SeriesModel
from throughtime.estimators.settings import SettingsError
from throughtime.estimators.simulation import simulate

if TYPE_CHECKING:
    import polars as pl

PATHS = 500
"""Ways that are drawn of a series, where nothing else is said."""


@dataclass(frozen=True)
class HorizonForecast:
    """What is said of the rows that follow a series.

    Attributes:
        name: The series'.
        time_name: The time column's.
        times: Of the rows to come, as they will be written. Length H
        predicted: The forecast: the median of the ways; of a network of numbers alone, what follows
            if it errs nowhere. Float64, [H]
        paths: Ways that the series may go, [S, H]; None where none were drawn.
        counts: Whether values are counts, whose quantiles are counts too.
    """

    name: str
    time_name: str
    times: tuple[str, ...]
    predicted: Tensor
    paths: Tensor | None = None
    counts: bool = False

    def quantile(self, share: float | Sequence[float]) -> Tensor:
        """Give the values below which a share of the ways lie, [H], or [shares, H].

        Raises:
            SettingsError: No ways were drawn.
        """
        if self.paths is None:
            raise SettingsError("no ways were drawn; ask for them by a level")
        shares = self.paths.new_tensor(share)
        between = "nearest" if self.counts else "linear"
        return torch.quantile(self.paths, shares, dim=0, interpolation=between)

    def interval(self, level: float) -> tuple[Tensor, Tensor]:
        """Give the central interval that holds so many percent of the ways, [H] each."""
        low, high = self.quantile(shares_of(level))
        return low, high

    def columns(self, levels: Sequence[float] = ()) -> dict[str, Tensor]:
        """Give the forecast, and the intervals of some levels, by the names of their columns."""
        found = {"predicted": self.predicted}
        for level in levels:
            said = f"{level:.10g}"
            found[f"lower-{said}"], found[f"upper-{said}"] = self.interval(level)
        return found


def forecast(
    model: SeriesModel,
    series: Sequence[Series],
    horizon: int,
    known: Sequence[Tensor] | None = None,
    paths: int = PATHS,
    seed: int = 0,
) -> list[HorizonForecast]:
    """Forecast the rows that follow series.

    Arguments and errors are those of `simulate`; a forecast that grows beyond all numbers is a
    SettingsError. A network of numbers alone gives its forecast
    without drawing; its ways are drawn beside it.
    """
    # Times beyond all dates are found out before anything is computed.
    times = [following(one.clock, one.times, horizon)[1] for one in series]
    drawn = simulate(model, series, horizon, known, paths, seed) if paths else None
    plain = None
    if drawn is None or not model.rows.output.distribution:
        plain = simulate(model, series, horizon, known, 0, seed)
    found, counts = [], model.rows.output.counts
    for place, one in enumerate(series):
        ways = None if drawn is None else drawn[place]
        if plain is not None:
            center = plain[place][0]
        else:
            assert ways is not None
            between = "nearest" if counts else "linear"
            center = ways.quantile(0.5, 0, interpolation=between)
        _check_finite(one.name, center if ways is None else torch.cat([center[None], ways]))
        named = one.name, one.time_name, tuple(times[place])
        found.append(HorizonForecast(*named, center, ways, counts))
    return found


def _check_finite(name: str, values: Tensor) -> None:
    """Refuse forecasts that have grown beyond all numbers, [H] or [ways, H]."""
    finite = values.isfinite().reshape(-1, values.shape[-1]).all(0)
    if not bool(finite.all()):
        step = int((~finite).nonzero()[0]) + 1
        raise SettingsError(
            f"the forecast of {name!r} grows beyond all numbers from step {step} on; take a "
            "shorter horizon, or train without the transform, or with difference 0"
        )


def shares_of(level: float) -> tuple[float, float]:
    """Give the shares of values below the two ends of a central interval of so many percent."""
    return (0.5 - level / 200, 0.5 + level / 200)


def check_levels(asked: Sequence[float] | float) -> tuple[float, ...]:
    """Give levels in order.

    Args:
        asked: Percents, or one.

    Raises:
        SettingsError: One is not between 0 and 100.
    """
    several = isinstance(asked, Iterable) and not isinstance(asked, str)
    levels: list[Any] = [*asked] if isinstance(asked, Iterable) and several else [asked]
    for level in levels:
        number = isinstance(level, Real) and not isinstance(level, bool)
        if not number or not 0 < level < 100 or math.isnan(level):
            raise SettingsError(
                f"a level is a number of percent between 0 and 100, such as 95; got {level!r}"
            )
    return tuple(sorted({float(level) for level in levels}))


def as_frame(
    forecasts: Sequence[HorizonForecast],
    levels: Sequence[float] = (),
    series_column: str | None = None,
) -> pl.DataFrame:
    """Give forecasts as a frame: a row a step, those of several series below each other.

    Args:
        forecasts: At least one.
        levels: Of intervals: columns "lower-95" and "upper-95".
        series_column: The name of the column that tells series apart; None for no such column.
    """
    import polars as pl

    parts = []
    for one in forecasts:
        numbers = {name: c.tolist() for name, c in one.columns(levels).items()}
        places = placed(one.name, series_column, one.times, one.time_name, numbers)
        parts.append(pl.DataFrame({**places, **numbers}))
    return pl.concat(parts)


def placed(
    name: str,
    series_column: str | None,
    times: Sequence[str],
    time_name: str,
    taken: Collection[str],
) -> dict[str, list[str]]:
    """Give the columns that say which row a forecast is of: the series' name, and its time.

    A name that forecasts have for a column of their own gets a line at its end.

    Args:
        name: Of the series.
        series_column: The column that tells series apart; None for no such column.
        times: Of the rows.
        time_name: The time column's.
        taken: The names of the other columns.
    """
    columns: dict[str, list[str]] = {}
    named = [] if series_column is None else [(series_column, [name] * len(times))]
    for column, cells in [*named, (time_name, list(times))]:
        while column in taken or column in columns:
            column += "_"
        columns[column] = cells
    return columns
