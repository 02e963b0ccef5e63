"""`throughtime flow`: how far back gradients reach in a trained network, or in one at its start."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from throughtime.cli.errors import UsageError, reports_errors
from throughtime.cli.flow_told import print_flow
from throughtime.cli.output import refuse_to_harm, refuse_to_write_over, written_text
from throughtime.estimators.settings import Settings

if TYPE_CHECKING:
    from throughtime.data import Dataset
    from throughtime.estimators import SeriesModel
    from throughtime.flow import Flow


@reports_errors
def flow(
    source: Annotated[
        str,
        typer.Argument(
            help="A run folder of `throughtime train`; or a built-in series or CSV file, to look "
            "at a network at its start."
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            help="For a run: the series, text, folder of recordings or recording to measure it on; "
            "what it was trained on if left out."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="Column to forecast; for a run of two recordings, the output beside --data."
        ),
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="Time column; recognised by its name if left out.")
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(help="Column that tells several series apart; the longest is measured."),
    ] = None,
    cell: Annotated[
        str | None,
        typer.Option(help="Of a network at its start.", show_default=Settings.cell),
    ] = None,
    hidden: Annotated[
        int | None,
        typer.Option(help="Its units a layer.", show_default=str(Settings.hidden)),
    ] = None,
    layers: Annotated[
        int | None, typer.Option(help="Its layers.", show_default=str(Settings.layers))
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of its weights.", show_default=str(Settings.seed))
    ] = None,
    fraction: Annotated[
        float, typer.Option(help="The horizon is where a gradient has fallen to this part.")
    ] = 0.01,
    out: Annotated[
        Path | None, typer.Option(help="Write all that was measured, as JSON, to this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Measure how far back in time gradients reach, what stops them, and what to change.

    Example: throughtime flow runs/sunspots-20260101-120000
    """
    from throughtime.flow import NoFlowError

    if not 0 < fraction < 1:
        raise UsageError(f"--fraction is {fraction}; a number between 0 and 1 is expected")
    own = {"cell": cell, "hidden": hidden, "layers": layers, "seed": seed}
    network: dict[str, Any] = {name: value for name, value in own.items() if value is not None}
    if Path(source).is_dir():
        _refuse_options(network, "a run, which has its own network")
        if out is not None:
            refuse_to_write_over(out, None if data is None else Path(data))
            refuse_to_harm(out, Path(source))
        asked = _trained(Path(source), data, target, time, series)
    else:
        if out is not None:
            refuse_to_write_over(out, Path(source))
        asked = _at_its_start(source, target, time, series, Settings(**network))
    try:
        found = asked.measure().as_dict(fraction)
    except NoFlowError as error:
        raise UsageError(str(error)) from None
    if out is not None:
        with written_text(out) as file:
            file.write(json.dumps(found, allow_nan=False) + "\n")
    if as_json:
        print(json.dumps(found, allow_nan=False))
    else:
        print_flow(
            found, f"{asked.name}: {asked.cell} of {asked.hidden} units, {asked.layers} layer(s)"
        )


@dataclass(frozen=True)
class _Asked:
    """What is to be measured: its name, its network, and how."""

    name: str
    cell: str
    hidden: int
    layers: int
    measure: Callable[[], Flow]


def _trained(
    run: Path, data: str | None, output: str | None, time: str | None, series: str | None
) -> _Asked:
    from throughtime.data import load as load_series
    from throughtime.data import sources
    from throughtime.estimators import load
    from throughtime.estimators.resumed_forecaster import dataset_of
    from throughtime.estimators.saved import (
        LANGUAGE_MODEL,
        SEQUENCE_CLASSIFIER,
        SEQUENCE_REGRESSOR,
        read_configuration,
    )

    kind, columns = read_configuration(run).get("estimator"), {"time": time, "series": series}
    if kind == SEQUENCE_REGRESSOR:
        return _trained_on_pair(run, data, output, columns)
    if kind == LANGUAGE_MODEL:
        return _trained_on_text(run, data, {"target": output, **columns})
    if kind == SEQUENCE_CLASSIFIER:
        return _trained_on_recordings(run, data, {"target": output, **columns})
    forecaster, config = load(run)
    if output is not None:
        raise UsageError(f"{run} knows its target, {config['target']!r}; leave --target out")
    if data is not None:
        target = None if data in sources else config["target"]
        column = series or config.get("series")
        return _of_series(forecaster, load_series(data, target, time, series=column))
    if time is not None or series is not None:
        raise UsageError("the run knows its columns; leave --time and --series out")
    return _of_series(forecaster, dataset_of(run, config))


def _trained_on_text(run: Path, data: str | None, columns: dict[str, str | None]) -> _Asked:
    """Measure on what was learned from, or on the whole of another text."""
    from throughtime.estimators import LanguageModel
    from throughtime.estimators.resumed_language_model import text_of
    from throughtime.estimators.saved import LANGUAGE_MODEL, read_configuration

    _refuse_options(columns, "a text")
    model, config = LanguageModel.load(run), read_configuration(run, LANGUAGE_MODEL)
    dataset = text_of(run, config, None if data is None else Path(data))
    text = dataset.known if data is None else dataset.text.content
    return _Asked(
        dataset.text.name, model.cell, model.hidden, model.layers, lambda: model.flow(text)
    )


def _trained_on_recordings(run: Path, data: str | None, columns: dict[str, str | None]) -> _Asked:
    """Measure on some of what was learned from, or of other recordings."""
    from throughtime.data.audio import read_labelled
    from throughtime.estimators.resumed_classifier import recordings_of
    from throughtime.estimators.saved_classifier import load_of_recordings

    _refuse_options(columns, "recordings")
    classifier, features, config = load_of_recordings(run)
    if data is None:
        dataset = recordings_of(run, config)
        found, chosen = dataset.data, list(dataset.known)
    else:
        found = read_labelled(data, features, known=classifier.classes_.tolist())
        chosen = list(range(len(found)))
    sequences, labels = found.part(chosen)
    return _Asked(
        found.name,
        classifier.cell,
        classifier.hidden,
        classifier.layers,
        lambda: classifier.flow(sequences, labels),
    )


def _trained_on_pair(
    run: Path, data: str | None, output: str | None, columns: dict[str, str | None]
) -> _Asked:
    """Measure on what was learned from, or on the whole of another pair."""
    from throughtime.data.audio import read_input, read_pair
    from throughtime.estimators.resumed_regressor import pair_of
    from throughtime.estimators.saved import SEQUENCE_REGRESSOR, read_configuration
    from throughtime.estimators.saved_regressor import load_of_pair

    _refuse_options(columns, "recordings")
    if (data is None) != (output is None):
        raise UsageError(
            "of two recordings --data names the input and --target the output that was made of it; "
            "give both, or neither for those that the run was trained on"
        )
    regressor, rate = load_of_pair(run)
    if data is None or output is None:
        pair, test = pair_of(run, read_configuration(run, SEQUENCE_REGRESSOR))
        pair, _ = pair.parted(test)
    else:
        pair = read_pair(data, output)
    if pair.rate != rate:
        read_input(pair.files[0], rate)  # it says what is wrong
    return _Asked(
        pair.files[1].stem,
        regressor.cell,
        regressor.hidden,
        regressor.layers,
        lambda: regressor.flow([pair.dry], [pair.wet]),
    )


def _refuse_options(given: Mapping[str, object], of: str) -> None:
    for option, value in given.items():
        if value is not None:
            raise UsageError(f"--{option} means nothing for {of}; leave it out")


def _at_its_start(
    source: str, target: str | None, time: str | None, series: str | None, settings: Settings
) -> _Asked:
    from throughtime.data import load as load_series
    from throughtime.estimators import SeriesModel

    dataset = load_series(source, target, time, series=series)
    return _of_series(SeriesModel.for_dataset(dataset, settings), dataset)


def _of_series(forecaster: SeriesModel, dataset: Dataset) -> _Asked:
    from throughtime.estimators.series_flow import flow_of

    settings = forecaster.settings
    return _Asked(
        dataset.name,
        settings.cell,
        settings.hidden,
        settings.layers,
        lambda: flow_of(forecaster, dataset),
    )
