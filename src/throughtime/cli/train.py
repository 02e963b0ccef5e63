"""`throughtime train`: a series in, a trained network and its scores out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from throughtime.cli.errors import UsageError, reports_errors
from throughtime.cli.scores import print_scores

if TYPE_CHECKING:
    from throughtime.data import Dataset
    from throughtime.estimators import Comparison, Forecaster
    from throughtime.train import Outcome
    from throughtime.train.run_folder import RunFolder

_DATA = "Data"
_NETWORK = "Network"
_TRAINING = "Training"
_OUTPUT = "Output"


@reports_errors
def train(
    source: Annotated[str, typer.Argument(help="A built-in series (sunspots), or a CSV file.")],
    target: Annotated[
        str | None, typer.Option(help="Column to forecast.", rich_help_panel=_DATA)
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            help="Time column; recognised by its name if left out.", rich_help_panel=_DATA
        ),
    ] = None,
    cell: Annotated[
        str | None, typer.Option(help="Recurrent cell.", rich_help_panel=_NETWORK)
    ] = None,
    hidden: Annotated[
        int | None, typer.Option(help="Units a layer.", rich_help_panel=_NETWORK)
    ] = None,
    layers: Annotated[int | None, typer.Option(help="Layers.", rich_help_panel=_NETWORK)] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Epochs at most.", rich_help_panel=_TRAINING)
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="First learning rate.", rich_help_panel=_TRAINING)
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="One of torch's optimisers.", rich_help_panel=_TRAINING)
    ] = None,
    clip: Annotated[
        float | None,
        typer.Option(help="Largest gradient norm; 0 for no limit.", rich_help_panel=_TRAINING),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Random seed.", rich_help_panel=_TRAINING)
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda, ...", rich_help_panel=_TRAINING)
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="float32 or float64.", rich_help_panel=_TRAINING)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The run folder; runs/NAME-TIME if left out.", rich_help_panel=_OUTPUT),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the results as JSON.", rich_help_panel=_OUTPUT)
    ] = False,
) -> None:
    """Train a recurrent network to forecast a series one step ahead.

    Example: throughtime train sunspots --cell lstm --hidden 16 --seed 1
    """
    from rich.console import Console

    from throughtime.data import load
    from throughtime.estimators import Forecaster, Settings, compare
    from throughtime.train import Progress
    from throughtime.train.run_folder import RunFolder

    given: dict[str, Any] = {
        "cell": cell, "hidden": hidden, "layers": layers, "epochs": epochs,
        "learning_rate": learning_rate, "optimizer": optimizer, "seed": seed, "device": device,
        "dtype": dtype,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    if clip is not None:
        given["clip"] = clip or None
    settings = Settings(**given)
    dataset = load(source, target, time)
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
    from throughtime.report import write_forecast, write_report

    dataset = comparison.dataset
    flow = forecaster.flow(dataset).as_dict()
    metrics = {
        "scores": comparison.scores(),
        "reference_variance": dataset.variance,
        "variance_source": dataset.variance_source,
        "gradient_horizon": {
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
