"""A training run from its data set to its folder, told to a person on the way."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.cli.errors import UsageError
from throughtime.cli.scores import print_scores

if TYPE_CHECKING:
    from throughtime.data import Dataset
    from throughtime.estimators import Forecaster, Settings
    from throughtime.flow.probe import FlowProbe
    from throughtime.report.tensorboard import TensorBoard
    from throughtime.train import Outcome
    from throughtime.train.run_folder import RunFolder
    from throughtime.train.training import Callback


def run_and_record(
    dataset: Dataset,
    settings: Settings,
    out: Path | None,
    as_json: bool,
    tensorboard: Path | None = None,
) -> None:
    """Train a forecaster, record everything in a run folder, and print the scores.

    Args:
        dataset: What to learn; its validation rows are empty if they are to be fitted too.
        settings: How to learn it.
        out: The run folder; its default place if None.
        as_json: Whether to print JSON.
        tensorboard: Where TensorBoard finds scalars and pictures, if it is to.

    Raises:
        UsageError: The training failed; or TensorBoard is asked for and not installed.
        SystemExit: With status 130, after Ctrl-C.
    """
    from rich.console import Console

    from throughtime.estimators import Forecaster
    from throughtime.train import Progress
    from throughtime.train.run_folder import RunFolder, uninterrupted

    forecaster = Forecaster.for_dataset(dataset, settings)
    probe = forecaster.probe(dataset)
    watching: list[Callback] = [probe]
    if tensorboard is not None:
        watching.append(_tensorboard(tensorboard, probe))
    console = Console(stderr=True)
    with RunFolder(dataset.series.name, out) as folder:
        _announce(console, dataset, forecaster)
        with Progress(settings.epochs, console) as progress:
            outcome = forecaster.fit(dataset, [progress, *watching])
        if outcome.best_epoch == 0:
            _report_nothing(outcome)
        with uninterrupted():
            _save_model(folder, forecaster, dataset, outcome)
            folder.keep()
        try:
            metrics = _save_results(folder, forecaster, dataset, outcome, probe)
        except KeyboardInterrupt:
            print(
                f"throughtime: interrupted while results were written; the best model (epoch "
                f"{outcome.best_epoch}) is saved in {folder.final}, its results are not complete",
                file=sys.stderr,
            )
            raise SystemExit(130) from None
    _conclude(folder.final, metrics, outcome, as_json)


def _tensorboard(folder: Path, probe: FlowProbe) -> TensorBoard:
    from throughtime.report.tensorboard import TensorBoard

    try:
        return TensorBoard(folder, probe)
    except (ImportError, OSError) as error:
        raise UsageError(str(error)) from None


def _announce(console: Any, dataset: Dataset, forecaster: Forecaster) -> None:
    split, times = dataset.split, dataset.series.times
    settings = forecaster.settings
    parameters = sum(p.numel() for p in forecaster.network.parameters())
    validated = f", validated to {times[split.validation.stop - 1]}" if split.validation else ""
    window = min(settings.window, len(split.fit) - 1)
    how = "backpropagation" if settings.method == "bptt" else settings.method
    console.print(
        f"{dataset.series.name}: {len(times)} rows; fitted on {times[split.fit.start]} to "
        f"{times[split.fit.stop - 1]}{validated}, tested on what comes after\n"
        f"{settings.cell} of {settings.hidden} units, {settings.layers} layer(s), {parameters} "
        f"parameters; {settings.optimizer}, {how} through {window} steps",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


def _report_nothing(outcome: Outcome) -> None:
    if outcome.stopped == "interrupted":
        print("throughtime: interrupted before the first epoch; nothing is saved", file=sys.stderr)
        raise SystemExit(130)
    raise UsageError(
        f"training failed before there was a model worth saving, nothing is saved: "
        f"{outcome.failure}"
    )


def _save_model(
    folder: RunFolder, forecaster: Forecaster, dataset: Dataset, outcome: Outcome
) -> None:
    from throughtime import __version__
    from throughtime.estimators import save

    save(forecaster, dataset, folder.path, __version__)
    outcome.history.write(folder.path / "history.csv")


def _save_results(
    folder: RunFolder,
    forecaster: Forecaster,
    dataset: Dataset,
    outcome: Outcome,
    probe: FlowProbe,
) -> dict[str, Any]:
    from throughtime.estimators import compare
    from throughtime.estimators.saved import write_json
    from throughtime.flow import NoFlowError
    from throughtime.report import write_forecast, write_report

    forecasts, _ = forecaster.predict(dataset.series)
    comparison = compare(dataset, forecasts)
    try:
        flow = {**forecaster.flow(dataset).as_dict(), "over_training": probe.as_list()}
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
            "seconds": round(outcome.seconds, 3),
            "parameters": sum(p.numel() for p in forecaster.network.parameters()),
        },
    }
    write_json(folder.path / "metrics.json", metrics)
    if flow is not None:
        write_json(folder.path / "flow.json", flow, indent=None)  # long tables of numbers
    comparison.write(folder.path / "predictions.csv")
    write_forecast(folder.path)
    write_report(folder.path)
    return metrics


def _conclude(place: Path, metrics: dict[str, Any], outcome: Outcome, as_json: bool) -> None:
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
            f"training failed after epoch {outcome.best_epoch}: {outcome.failure}. The model of "
            f"epoch {outcome.best_epoch} is saved in {place}"
        )
