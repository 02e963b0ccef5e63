"""The rows to come of a series, many steps ahead: what `predict --horizon` does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.cli.errors import UsageError
from throughtime.cli.output import refuse_to_harm, refuse_to_write_over, written

if TYPE_CHECKING:
    import polars as pl

_SHOWN = 12


@dataclass(frozen=True)
class Ahead:
    """What is asked of the rows to come.

    Attributes:
        horizon: How many.
        level: Percent of intervals, with commas between them; None for none.
        future: A file of covariates that are known in advance.
        paths: Ways that the series may go to draw.
        seed: Of what is drawn.
    """

    horizon: int
    level: str | None
    future: Path | None
    paths: int
    seed: int


def forecast_ahead(
    run: Path,
    file: Path | None,
    ahead: Ahead,
    time: str | None,
    series: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Forecast the rows that follow a file, or what was trained on, and write them as CSV.

    Raises:
        SavedError: The run cannot be loaded, or does not say what it was trained on.
        DataError: A file cannot be used.
        SettingsError: A level is out of range.
        UsageError: Something was asked for that the run does not take; or nothing can be written.
    """
    from throughtime.data import read_many
    from throughtime.estimators import load
    from throughtime.estimators.given_series import known_ahead
    from throughtime.estimators.horizon_forecast import as_frame, check_levels, forecast
    from throughtime.estimators.resumed_forecaster import dataset_of
    from throughtime.estimators.saved_forecaster import time_of

    levels = check_levels(levels_of(ahead.level))
    model, config = load(run)
    column = series if series is not None else config.get("series")
    if file is None:
        if series is not None:
            raise UsageError("the run knows its series; leave --series out")
        before = [member.series for member in dataset_of(run, config).members]
    else:
        recorded = time_of(config, time)
        before = list(read_many(file, config["target"], recorded, column, minimum_rows=2))
    time, names = time_of(config, time), model.rows.known
    if ahead.future is not None and not names:
        raise UsageError(f"{run} knows no covariate in advance; leave --future out")
    if ahead.future is None and names:
        raise UsageError(
            f"{run} needs {', '.join(names)} of the rows to come; give a file of them with --future"
        )
    horizon, future = ahead.horizon, ahead.future
    known = known_ahead(names, before, horizon, future, time, column) if names else None
    drawn = ahead.paths if levels or model.rows.output.distribution else 0
    found = forecast(model, before, horizon, known, drawn, ahead.seed)
    frame = as_frame(found, levels, column)
    stem = str(config.get("name", "series")) if file is None else file.stem
    place = out if out is not None else Path(f"{Path(stem).name}-forecast.csv")
    refuse_to_write_over(place, file, future)
    refuse_to_harm(place, run)
    with written(place) as to:
        frame.write_csv(to, float_precision=None)
    if as_json:
        told: dict[str, Any] = {"forecast": str(place), "horizon": horizon, "series": len(found)}
        print(json.dumps({**told, "rows": frame.to_dicts()}, allow_nan=False))
        return
    _print(frame, config["target"], place)


def levels_of(text: str | None) -> list[float]:
    """Read percents with commas between them.

    Raises:
        UsageError: One is no number.
    """
    try:
        return [] if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--level takes percents such as 80,95; got {text!r}") from None


def _print(frame: pl.DataFrame, target: str, place: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Forecast of {target}", title_justify="left")
    for name in frame.columns:
        table.add_column(name, justify="right" if frame.schema[name].is_numeric() else "left")
    for row in frame.head(_SHOWN).rows():
        table.add_row(*_cells(row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)  # a file or a pipe has no width to mind
    console.print(table)
    more = frame.height - _SHOWN
    print(f"{f'and {more} more rows; ' if more > 0 else ''}all in {place}")


def _cells(row: Sequence[Any]) -> list[str]:
    return [f"{value:.6g}" if isinstance(value, float) else str(value) for value in row]
