"""`throughtime predict`: forecasts of a series, or classes of recordings, by a trained network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from throughtime.cli.errors import UsageError, reports_errors


@reports_errors
def predict(
    run: Annotated[Path, typer.Argument(help="A run folder of `throughtime train`.")],
    files: Annotated[
        list[Path],
        typer.Argument(
            help="A CSV, Parquet or Feather file with the columns trained on; or WAV or FLAC "
            "files, or folders of them."
        ),
    ],
    time: Annotated[
        str | None, typer.Option(help="Time column; recognised by its name if left out.")
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(help="Column that tells several series apart; the one trained with."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The CSV to write; of a series FILE-predictions.csv if left out."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Forecast each row of a file from the rows before it, or tell the class of recordings.

    Of each series, the row after the last is forecast too.

    Example: throughtime predict runs/sunspots-20260101-120000 mine.csv --out forecast.csv
    """
    from throughtime.data import read_many
    from throughtime.estimators import load
    from throughtime.estimators.forecast_file import Forecast, write_forecasts
    from throughtime.estimators.saved import SEQUENCE_CLASSIFIER, read_configuration

    if read_configuration(run, None, SEQUENCE_CLASSIFIER).get("estimator") is not None:
        for option, column in (("time", time), ("series", series)):
            if column is not None:
                raise UsageError(f"recordings have no {option} column; leave --{option} out")
        _tell_recordings(run, files, out, as_json)
        return
    if len(files) != 1:
        raise UsageError(f"{run} forecasts one file a call; {len(files)} files were given")
    file = files[0]
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
        said = f"{rows} rows of {len(found)} series forecast, and the next of each; {place}"
    print(json.dumps({"predictions": str(place), **told}) if as_json else said)


def _tell_recordings(run: Path, files: list[Path], out: Path | None, as_json: bool) -> None:
    """Tell the class of recordings.

    Raises:
        SavedError: The run cannot be loaded.
        DataError: Files cannot be used; every fault of every file is named.
        UsageError: The result cannot be written.
    """
    from throughtime.data.audio import read_recordings, sound_files
    from throughtime.data.faults import refuse
    from throughtime.estimators.saved_classifier import load_of_recordings
    from throughtime.estimators.told import write_told

    classifier, features, _ = load_of_recordings(run)
    files = sound_files(files)
    if out is not None and any(out.exists() and file.exists() and out.samefile(file)
                               for file in files):  # fmt: skip
        raise UsageError(f"{out} is a file that is read; name another with --out")
    sequences, _, faults = read_recordings(files, features)
    if faults:
        refuse("the recordings", faults)
    probabilities = classifier.predict_proba(sequences)
    classes = classifier.classes_.tolist()
    if out is not None:
        try:
            write_told(out, [str(file) for file in files], classes, probabilities)
        except OSError as error:
            raise UsageError(
                f"{out} cannot be written: {error.strerror or error}; name another with --out"
            ) from error
    likeliest = probabilities.argmax(1).tolist()
    if as_json:
        told = [
            {"file": str(file), "predicted": classes[best],
             "probabilities": dict(zip(map(str, classes), row, strict=True))}
            for file, best, row in zip(files, likeliest, probabilities.tolist(), strict=True)
        ]  # fmt: skip
        print(json.dumps({"predictions": told}, allow_nan=False))
        return
    for file, best, row in zip(files, likeliest, probabilities, strict=True):
        print(f"{file}: {classes[best]} ({row[best]:.1%})")
