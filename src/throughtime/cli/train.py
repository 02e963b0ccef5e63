"""`throughtime train`: a series in, a trained network and its scores out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from throughtime.cells import registry
from throughtime.cli.errors import UsageError, reports_errors
from throughtime.cli.scores import print_scores
from throughtime.estimators import Settings
from throughtime.train import schedules

if TYPE_CHECKING:
    from throughtime.data import Dataset
    from throughtime.estimators import Comparison, Forecaster
    from throughtime.train import Outcome
    from throughtime.train.run_folder import RunFolder

DATA, NETWORK, TRAINING, OUTPUT = "Data", "Network", "Training", "Output"


def _option(panel: str, text: str, setting: str) -> Any:
    """Declare an option whose default is a setting, unless a built-in series brings its own."""
    return typer.Option(
        help=text, rich_help_panel=panel, show_default=str(getattr(Settings, setting))
    )


@reports_errors
def train(
    source: Annotated[str, typer.Argument(help="A built-in series (sunspots), or a CSV file.")],
    target: Annotated[
        str | None, typer.Option(help="Column to forecast.", rich_help_panel=DATA)
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(help="Time column; recognised by its name if left out.", rich_help_panel=DATA),
    ] = None,
    transform: Annotated[
        str | None,
        _option(
            DATA, "Of the target before it is scaled: none, sqrt (counts), log1p.", "transform"
        ),
    ] = None,
    cell: Annotated[
        str | None,
        _option(NETWORK, f"One of {', '.join(registry)}.", "cell"),
    ] = None,
    hidden: Annotated[int | None, _option(NETWORK, "Units a layer.", "hidden")] = None,
    layers: Annotated[int | None, _option(NETWORK, "Layers.", "layers")] = None,
    epochs: Annotated[
        int | None, _option(TRAINING, "Times through the training rows, at most.", "epochs")
    ] = None,
    learning_rate: Annotated[
        float | None, _option(TRAINING, "First learning rate.", "learning_rate")
    ] = None,
    optimizer: Annotated[
        str | None, _option(TRAINING, "One of torch's optimisers.", "optimizer")
    ] = None,
    schedule: Annotated[
        str | None, _option(TRAINING, f"One of {', '.join(schedules)}.", "schedule")
    ] = None,
    window: Annotated[
        int | None, _option(TRAINING, "Steps of a training sequence.", "window")
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
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the results as JSON.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Train a recurrent network to forecast a series one step ahead.

    A built-in series brings settings that suit it; what is given here comes first.

    Example: throughtime train sunspots --cell lstm --hidden 16 --seed 1
    """
    from rich.console import Console

    from throughtime.data import load
    from throughtime.estimators import Forecaster, compare
    from throughtime.train import Progress
    from throughtime.train.run_folder import RunFolder

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
        "patience": patience,
        "clip": clip,
        "seed": seed,
        "device": device,
        "dtype": dtype,
    }
    asked = {name: value for name, value in given.items() if value is not None}
    asked |= {name: None for name in ("clip", "patience") if given[name] == 0}
    Settings(**asked)  # what was asked for is checked before the file is read
    dataset = load(source, target, time)
    settings = Settings(**{**dataset.settings, **asked})
    forecaster = Forecaster.for_dataset(dataset, settings)

    console = Console(stderr=True)
    with RunFolder(dataset.series.name, out) as folder:
        _announce(console, dataset, forecaster)
        with Progress(settings.epochs, console) as progress:
            outcome = forecaster.fit(dataset, [progress])
        if outcome.best_epoch == 0:
            _report_nothing(outcome)
        _save_model(folder, forecaster, dataset, outcome)
        folder.keep()
        forecasts, _ = forecaster.predict(dataset.series)
        comparison = compare(dataset, forecasts)
        metrics = _save_results(folder, forecaster, comparison, outcome)
    _conclude(console, folder.final, comparison, metrics, outcome, as_json)


def _announce(console: Any, dataset: Dataset, forecaster: Forecaster) -> None:
    split, times = dataset.split, dataset.series.times
    settings = forecaster.settings
    parameters = sum(p.numel() for p in forecaster.network.parameters())
    console.print(
        f"{dataset.series.name}: {len(times)} rows; fitted on {times[split.fit.start]} to "
        f"{times[split.fit.stop - 1]}, validated to "
        f"{times[split.validation.stop - 1]}, tested on what comes after\n"
        f"{settings.cell} of {settings.hidden} units, {settings.layers} layer(s), {parameters} "
        f"parameters; {settings.optimizer}, backpropagation through {settings.window} steps",
        highlight=False,
        soft_wrap=True,
    )


def _report_nothing(outcome: Outcome) -> None:
    if outcome.stopped == "interrupted":
        print("throughtime: interrupted before the first epoch; nothing is saved", file=sys.stderr)
        raise SystemExit(130)
    raise UsageError(f"training failed in its first epoch, nothing is saved: {outcome.failure}")


def _save_model(
    folder: RunFolder, forecaster: Forecaster, dataset: Dataset, outcome: Outcome
) -> None:
    from throughtime import __version__
    from throughtime.estimators import save

    save(forecaster, dataset, folder.path, __version__)
    outcome.history.write(folder.path / "history.csv")


def _save_results(
    folder: RunFolder, forecaster: Forecaster, comparison: Comparison, outcome: Outcome
) -> dict[str, Any]:
    from throughtime.estimators.saved import write_json
    from throughtime.flow import NoFlowError
    from throughtime.report import write_forecast, write_report

    dataset = comparison.dataset
    try:
        flow = forecaster.flow(dataset).as_dict()
    except NoFlowError:
        flow = None
    metrics = {
        "scores": comparison.scores(),
        "reference_variance": dataset.variance,
        "variance_source": dataset.variance_source,
        "gradient_horizon": flow
        and {
            "fraction": flow["fraction"],
            "steps_by_layer": [layer["horizon"] for layer in flow["layers"]],
        },
        "training": {
            "epochs": outcome.history[-1].epoch,
            "updates": len(outcome.history),
            "best_epoch": outcome.best_epoch,
            "best_validation_loss": outcome.best_validation_loss,
            "stopped": outcome.stopped,
            "interrupted": outcome.stopped == "interrupted",
            "seconds": round(outcome.seconds, 3),
            "parameters": sum(p.numel() for p in forecaster.network.parameters()),
        },
    }
    write_json(folder.path / "metrics.json", metrics)
    if flow is not None:
        write_json(folder.path / "flow.json", flow)
    comparison.write(folder.path / "predictions.csv")
    write_forecast(folder.path)
    write_report(folder.path)
    return metrics


def _conclude(
    console: Any,
    place: Path,
    comparison: Comparison,
    metrics: dict[str, Any],
    outcome: Outcome,
    as_json: bool,
) -> None:
    if as_json:
        print(json.dumps({"run": str(place), **metrics}, allow_nan=False))
    else:
        print_scores(metrics)
        print(f"everything about this run: {place}/report.html")
    if outcome.stopped == "interrupted":
        print(
            f"throughtime: interrupted in epoch {outcome.history[-1].epoch}; the best model so far "
            f"(epoch {outcome.best_epoch}) is saved in {place}",
            file=sys.stderr,
        )
        raise SystemExit(130)
    if outcome.stopped == "failed":
        raise UsageError(
            f"training failed in epoch {outcome.history[-1].epoch}: {outcome.failure}. The best "
            f"model so far (epoch {outcome.best_epoch}) is saved in {place}"
        )
