"""`throughtime train`: a series in, a trained network and its scores out."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from throughtime.cells import registry
from throughtime.cli.errors import UsageError, reports_errors
from throughtime.cli.machine import use_threads
from throughtime.cli.text_run import is_text, train_text
from throughtime.cli.training_run import run_and_record
from throughtime.data import load
from throughtime.data.split import TEST, VALIDATION
from throughtime.estimators import LanguageModel, Settings
from throughtime.estimators.run_checkpoints import EVERY
from throughtime.gradients import registry as methods
from throughtime.train import optimizers, schedules
from throughtime.train.run_folder import RunFolder

DATA, NETWORK, TRAINING, OUTPUT = "Data", "Network", "Training", "Output"


def _option(panel: str, text: str, setting: str) -> Any:
    """Declare an option whose default is a setting, unless a built-in series brings its own."""
    return typer.Option(
        help=text, rich_help_panel=panel, show_default=str(getattr(Settings, setting))
    )


def _text(panel: str, text: str, parameter: str) -> Any:
    """Declare an option of texts, whose default is the language model's."""
    default = inspect.signature(LanguageModel).parameters[parameter].default
    return typer.Option(
        help=f"Text: {text}",
        rich_help_panel=panel,
        show_default=str("128" if default is None else default),
    )


@reports_errors
def train(
    source: Annotated[
        str,
        typer.Argument(
            help="A built-in series (sunspots), a CSV, Parquet or Feather file; a text file, a "
            "folder of them, or - for a text on standard input."
        ),
    ],
    task: Annotated[
        str | None,
        typer.Option(help="series or text; inferred if left out.", rich_help_panel=DATA),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Column to forecast.", rich_help_panel=DATA)
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(help="Time column; recognised by its name if left out.", rich_help_panel=DATA),
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(help="Column that tells several series apart.", rich_help_panel=DATA),
    ] = None,
    validation_share: Annotated[
        float | None,
        typer.Option(
            help="Share of the rows of each series to validate on.",
            rich_help_panel=DATA,
            show_default=str(VALIDATION),
        ),
    ] = None,
    test_share: Annotated[
        float | None,
        typer.Option(
            help="Share of the rows of each series, the last, to test on.",
            rich_help_panel=DATA,
            show_default=str(TEST),
        ),
    ] = None,
    transform: Annotated[
        str | None,
        _option(
            DATA, "Of the target before it is scaled: none, sqrt (counts), log1p.", "transform"
        ),
    ] = None,
    vocabulary: Annotated[
        str | None,
        _text(
            DATA, "What a text is made of: characters, bytes, or a tokenizer.json.", "vocabulary"
        ),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of a text; utf-8.", rich_help_panel=DATA)
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(help="Which files of a folder of text; *.txt.", rich_help_panel=DATA),
    ] = None,
    cell: Annotated[
        str | None,
        _option(NETWORK, f"One of {', '.join(registry)}.", "cell"),
    ] = None,
    hidden: Annotated[int | None, _option(NETWORK, "Units a layer.", "hidden")] = None,
    layers: Annotated[int | None, _option(NETWORK, "Layers.", "layers")] = None,
    embedding: Annotated[
        int | None, _text(NETWORK, "Columns of an embedding; 0 for one-hot.", "embedding")
    ] = None,
    dropout: Annotated[
        float | None, _text(NETWORK, "Share of outputs dropped in training.", "dropout")
    ] = None,
    epochs: Annotated[
        int | None, _option(TRAINING, "Times through the training rows, at most.", "epochs")
    ] = None,
    learning_rate: Annotated[
        float | None, _option(TRAINING, "First learning rate.", "learning_rate")
    ] = None,
    optimizer: Annotated[
        str | None, _option(TRAINING, f"One of {', '.join(optimizers)}.", "optimizer")
    ] = None,
    schedule: Annotated[
        str | None, _option(TRAINING, f"One of {', '.join(schedules)}.", "schedule")
    ] = None,
    window: Annotated[
        int | None, _option(TRAINING, "Steps of a training sequence.", "window")
    ] = None,
    rows: Annotated[
        int | None, _text(TRAINING, "Parts of a text that are read side by side.", "batch_size")
    ] = None,
    method: Annotated[
        str | None,
        _option(
            TRAINING,
            f"Gradient method, one of {', '.join(methods)}; with arguments after colons: "
            "tbptt:10:30.",
            "method",
        ),
    ] = None,
    patience: Annotated[
        int | None,
        _option(
            TRAINING,
            "Epochs without a better validation loss before it ends; 0 to learn from the "
            "validation rows too, for all epochs.",
            "patience",
        ),
    ] = None,
    clip: Annotated[
        float | None, _option(TRAINING, "Largest gradient norm; 0 for no limit.", "clip")
    ] = None,
    seed: Annotated[int | None, _option(TRAINING, "Random seed.", "seed")] = None,
    device: Annotated[str | None, _option(TRAINING, "cpu, cuda, ...", "device")] = None,
    dtype: Annotated[str | None, _option(TRAINING, "float32 or float64.", "dtype")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The run folder; runs/NAME-TIME if left out.", rich_help_panel=OUTPUT),
    ] = None,
    checkpoint_every: Annotated[
        float | None,
        typer.Option(
            help="Seconds between checkpoints, from which `throughtime resume` goes on.",
            min=0,
            rich_help_panel=OUTPUT,
            show_default=str(EVERY),
        ),
    ] = None,
    tensorboard: Annotated[
        Path | None,
        typer.Option(
            help="Write scalars and pictures for TensorBoard into this folder.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the results as JSON.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Train a recurrent network to forecast a series, or to write on a text.

    A built-in series brings settings that suit it. A text is learned by default by an LSTM of 256
    units, 20 times through, windows of 100 steps, AdamW, cosine. What is given here comes first.

    Example: throughtime train sunspots --cell lstm --hidden 16 --seed 1
    """
    given: dict[str, Any] = {
        "transform": transform,
        "cell": cell,
        "hidden": hidden,
        "layers": layers,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "optimizer": optimizer,
        "schedule": schedule,
        "window": window,
        "method": method,
        "patience": patience,
        "clip": clip,
        "seed": seed,
        "device": device,
        "dtype": dtype,
    }
    asked = {name: value for name, value in given.items() if value is not None}
    asked |= {name: None for name in ("clip", "patience") if given[name] == 0}
    of_text = {
        "vocabulary": vocabulary,
        "embedding": embedding,
        "dropout": dropout,
        "batch_size": rows,
    }
    asked_of_text = {name: value for name, value in of_text.items() if value is not None}
    if is_text(source, task):
        of_series: dict[str, Any] = {"target": target, "time": time, "series": series}
        of_series |= {
            "transform": transform,
            "checkpoint-every": checkpoint_every,
            "tensorboard": tensorboard,
        }
        _refuse(of_series, "a text")
        train_text(
            source,
            asked | asked_of_text,
            encoding,
            pattern,
            validation_share,
            test_share,
            out,
            as_json,
        )
        return
    _refuse(asked_of_text | {"encoding": encoding, "pattern": pattern}, "a series")
    Settings(**asked)  # what was asked for is checked before the file is read
    shares = {"validation": validation_share, "test": test_share}
    dataset = load(source, target, time, series=series, **shares)
    settings = Settings(**{**dataset.settings, **asked})
    if settings.patience is None:
        dataset = dataset.without_validation()
    use_threads(settings.hidden, settings.batch_size)
    with RunFolder(dataset.name, out) as folder:
        every = EVERY if checkpoint_every is None else checkpoint_every
        run_and_record(dataset, settings, folder, as_json, tensorboard, every)


def _refuse(given: dict[str, Any], source: str) -> None:
    """Refuse options that would be ignored in silence."""
    names = {"batch_size": "rows"}
    if asked := [
        f"--{names.get(name, name)}" for name, value in given.items() if value is not None
    ]:
        raise UsageError(f"{', '.join(asked)} mean nothing for {source}; leave them out")
