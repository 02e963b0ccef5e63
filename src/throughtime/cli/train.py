"""`throughtime train`: a series, text or recordings in, a trained network and its scores out."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from throughtime.cells import registry
from throughtime.cli.asked import learner_asked_for
from throughtime.cli.config_file import from_file
from throughtime.cli.errors import reports_errors
from throughtime.cli.tasks import OPTIONS
from throughtime.cli.training_run import run_and_record
from throughtime.cli.watching import Watching
from throughtime.data.split import TEST, VALIDATION
from throughtime.estimators import LanguageModel, Settings
from throughtime.estimators.outputs import registry as outputs
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
            "folder of them, or - for a text on standard input; a folder of labelled recordings "
            "(LABEL_*.wav, or LABEL/*.wav; FLAC too), or one recording, dry.wav, with --target "
            "wet.wav."
        ),
    ],
    task: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(OPTIONS)}; inferred if left out.",
            rich_help_panel=DATA,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="Column to forecast; of a recording, the one that is to be made of it: wet.wav.",
            rich_help_panel=DATA,
        ),
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
    output: Annotated[
        str | None,
        _option(
            DATA,
            f"Series: What is said of the next value, one of {', '.join(outputs)}.",
            "output",
        ),
    ] = None,
    difference: Annotated[
        int | None,
        typer.Option(
            help="Series: Learn changes over so many rows: 1 where the level drifts, a season "
            "where it repeats too; 0 for values.",
            rich_help_panel=DATA,
            show_default="1 where it drifts",
        ),
    ] = None,
    known: Annotated[
        str | None,
        typer.Option(
            help="Series: Covariates known before their row has come, with commas between them; "
            "the others are forecast too.",
            rich_help_panel=DATA,
        ),
    ] = None,
    calendar: Annotated[
        str | None,
        typer.Option(
            help="Series: Cycles in which the time of a row is placed: day,week,year; none; auto.",
            rich_help_panel=DATA,
            show_default="auto",
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
    group: Annotated[
        str | None,
        typer.Option(
            help="Recordings: a regular expression that finds a file's group (its speaker, say) in "
            "its name; groups are never parted.",
            rich_help_panel=DATA,
        ),
    ] = None,
    test_files: Annotated[
        str | None,
        typer.Option(
            help="Recordings: a regular expression for the names of the files to test on.",
            rich_help_panel=DATA,
        ),
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
        float | None,
        typer.Option(
            help="Text, recordings: Share of outputs dropped in training.",
            rich_help_panel=NETWORK,
            show_default="0.4, 0.2",
        ),
    ] = None,
    weight_dropout: Annotated[
        float | None,
        _text(NETWORK, "Share of the recurrent weights dropped in training.", "weight_dropout"),
    ] = None,
    pooling: Annotated[
        str | None,
        typer.Option(
            help=f"Recordings: What is read out, one of {', '.join(POOLINGS)}.",
            rich_help_panel=NETWORK,
            show_default="mean",
        ),
    ] = None,
    bidirectional: Annotated[
        bool | None,
        typer.Option(
            help="Recordings: Whether layers run in both directions.",
            rich_help_panel=NETWORK,
            show_default="they do",
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
    windows_per_epoch: Annotated[
        int | None,
        typer.Option(
            help="Series: Training sequences drawn for an epoch.",
            rich_help_panel=TRAINING,
            show_default="all of them",
        ),
    ] = None,
    warm_up: Annotated[
        int | None,
        typer.Option(
            help="Recording and its target: Steps before each window that carry no loss.",
            rich_help_panel=TRAINING,
            show_default="1000",
        ),
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
    mlflow: Annotated[
        str | None,
        typer.Option(
            help="Keep the run in this experiment of MLflow; where, MLFLOW_TRACKING_URI says.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the results as JSON.", rich_help_panel=OUTPUT)
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            help="Take options from this TOML file, which `throughtime init` writes.",
            callback=from_file,
            is_eager=True,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
) -> None:
    """Train a recurrent network to forecast a series, write on a text or tell recordings apart.

    A built-in series brings settings that suit it. A text is learned by default by an LSTM of 256
    units, 20 times through, windows of 100 steps, AdamW, cosine; recordings by a GRU of 64 in both
    directions, 60 times through, Adam, cosine. What is given here comes first.

    Example: throughtime train sunspots --cell lstm --hidden 16 --seed 1
    """
    given = dict(locals())  # all that was asked for, by the name of its option
    learner, name = learner_asked_for(source, given)
    with RunFolder(name, out) as folder:
        run_and_record(learner, folder, as_json, Watching(tensorboard, mlflow), checkpoint_every)
