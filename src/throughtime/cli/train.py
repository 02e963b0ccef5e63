"""`throughtime train`: a series or labelled recordings in, a trained network and its scores out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from throughtime.cells import registry
from throughtime.cli.classifying import refuse_given, task_of, train_classifier
from throughtime.cli.errors import reports_errors
from throughtime.cli.machine import use_threads
from throughtime.cli.training_run import run_and_record
from throughtime.data import load
from throughtime.data.split import TEST, VALIDATION
from throughtime.estimators import SequenceClassifier, Settings
from throughtime.estimators.run_checkpoints import EVERY
from throughtime.gradients import registry as methods
from throughtime.nn.pooled import POOLINGS
from throughtime.train import optimizers, schedules
from throughtime.train.run_folder import RunFolder

DATA, NETWORK, TRAINING, OUTPUT = "Data", "Network", "Training", "Output"


def _option(panel: str, text: str, setting: str) -> Any:
    """Declare an option whose default is a setting, unless a built-in series brings its own."""
    return typer.Option(
        help=text, rich_help_panel=panel, show_default=str(getattr(Settings, setting))
    )


@reports_errors
def train(
    source: Annotated[
        str,
        typer.Argument(
            help="A built-in series (sunspots), a CSV file, or a folder of labelled recordings "
            "(LABEL_*.wav, or LABEL/*.wav; FLAC too)."
        ),
    ],
    task: Annotated[
        str | None,
        typer.Option(
            help="forecast or classify.",
            rich_help_panel=DATA,
            show_default="what the source is for",
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Column to forecast.", rich_help_panel=DATA)
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(help="Time column; recognised by its name if left out.", rich_help_panel=DATA),
    ] = None,
    validation_share: Annotated[
        float | None,
        typer.Option(
            help="Share of a file's rows to validate on.",
            rich_help_panel=DATA,
            show_default=str(VALIDATION),
        ),
    ] = None,
    test_share: Annotated[
        float | None,
        typer.Option(
            help="Share of a file's rows, the last, to test on.",
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
    group: Annotated[
        str | None,
        typer.Option(
            help="Of recordings: a regular expression that finds a file's group (its speaker, "
            "say) in its name; groups are never parted.",
            rich_help_panel=DATA,
        ),
    ] = None,
    test_files: Annotated[
        str | None,
        typer.Option(
            help="Of recordings: a regular expression for the names of the files to test on.",
            rich_help_panel=DATA,
        ),
    ] = None,
    cell: Annotated[
        str | None,
        _option(NETWORK, f"One of {', '.join(registry)}.", "cell"),
    ] = None,
    hidden: Annotated[int | None, _option(NETWORK, "Units a layer.", "hidden")] = None,
    layers: Annotated[int | None, _option(NETWORK, "Layers.", "layers")] = None,
    pooling: Annotated[
        str | None,
        typer.Option(
            help=f"To classify: what is read out, one of {', '.join(POOLINGS)}.",
            rich_help_panel=NETWORK,
            show_default="mean",
        ),
    ] = None,
    bidirectional: Annotated[
        bool | None,
        typer.Option(
            help="To classify: whether layers run in both directions.",
            rich_help_panel=NETWORK,
            show_default="they do",
        ),
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(
            help="To classify: share of outputs dropped while training.",
            rich_help_panel=NETWORK,
            show_default="0.2",
        ),
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
        float,
        typer.Option(
            help="Seconds between checkpoints, from which `throughtime resume` goes on.",
            min=0,
            rich_help_panel=OUTPUT,
        ),
    ] = EVERY,
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
    """Train a recurrent network to forecast a series one step ahead, or to tell recordings apart.

    A built-in series brings settings that suit it, and so do recordings (docs/audio.md); the
    defaults below are those of a series of your own. What is given here comes first.

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
    classifying = {"pooling": pooling, "bidirectional": bidirectional, "dropout": dropout}
    asked_too = {name: value for name, value in classifying.items() if value is not None}
    names_files = {"group": group, "test_files": test_files}
    if task_of(source, task) == "classify":
        of_series = {
            "target": target, "time": time, "transform": transform, "window": window,
            "tensorboard": tensorboard,
        }  # fmt: skip
        refuse_given(of_series, "a series", "recordings are to be told apart")
        if seed is not None:
            asked["random_state"] = asked.pop("seed")
        use_threads(hidden or SequenceClassifier.hidden, SequenceClassifier.batch_size)
        train_classifier(
            source, asked | asked_too, **names_files, test_share=test_share,
            validation_share=validation_share, out=out, as_json=as_json,
        )  # fmt: skip
        return
    refuse_given(classifying | names_files, "recordings", "a series is to be forecast")
    Settings(**asked)  # what was asked for is checked before the file is read
    dataset = load(source, target, time, validation=validation_share, test=test_share)
    settings = Settings(**{**dataset.settings, **asked})
    if settings.patience is None:
        dataset = replace(dataset, split=dataset.split.without_validation())
    use_threads(settings.hidden, settings.batch_size)
    with RunFolder(dataset.series.name, out) as folder:
        run_and_record(dataset, settings, folder, as_json, tensorboard, checkpoint_every)
