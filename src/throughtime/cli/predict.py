"""`throughtime predict`: one-step forecasts of a series by a trained network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from throughtime.cli.errors import UsageError, reports_errors


@reports_errors
def predict(
    run: Annotated[Path, typer.Argument(help="A run folder of `throughtime train`.")],
    file: Annotated[
        Path, typer.Argument(help="A CSV, Parquet or Feather file with the columns trained on.")
    ],
    time: Annotated[
        str | None, typer.Option(help="Time column; recognised by its name if left out.")
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(help="Column that tells several series apart; the one trained with."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The CSV to write; FILE-predictions.csv if left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Forecast each row of a file from the rows before it, and the row after the last.

    Of several series each is forecast by itself.

    Example: throughtime predict runs/sunspots-20260101-120000 mine.csv --out forecast.csv
    """
    from throughtime.data import read_many
    from throughtime.estimators import load
    from throughtime.estimators.forecast_file import Forecast, write_forecasts

    forecaster, config = load(run)
    column = series if series is not None else config.get("series")
    found = read_many(file, config["target"], time, column, minimum_rows=1)
    predicted = forecaster.predict_many(found)
    place = out if out is not None else Path(f"{file.stem}-predictions.csv")
    if place.exists() and place.samefile(file):
        raise UsageError(f"{place} is the file that is read; name another with --out")
    try:
        forecasts = [
            Forecast(one, {"predicted": ahead}, following={"predicted": following})
            for one, (ahead, following) in zip(found, predicted, strict=True)
        ]
        write_forecasts(place, forecasts, column)
    except OSError as error:
        raise UsageError(
            f"{place} cannot be written: {error.strerror or error}; name another with --out"
        ) from error
    rows, target = sum(map(len, found)), found[0].target
    told: dict[str, Any]
    if column is None:
        following = predicted[0][1]
        told = {"rows": rows, "next": following}
        said = f"{rows} rows forecast; the next {target}: {following:.4g}; {place}"
    else:
        ahead = {one.name: following for one, (_, following) in zip(found, predicted, strict=True)}
        told = {"rows": rows, "series": len(found), "next": ahead}
        said = (
            f"{rows} rows of {len(found)} series forecast, and the next {target} of each; {place}"
        )
    print(json.dumps({"predictions": str(place), **told}) if as_json else said)
