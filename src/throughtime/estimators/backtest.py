"""A forecaster tried on the past, from several moments, beside naive forecasts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.distributions import Normal

from throughtime.data import DataError, Series
from throughtime.data.baselines import seasonal_naive, seasonal_naive_ahead
from throughtime.data.calendar import season_of
from throughtime.data.faults import listed, quoted
from throughtime.estimators.distribution_scores import crps_of_draws, crps_of_normal
from throughtime.estimators.horizon_forecast import PATHS, forecast, placed, shares_of
from throughtime.estimators.series_model import SeriesModel
from throughtime.estimators.settings import SettingsError

if TYPE_CHECKING:
    import polars as pl

MODEL, PERSISTENCE, SEASONAL_NAIVE = "model", "persistence", "seasonal-naive"
LEVELS = (80.0, 95.0)
"""Percent of the intervals whose coverage is measured, where nothing else is said."""


@dataclass(frozen=True)
class Moments:
    """From where the last rows of a series are forecast.

    Attributes:
        horizon: Steps that are forecast from each moment, H.
        windows: How many moments. The last one leaves `horizon` rows.
        step: Rows between them.
        season: Steps of a season; None for what the times say, see `season_of`.

    Raises:
        SettingsError: One is no whole number of at least 1.
    """

    horizon: int
    windows: int
    step: int
    season: int | None = None

    def __post_init__(self) -> None:
        for name in ("horizon", "windows", "step", "season"):
            value = getattr(self, name)
            if name == "season" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
                raise SettingsError(f"{name} must be a whole number of at least 1, got {value!r}")
            object.__setattr__(self, name, int(value))  # numpy's are welcome

    def with_season(self, series: Series) -> Moments:
        """Give the same with the season that the times of a series have, if none is given."""
        return self if self.season is not None else replace(self, season=season_of(series.clock))

    @property
    def steps_of_season(self) -> int:
        """Steps of a season; 1 where none is known."""
        return self.season or 1

    def origins(self, series: Series) -> list[int]:
        """Give how many rows of a series are known at each moment, the earliest first.

        Raises:
            DataError: At the first there would not be more than a season, or two rows.
        """
        rows = len(series) - self.horizon
        found = [rows - self.step * back for back in reversed(range(self.windows))]
        least = max(2, self.steps_of_season + 1)
        if found[0] < least:
            raise DataError(
                f"{series.source}: {quoted(series.name)} has {len(series)} rows; {self.windows} "
                f"windows of {self.horizon} steps, {self.step} rows apart, leave "
                f"{max(0, found[0])} before the first, and at least {least} are needed.\n"
                "To mend: take fewer windows, a smaller step or horizon, or a shorter season."
            )
        return found


@dataclass(frozen=True)
class Said:
    """What one forecaster said in one window.

    Attributes:
        center: The forecast, [H].
        low: The lower end of each level's interval, [levels, H].
        high: The upper end.
        crps: Once the values had come, [H].
    """

    center: Tensor
    low: Tensor
    high: Tensor
    crps: Tensor


@dataclass(frozen=True)
class Window:
    """One series forecast from one moment.

    Attributes:
        series: Its name.
        number: Of the moment, from 0, the earliest.
        times: Of the rows forecast. Length H
        observed: What came, [H].
        naive_error: The mean absolute error of the seasonal-naive forecast one season ahead on all
            rows before, by which MASE divides.
        said: By the name of the forecaster.
    """

    series: str
    number: int
    times: tuple[str, ...]
    observed: Tensor
    naive_error: float
    said: Mapping[str, Said]


@dataclass(frozen=True)
class Backtest:
    """Forecasts of the past by a model, persistence and the seasonal-naive forecast.

    Attributes:
        windows: Of all series and moments.
        levels: Percent of the intervals.
        season: Steps of a season.
        time_name: The time column's.
        series_column: The column that tells series apart; None for one series.
    """

    windows: Sequence[Window]
    levels: tuple[float, ...]
    season: int
    time_name: str
    series_column: str | None = None

    def scores(self) -> dict[str, dict[str, Any]]:
        """Give the scores of each forecaster over all windows, series and steps.

        Returns:
            By forecaster "mae", "rmse", "mase" (Hyndman & Koehler 2006; the mean over windows whose
            naive error is not zero, None if there is none), "crps", and "coverage", by level the
            share of values inside their interval.
        """
        return {name: self._score(name) for name in self.windows[0].said}

    def _score(self, name: str) -> dict[str, Any]:
        said = [window.said[name] for window in self.windows]
        errors = [one.center - w.observed for one, w in zip(said, self.windows, strict=True)]
        scaled = [
            float(error.abs().mean()) / w.naive_error
            for error, w in zip(errors, self.windows, strict=True)
            if w.naive_error > 0
        ]
        together = torch.stack(errors)
        inside = torch.stack(
            [
                (one.low <= w.observed) & (w.observed <= one.high)
                for one, w in zip(said, self.windows, strict=True)
            ]
        )  # [windows, levels, H]
        covered = inside.double().mean((0, 2)).tolist()
        return {
            "mae": float(together.abs().mean()),
            "rmse": float(together.square().mean().sqrt()),
            "mase": sum(scaled) / len(scaled) if scaled else None,
            "crps": float(torch.stack([one.crps for one in said]).mean()),
            "coverage": {f"{lv:.10g}": c for lv, c in zip(self.levels, covered, strict=True)},
        }

    def by_step(self) -> dict[str, list[float]]:
        """Give the mean absolute error of each forecaster by step ahead, [H]."""
        return {
            name: torch.stack([(w.said[name].center - w.observed).abs() for w in self.windows])
            .mean(0)
            .tolist()
            for name in self.windows[0].said
        }

    def frame(self) -> pl.DataFrame:
        """Give all forecasts beside what came: a row a series, window and step."""
        import polars as pl

        parts = []
        for w in self.windows:
            model = w.said[MODEL]
            columns: dict[str, Any] = {
                "window": [w.number] * len(w.times),
                "step": list(range(1, len(w.times) + 1)),
                "observed": w.observed.tolist(),
                **{name: one.center.tolist() for name, one in w.said.items()},
            }
            for place, level in enumerate(self.levels):
                columns[f"lower-{level:.10g}"] = model.low[place].tolist()
                columns[f"upper-{level:.10g}"] = model.high[place].tolist()
            places = placed(w.series, self.series_column, w.times, self.time_name, columns)
            parts.append(pl.DataFrame({**places, **columns}))
        return pl.concat(parts)


def backtest(
    model_of: Callable[[int], SeriesModel],
    series: Sequence[Series],
    moments: Moments,
    levels: tuple[float, ...] = LEVELS,
    paths: int = PATHS,
    seed: int = 0,
    series_column: str | None = None,
) -> Backtest:
    """Forecast the last rows of series from several moments, each from the rows before it alone.

    Covariates that are known in the future are taken as they came.

    Args:
        model_of: The model for a window, by its number from 0, the earliest.
        series: What is forecast.
        moments: From where, with a season.
        levels: Percent of the intervals.
        paths: Ways that are drawn of each series and window.
        seed: Of what is drawn.
        series_column: The name of the column that tells series apart.

    Raises:
        DataError: A series is too short; see `Moments.origins`.
        SettingsError: There is no level, or there are fewer than two ways.
        NoSpreadError: The model does not know how far it errs.
    """
    horizon, season = moments.horizon, moments.steps_of_season
    if not levels:
        raise SettingsError("name a level whose coverage is to be measured, such as 95")
    if not isinstance(paths, int) or isinstance(paths, bool) or paths < 2:
        raise SettingsError(f"paths must be a whole number of at least 2, got {paths!r}")
    starts = [moments.origins(one) for one in series]
    found = []
    for number in range(moments.windows):
        model = model_of(number)
        before = [one.part(range(at[number])) for one, at in zip(series, starts, strict=True)]
        rows = [range(at[number], at[number] + horizon) for at in starts]
        after = [one.part(own) for one, own in zip(series, rows, strict=True)]
        names = model.rows.known
        known = [one.values[:, [one.columns.index(n) for n in names]] for one in after]
        said = forecast(model, before, horizon, known if names else None, paths, seed + number)
        for past, came, ours in zip(before, after, said, strict=True):
            target, observed = past.values[:, 0].double(), came.values[:, 0].double()
            assert ours.paths is not None
            shares = torch.tensor([shares_of(level) for level in levels]).double()  # [levels, 2]
            ends = ours.quantile(shares.flatten().tolist()).view(len(levels), 2, horizon)
            naive = (target - seasonal_naive(target, season)).abs()[season:].mean()
            found.append(
                Window(
                    series=past.name,
                    number=number,
                    times=tuple(came.times),
                    observed=observed,
                    naive_error=float(naive),
                    said={
                        MODEL: Said(
                            ours.predicted,
                            ends[:, 0],
                            ends[:, 1],
                            crps_of_draws(ours.paths, observed),
                        ),
                        PERSISTENCE: _naive(target, observed, 1, shares),
                        SEASONAL_NAIVE: _naive(target, observed, season, shares),
                    },
                )
            )
    return Backtest(found, levels, season, series[0].time_name, series_column)


def check_unlearned(members: Sequence[tuple[Series, int, int]]) -> None:
    """Refuse windows that reach into rows that were learned from.

    Args:
        members: Of each series, the rows learned from and those known in the first window.

    Raises:
        DataError: With the series.
    """
    late = [quoted(one.name) for one, learned, known in members if known < learned]
    if late:
        raise DataError(
            f"the windows begin among rows that the model was trained on, of {listed(late, 5)}; "
            "what it says of these tells nothing.\n"
            "To mend: take fewer windows or a smaller step, or train anew for each (refit)."
        )


def _naive(target: Tensor, observed: Tensor, season: int, shares: Tensor) -> Said:
    center, deviation = seasonal_naive_ahead(target, season, len(observed))
    quantiles = Normal(torch.zeros(()).double(), 1.0).icdf(shares)[..., None]  # type: ignore[no-untyped-call]
    ends = center + quantiles * deviation  # [levels, 2, H]
    return Said(center, ends[:, 0], ends[:, 1], crps_of_normal(center, deviation, observed))
