"""A training run from its data set to its folder, told to a person on the way."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.cli.errors import UsageError, status
from throughtime.cli.scores import print_scores

if TYPE_CHECKING:
    from throughtime.data import Dataset
    from throughtime.estimators import Forecaster, Settings
    from throughtime.flow.probe import FlowProbe
    from throughtime.report.tensorboard import TensorBoard
    from throughtime.train import Checkpoint, Outcome
    from throughtime.train.run_folder import RunFolder
    from throughtime.train.training import Callback


def run_and_record(
    dataset: Dataset,
    settings: Settings,
    folder: RunFolder,
    as_json: bool,
    tensorboard: Path | None = None,
    every: float = 60.0,
    resume: Checkpoint | None = None,
) -> None:
    """Train a forecaster, record everything in a run folder, and print the scores.

    Args:
        dataset: What to learn; its validation rows are empty if they are to be fitted too.
        settings: How to learn it.
        folder: The run folder, entered.
        as_json: Whether to print JSON.
        tensorboard: Where TensorBoard finds scalars and pictures, if it is to.
        every: Seconds between checkpoints.
        resume: Where the training goes on from.

    Raises:
        UsageError: The training failed; or TensorBoard is asked for and not installed.
        SystemExit: With status 130 after Ctrl-C, with 143 after SIGTERM.
    """
    from rich.console import Console

    from throughtime.estimators import Forecaster
    from throughtime.estimators.run_checkpoints import RunCheckpoints, run_configuration
    from throughtime.train import Progress
    from throughtime.train.stopping import terminable

    forecaster = Forecaster.for_dataset(dataset, settings)
    probe = forecaster.probe(dataset)
    watching: list[Callback] = [probe]
    if tensorboard is not None:
        watching.append(_tensorboard(tensorboard, probe))
    console = Console(stderr=True)
    with terminable():
        _announce(console, dataset, forecaster)
        checkpoints = RunCheckpoints(folder, run_configuration(forecaster, dataset), every, resume)
        with Progress(settings.epochs, console) as progress:
            outcome = forecaster.fit(dataset, [progress, *watching], checkpoints, resume)
        if outcome.best_epoch == 0:
            _report_nothing(folder, outcome, resume)
        folder.keep()
        if outcome.signal == signal.SIGTERM:  # whoever sends it does not wait for results
            raise SystemExit(_interrupted(folder.final, outcome))
        try:
            with folder.results(may_lack=("flow.json", "walk.json")) as aside:
                _save_model(aside, forecaster, dataset, outcome)
                metrics = _save_results(aside, forecaster, dataset, outcome, probe)
        except KeyboardInterrupt as stop:
            print(
                f"throughtime: interrupted while results were written; the best model (epoch "
                f"{outcome.best_epoch}) is saved in {folder.final}, its results are not; they are "
                f"written by: throughtime resume {folder.final}",
                file=sys.stderr,
            )
            raise SystemExit(status(stop)) from None
    _conclude(folder.final, metrics, outcome, as_json)


def finished(run: Path, settings: Settings, checkpoint: Checkpoint) -> bool:
    """Whether nothing is left to do: no epoch, and no results."""
    patience = settings.patience
    over = checkpoint.epoch >= settings.epochs or (
        patience is not None and checkpoint.epoch - checkpoint.best_epoch >= patience
    )
    try:
        training = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["training"]
        recorded = training["updates"] == len(checkpoint.history)
        return bool(
            checkpoint.complete and over and recorded and training["stopped"] != "interrupted"
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _tensorboard(folder: Path, probe: FlowProbe) -> TensorBoard:
    from throughtime.report.tensorboard import TensorBoard

    try:
        return TensorBoard(folder, probe)
    except (ImportError, OSError) as error:
        raise UsageError(str(error)) from None


def _announce(console: Any, dataset: Dataset, forecaster: Forecaster) -> None:
    settings = forecaster.settings
    parameters = sum(p.numel() for p in forecaster.network.parameters())
    window = min(settings.window, len(dataset.split.fit) - 1)
    how = "backpropagation" if settings.method == "bptt" else settings.method
    console.print(
        f"{dataset.name}: {_told(dataset)}\n"
        f"{settings.cell} of {settings.hidden} units, {settings.layers} layer(s), {parameters} "
        f"parameters; {settings.optimizer}, {how} through {window} steps",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


def _told(dataset: Dataset) -> str:
    """Say what is learned, and when it ends."""
    if dataset.series_column is not None:
        rows = sum(len(member.series) for member in dataset.members)
        validated = ", validated on the next" if dataset.split.validation else ""
        return (
            f"{len(dataset.members)} series of {rows} rows together; fitted on the first rows of "
            f"each{validated}, tested on what comes after"
        )
    split, times = dataset.split, dataset.series.times
    validated = f", validated to {times[split.validation.stop - 1]}" if split.validation else ""
    return (
        f"{len(times)} rows; fitted on {times[split.fit.start]} to {times[split.fit.stop - 1]}"
        f"{validated}, tested on what comes after"
    )


def _report_nothing(folder: RunFolder, outcome: Outcome, resume: Checkpoint | None) -> None:
    if outcome.stopped == "interrupted":
        what = (
            f"ended; go on with: throughtime resume {folder.final}"
            if folder.kept
            else "could be learned from; nothing is saved"
        )
        print(f"throughtime: interrupted before the first epoch {what}", file=sys.stderr)
        raise SystemExit(128 + (outcome.signal or signal.SIGINT))
    folder.keep(resume is not None)
    raise UsageError(
        f"training failed before there was a model worth saving, nothing is saved: "
        f"{outcome.failure}"
    )


def _save_model(folder: Path, forecaster: Forecaster, dataset: Dataset, outcome: Outcome) -> None:
    from throughtime import __version__
    from throughtime.estimators import save

    save(forecaster, dataset, folder, __version__)
    outcome.history.write(folder / "history.csv")


def _save_results(
    folder: Path,
    forecaster: Forecaster,
    dataset: Dataset,
    outcome: Outcome,
    probe: FlowProbe,
) -> dict[str, Any]:
    from throughtime.estimators import compare
    from throughtime.estimators.saved import write_json
    from throughtime.flow import NoFlowError
    from throughtime.report import write_forecast, write_report

    predicted = forecaster.predict_many([member.series for member in dataset.members])
    comparison = compare(dataset, [forecasts for forecasts, _ in predicted])
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
    if dataset.series_column is not None:
        metrics["series"] = len(dataset.members)
    write_json(folder / "metrics.json", metrics)
    if flow is not None:
        write_json(folder / "flow.json", flow, indent=None)  # long tables of numbers
        with contextlib.suppress(FloatingPointError, NoFlowError):
            walk = forecaster.walk(dataset).as_dict()
            write_json(folder / "walk.json", walk, indent=None)
    comparison.write(folder / "predictions.csv")
    write_forecast(folder)
    write_report(folder)
    return metrics


def _conclude(place: Path, metrics: dict[str, Any], outcome: Outcome, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"run": str(place), **metrics}, allow_nan=False))
    else:
        print_scores(metrics)
        print(f"everything about this run: {place}/report.html")
    if outcome.stopped == "interrupted":
        raise SystemExit(_interrupted(place, outcome))
    if outcome.stopped == "failed":
        raise UsageError(
            f"training failed after epoch {outcome.best_epoch}: {outcome.failure}. The model of "
            f"epoch {outcome.best_epoch} is saved in {place}"
        )


def _interrupted(place: Path, outcome: Outcome) -> int:
    """Say how to go on; give the exit status."""
    print(
        f"throughtime: interrupted in epoch {outcome.history[-1].epoch}; the best model so far "
        f"(epoch {outcome.best_epoch}) is saved in {place}\n"
        f"go on with: throughtime resume {place}",
        file=sys.stderr,
    )
    return 128 + (outcome.signal or signal.SIGINT)
