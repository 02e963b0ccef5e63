"""`throughtime predict`: forecasts of a series, or classes of recordings, by a trained network."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from throughtime.cli.ahead import Ahead, forecast_ahead
from throughtime.cli.errors import UsageError, reports_errors
from throughtime.cli.output import (
    refuse_to_harm,
    refuse_to_write_over,
    written,
    written_text,
)
from throughtime.estimators.horizon_forecast import PATHS


@reports_errors
def predict(
    run: Annotated[Path, typer.Argument(help="A run folder of `throughtime train`.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="A CSV, Parquet or Feather file with the columns trained on; or WAV or FLAC "
            "files, or folders of them, to be told apart; or one recording, to be played as was "
            "learned. With --horizon it may be left out: what was trained on is gone on with.",
            show_default=False,
        ),
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option(help="Series: forecast so many rows that follow, not each row.", min=1),
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(help="With --horizon: percent of intervals, such as 80,95."),
    ] = None,
    future: Annotated[
        Path | None,
        typer.Option(
            help="With --horizon: a file of the rows to come, with the covariates that are known "
            "in advance."
        ),
    ] = None,
    paths: Annotated[
        int | None,
        typer.Option(
            help="With --horizon: ways that the series may go to draw.",
            min=2,
            show_default=str(PATHS),
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="With --horizon: of what is drawn.", min=0, show_default="0"),
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="Time column; the one trained with if left out.")
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(help="Column that tells several series apart; the one trained with."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The file to write; FILE-predictions.csv of a series, FILE-forecast.csv of rows "
            "to come, FILE-predicted.wav of a recording that is played, if left out."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Forecast the rows to come, or each row of a file; or tell the class of recordings.

    Of each series, the row after the last is forecast too; with --horizon as many as are asked for,
    and with --level how far they may be off. A network that has learned one recording from another
    writes what it makes of a third.

    Example: throughtime predict runs/sunspots-20260101-120000 --horizon 11 --level 80,95
    """
    from throughtime.data import read_many
    from throughtime.estimators import load
    from throughtime.estimators.forecast_file import Forecast, write_forecasts
    from throughtime.estimators.saved import (
        SEQUENCE_CLASSIFIER,
        SEQUENCE_REGRESSOR,
        read_configuration,
    )
    from throughtime.estimators.saved_forecaster import time_of

    known = None, SEQUENCE_CLASSIFIER, SEQUENCE_REGRESSOR
    ahead = {"level": level, "future": future, "paths": paths, "seed": seed}
    if horizon is None:
        if asked := [f"--{name}" for name, value in ahead.items() if value is not None]:
            raise UsageError(f"{', '.join(asked)}: give --horizon too, the rows to forecast")
        if not files:
            raise UsageError("name a file to forecast row by row, or give --horizon")
    files = files or []
    if (kind := read_configuration(run, *known).get("estimator")) is not None:
        for option, column in (("time", time), ("series", series)):
            if column is not None:
                raise UsageError(f"recordings have no {option} column; leave --{option} out")
        if horizon is not None:
            raise UsageError("recordings have no rows to come; leave --horizon out")
        if kind == SEQUENCE_REGRESSOR:
            _play(run, files, out, as_json)
            return
        _tell_recordings(run, files, out, as_json)
        return
    if len(files) > 1:
        raise UsageError(f"{run} forecasts one file a call; {len(files)} files were given")
    if horizon is not None:
        asked_for = Ahead(horizon, level, future, PATHS if paths is None else paths, seed or 0)
        forecast_ahead(run, files[0] if files else None, asked_for, time, series, out, as_json)
        return
    file = files[0]
    forecaster, config = load(run)
    column = series if series is not None else config.get("series")
    time = time_of(config, time)
    found = read_many(file, config["target"], time, column, minimum_rows=1)
    predicted = forecaster.predict_many(found)
    place = out if out is not None else Path(f"{file.stem}-predictions.csv")
    refuse_to_write_over(place, file)
    refuse_to_harm(place, run)
    forecasts = [
        Forecast(one, {"predicted": ahead}, following={"predicted": following})
        for one, (ahead, following) in zip(found, predicted, strict=True)
    ]
    with written_text(place) as to:
        write_forecasts(to, forecasts, column)
    before = 1 + forecaster.settings.difference  # nothing stands before the first rows of a series
    rows, target = sum(max(0, len(one) - before) for one in found), found[0].target
    told: dict[str, Any]
    if column is None:
        following = _known(predicted[0][1])
        told = {"rows": rows, "next": following}
        next_ = "" if following is None else f"; the next {target}: {following:.4g}"
        said = f"{rows} rows forecast{next_}; {place}"
    else:
        of_each = zip(found, predicted, strict=True)
        coming = {one.name: _known(following) for one, (_, following) in of_each}
        told = {"rows": rows, "series": len(found), "next": coming}
        count = sum(value is not None for value in coming.values())
        next_ = "" if not count else f", and the next of {'each' if count == len(found) else count}"
        said = f"{rows} rows of {len(found)} series forecast{next_}; {place}"
    if names := forecaster.rows.known:
        said += f"\nfor rows to come it needs their {', '.join(names)}: --horizon, with --future"
    print(json.dumps({"predictions": str(place), **told}) if as_json else said)


def _known(following: float) -> float | None:
    """Give the next forecast, None where it hangs on covariates of that row."""
    return None if math.isnan(following) else following


def _play(run: Path, files: list[Path], out: Path | None, as_json: bool) -> None:
    """Write what a recording becomes.

    Raises:
        SavedError: The run cannot be loaded.
        DataError: The recording cannot be used; all that is wrong is named.
        UsageError: There are several recordings; the result would replace the one that is read, or
            cannot be written.
    """
    from throughtime.data.audio import as_wav, read_input
    from throughtime.estimators.saved_regressor import load_of_pair

    if len(files) != 1:
        raise UsageError(f"{run} plays one recording a call; {len(files)} files were given")
    regressor, rate = load_of_pair(run)
    recording = read_input(files[0], rate)
    place = out if out is not None else Path(f"{files[0].stem}-predicted.wav")
    refuse_to_write_over(place, files[0])
    refuse_to_harm(place, run)
    with written(place) as to:
        to.write(as_wav(regressor.predict([recording.waveform])[0], rate))
    if as_json:
        found = {"predictions": str(place), "samples": len(recording.waveform), "rate": rate}
        print(json.dumps(found))
    else:
        print(f"{recording.seconds:.3g} s played; {place}")


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
    if out is not None:
        refuse_to_write_over(out, *files)
        refuse_to_harm(out, run)
    sequences, _, faults = read_recordings(files, features)
    if faults:
        refuse("the recordings", faults)
    probabilities = classifier.predict_proba(sequences)
    classes = classifier.classes_.tolist()
    if out is not None:
        with written_text(out) as to:
            write_told(to, [str(file) for file in files], classes, probabilities)
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
