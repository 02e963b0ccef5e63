"""`throughtime flow`: how far back gradients reach in a trained network, or in one at its start."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from throughtime.cli.errors import UsageError, reports_errors
from throughtime.estimators.settings import Settings

if TYPE_CHECKING:
    from throughtime.data import Dataset
    from throughtime.estimators import SeriesModel
    from throughtime.flow import Flow

_WINDOWS = (1, 2, 5, 10, 20, 50, 100, 200)


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
            help="For a run: the series, text or folder of recordings to measure it on; the one it "
            "was trained on if that is built in, a text or recordings."
        ),
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column to forecast.")] = None,
    time: Annotated[
        str | None, typer.Option(help="Time column; recognised by its name if left out.")
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(help="Column that tells several series apart; the longest is measured."),
    ] = None,
    cell: Annotated[str, typer.Option(help="Of a network at its start.")] = Settings.cell,
    hidden: Annotated[int, typer.Option(help="Its units a layer.")] = Settings.hidden,
    layers: Annotated[int, typer.Option(help="Its layers.")] = Settings.layers,
    seed: Annotated[int, typer.Option(help="Of its weights.")] = Settings.seed,
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
    if Path(source).is_dir():
        asked = _trained(Path(source), data, time, series)
    else:
        asked = _at_its_start(
            source,
            target,
            time,
            series,
            Settings(cell=cell, hidden=hidden, layers=layers, seed=seed),
        )
    try:
        found = asked.measure().as_dict(fraction)
    except NoFlowError as error:
        raise UsageError(str(error)) from None
    if out is not None:
        try:
            out.write_text(json.dumps(found, allow_nan=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"{out} cannot be written: {error.strerror or error}; name another with --out"
            ) from None
    if as_json:
        print(json.dumps(found, allow_nan=False))
    else:
        _print(found, asked)


@dataclass(frozen=True)
class _Asked:
    """What is to be measured: its name, its network, and how."""

    name: str
    cell: str
    hidden: int
    layers: int
    measure: Callable[[], Flow]


def _trained(run: Path, data: str | None, time: str | None, series: str | None) -> _Asked:
    from throughtime.data import load as load_series
    from throughtime.data import sources
    from throughtime.estimators import load
    from throughtime.estimators.saved import (
        LANGUAGE_MODEL,
        SEQUENCE_CLASSIFIER,
        read_configuration,
    )

    kind, columns = read_configuration(run).get("estimator"), {"time": time, "series": series}
    if kind == LANGUAGE_MODEL:
        return _trained_on_text(run, data, columns)
    if kind == SEQUENCE_CLASSIFIER:
        return _trained_on_recordings(run, data, columns)
    forecaster, config = load(run)
    given = data or str(config["name"])
    if data is None and given not in sources:
        raise UsageError(
            f"{run} was trained on {config['source']}; name that file, or another with its "
            "columns, with --data"
        )
    target, column = config["target"] if data else None, series or config.get("series")
    return _of_series(forecaster, load_series(given, target, time, series=column))


def _trained_on_text(run: Path, data: str | None, columns: dict[str, str | None]) -> _Asked:
    """Measure on what was learned from, or on the whole of another text."""
    from throughtime.estimators import LanguageModel
    from throughtime.estimators.resumed_language_model import text_of
    from throughtime.estimators.saved import LANGUAGE_MODEL, read_configuration

    _refuse_columns(columns, "a text")
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

    _refuse_columns(columns, "recordings")
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


def _refuse_columns(columns: dict[str, str | None], of: str) -> None:
    for option, column in columns.items():
        if column is not None:
            raise UsageError(f"--{option} means nothing for {of}; leave it out")


def _at_its_start(
    source: str, target: str | None, time: str | None, series: str | None, settings: Settings
) -> _Asked:
    from throughtime.data import load as load_series
    from throughtime.estimators import SeriesModel

    dataset = load_series(source, target, time, series=series)
    return _of_series(SeriesModel.for_dataset(dataset, settings), dataset)


def _of_series(forecaster: SeriesModel, dataset: Dataset) -> _Asked:
    settings = forecaster.settings
    return _Asked(
        dataset.name,
        settings.cell,
        settings.hidden,
        settings.layers,
        lambda: forecaster.flow(dataset),
    )


def _print(found: dict[str, Any], asked: _Asked) -> None:
    from rich.console import Console
    from rich.table import Table

    from throughtime.report.numerals import MISSING, percent, short

    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{asked.name}: {asked.cell} of {asked.hidden} units, {asked.layers} layer(s); "
        f"{_followed(found)} followed back over {found['steps']} lags",
        markup=False,
    )
    table = Table(
        title="Gradients of a step's loss by earlier states"
        if found["pooling"] is None
        else "Gradients of what enters at a step by earlier states",
        title_justify="left",
    )
    table.add_column("layer")
    for title in (
        f"falls to {percent(found['fraction'])} after", "factor a step", "top exponent",
    ):  # fmt: skip
        table.add_column(title, justify="right")
    for layer in found["layers"]:
        horizon, spectrum = layer["horizon"], layer.get("lyapunov")
        exponents = spectrum["exponents"] if spectrum else []
        table.add_row(
            layer["name"],
            f"more than {max(layer['lag'])} steps" if horizon is None else f"{horizon} steps",
            short(layer["growth"]),
            short(exponents[0]) if exponents else MISSING,
        )
    console.print(table)
    discarded = found.get("discarded")
    if discarded:
        console.print(_discarded_table(discarded))
    for layer in found["layers"]:
        judged = layer.get("verdict")
        if judged:
            console.print(
                f"{layer['name']} is {judged['kind']}: {judged['evidence']}", markup=False
            )
    for advice in found.get("advice", []):
        console.print(
            f"{advice['where']}: {advice['do']}, because {advice['why']}; {advice['figure']} is "
            f"{short(advice['now'])} and would be {short(advice['then'])}",
            markup=False,
        )


def _followed(found: dict[str, Any]) -> str:
    count = len(found["losses"])
    if found["pooling"] is None:
        return f"{count} losses"
    return f"the loss of each sequence, from {count} steps where it enters,"


def _discarded_table(discarded: dict[str, Any]) -> Any:
    from rich.table import Table

    from throughtime.report.numerals import MISSING, fixed, percent

    table = Table(title="What truncation after so many steps discards", title_justify="left")
    for title in ("steps looked back", "of the gradient", "cosine to the full one"):
        table.add_column(title, justify="right")
    rows = list(zip(discarded["k2"], discarded["share"], discarded["cosine"], strict=True))
    # Of a long sequence some windows alone are recorded: the nearest are shown.
    nearest = {min(rows, key=lambda row: abs(row[0] - window)) for window in _WINDOWS}
    for k2, share, cosine in sorted(nearest):
        lost = MISSING if share is None else percent(share) if share >= 1e-5 else "< 0.001 %"
        table.add_row(str(k2), lost, fixed(cosine, 3))
    return table
