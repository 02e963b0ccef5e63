"""`throughtime predict`: forecasts of a series, or classes of recordings, by a trained network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from throughtime.cli.errors import UsageError, reports_errors


@reports_errors
def predict(
    run: Annotated[Path, typer.Argument(help="A run folder of `throughtime train`.")],
    files: Annotated[
        list[Path],
        typer.Argument(
            help="A CSV file with the columns trained on; or WAV or FLAC files, or folders of "
            "them, to be told apart; or one recording, to be played as was learned."
        ),
    ],
    time: Annotated[
        str | None, typer.Option(help="Time column; recognised by its name if left out.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The file to write; FILE-predictions.csv of a series, FILE-predicted.wav of a "
            "recording that is played, if left out."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Forecast each row of a CSV file from the rows before it, or tell the class of recordings.

    Of a series, the row after the last is forecast too. A network that has learned one recording
    from another writes what it makes of a third.

    Example: throughtime predict runs/sunspots-20260101-120000 mine.csv --out forecast.csv
    """
    from throughtime.data import read_series
    from throughtime.estimators import load
    from throughtime.estimators.saved import (
        SEQUENCE_CLASSIFIER,
        SEQUENCE_REGRESSOR,
        read_configuration,
    )
    from throughtime.estimators.scores import write_forecasts

    known = None, SEQUENCE_CLASSIFIER, SEQUENCE_REGRESSOR
    if (kind := read_configuration(run, *known).get("estimator")) is not None:
        if time is not None:
            raise UsageError("recordings have no time column; leave --time out")
        if kind == SEQUENCE_REGRESSOR:
            _play(run, files, out, as_json)
            return
        _tell_recordings(run, files, out, as_json)
        return
    if len(files) != 1:
        raise UsageError(f"{run} forecasts one series a call; {len(files)} files were given")
    file = files[0]
    forecaster, config = load(run)
    series = read_series(file, config["target"], time, minimum_rows=1)
    forecasts, following = forecaster.predict(series)
    place = out if out is not None else Path(f"{file.stem}-predictions.csv")
    if place.exists() and place.samefile(file):
        raise UsageError(f"{place} is the file that is read; name another with --out")
    try:
        write_forecasts(
            place,
            series,
            {"predicted": forecasts},
            following={series.time_name: "next", "predicted": f"{following:.10g}"},
        )
    except OSError as error:
        raise UsageError(
            f"{place} cannot be written: {error.strerror or error}; name another with --out"
        ) from error
    if as_json:
        print(json.dumps({"predictions": str(place), "rows": len(series), "next": following}))
    else:
        print(f"{len(series)} rows forecast; the next {series.target}: {following:.4g}; {place}")


def _play(run: Path, files: list[Path], out: Path | None, as_json: bool) -> None:
    """Write what a recording becomes.

    Raises:
        SavedError: The run cannot be loaded.
        DataError: The recording cannot be used; all that is wrong is named.
        StorageError: The result cannot be written.
        UsageError: There are several recordings, or the result would replace the one that is read.
    """
    from throughtime.data.audio import read_input, write_recording
    from throughtime.estimators.saved_regressor import load_of_pair

    if len(files) != 1:
        raise UsageError(f"{run} plays one recording a call; {len(files)} files were given")
    regressor, rate = load_of_pair(run)
    recording = read_input(files[0], rate)
    place = out if out is not None else Path(f"{files[0].stem}-predicted.wav")
    if place.exists() and place.samefile(files[0]):
        raise UsageError(f"{place} is the file that is read; name another with --out")
    write_recording(place, regressor.predict([recording.waveform])[0], rate)
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
