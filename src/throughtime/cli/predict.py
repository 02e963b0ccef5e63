"""`throughtime predict`: one-step forecasts of a series by a trained network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from throughtime.cli.errors import UsageError, reports_errors


@reports_errors
def predict(
    run: Annotated[Path, typer.Argument(help="A run folder of `throughtime train`.")],
    file: Annotated[Path, typer.Argument(help="A CSV file with the columns trained on.")],
    time: Annotated[
        str | None, typer.Option(help="Time column; recognised by its name if left out.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The CSV to write; FILE-predictions.csv if left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Forecast each row of a CSV file from the rows before it, and the row after the last.

    Example: throughtime predict runs/sunspots-20260101-120000 mine.csv --out forecast.csv
    """
    from throughtime.data import read_series
    from throughtime.estimators import load
    from throughtime.estimators.forecast_file import Forecast, write_forecasts

    forecaster, config = load(run)
    series = read_series(file, config["target"], time, minimum_rows=1)
    forecasts, following = forecaster.predict(series)
    place = out if out is not None else Path(f"{file.stem}-predictions.csv")
    if place.exists() and place.samefile(file):
        raise UsageError(f"{place} is the file that is read; name another with --out")
    try:
        write_forecasts(
            place,
            [Forecast(series, {"predicted": forecasts}, following={"predicted": following})],
        )
    except OSError as error:
        raise UsageError(
            f"{place} cannot be written: {error.strerror or error}; name another with --out"
        ) from error
    if as_json:
        print(json.dumps({"predictions": str(place), "rows": len(series), "next": following}))
    else:
        print(f"{len(series)} rows forecast; the next {series.target}: {following:.4g}; {place}")
