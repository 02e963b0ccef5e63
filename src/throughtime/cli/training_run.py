"""A training run from its data to its folder, told to a person on the way, whatever is learned."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from throughtime.cli.errors import UsageError, status
from throughtime.cli.watching import Watching

if TYPE_CHECKING:
    from torch import nn

    from throughtime.estimators import Settings
    from throughtime.flow import Flow
    from throughtime.flow.probe import FlowProbe
    from throughtime.flow.walk import Walk
    from throughtime.train import Checkpoint, Checkpoints, Outcome
    from throughtime.train.run_folder import RunFolder
    from throughtime.train.training import Callback


class Learner(Protocol):
    """A model with the data that it learns, and what is to be told and kept of the two."""

    @property
    def epochs(self) -> int:
        """How many there are at most."""

    @property
    def network(self) -> nn.Module:
        """What is trained."""

    def announcement(self) -> str:
        """Say what is about to be learned, and how."""

    def configuration(self) -> dict[str, Any]:
        """Give the run's configuration."""

    def probe(self) -> FlowProbe | None:
        """Give a callback that looks at the gradient by lag while it learns; None for no looks."""

    def fit(
        self,
        callbacks: Sequence[Callback],
        checkpoints: Checkpoints | None,
        resume: Checkpoint | None,
    ) -> Outcome:
        """Learn."""

    def save(self, folder: Path) -> None:
        """Write the model."""

    def results(self, folder: Path) -> dict[str, Any]:
        """Write results of its own; give what stands in the run's metrics before all else."""

    def flow(self) -> Flow:
        """Measure how far back gradients reach; it is asked for only where there is a probe.

        Raises:
            NoFlowError: There is no gradient.
        """

    def walk(self) -> Walk | None:
        """Walk through one sequence; None where that cannot be shown.

        Raises:
            FloatingPointError, NoFlowError: There is nothing to walk through.
        """

    def report(self, folder: Path) -> None:
        """Write pictures and the report of the results that lie in a folder, if there are any."""

    def tell(self, metrics: dict[str, Any], place: Path) -> None:
        """Print the results for people."""


def run_and_record(
    learner: Learner,
    folder: RunFolder,
    as_json: bool,
    watching: Watching | None = None,
    every: float = 60.0,
    resume: Checkpoint | None = None,
) -> None:
    """Train a model, record everything in a run folder, and print the scores.

    Args:
        learner: What is learned, and how.
        folder: The run folder, entered.
        as_json: Whether to print JSON.
        watching: Who else watches it.
        every: Seconds between checkpoints.
        resume: Where the training goes on from.

    Raises:
        UsageError: The training failed; or one who is to watch it is not installed.
        SystemExit: With status 130 after Ctrl-C, with 143 after SIGTERM.
    """
    from rich.console import Console

    from throughtime.estimators.run_checkpoints import RunCheckpoints
    from throughtime.train import Progress
    from throughtime.train.stopping import terminable

    probe = learner.probe()
    console = Console(stderr=True)
    with terminable(), watching or Watching() as watchers:
        configuration = learner.configuration()
        callbacks = watchers.callbacks(folder.final.name, configuration, probe)
        console.print(learner.announcement(), highlight=False, soft_wrap=True, markup=False)
        checkpoints = RunCheckpoints(folder, configuration, every, resume)
        with Progress(learner.epochs, console) as progress:
            outcome = learner.fit([progress, *callbacks], checkpoints, resume)
        if outcome.best_epoch == 0:
            _report_nothing(folder, outcome, resume)
        folder.keep()
        if outcome.signal == signal.SIGTERM:  # whoever sends it does not wait for results
            raise SystemExit(_interrupted(folder.final, outcome))
        try:
            with folder.results(may_lack=("flow.json", "walk.json", "credit.json")) as aside:
                learner.save(aside)
                outcome.history.write(aside / "history.csv")
                looks = None
                if probe is not None:
                    looks = [*_looks_before(folder.path, resume), *probe.as_list()]
                metrics = _save_results(aside, learner, outcome, looks)
        except KeyboardInterrupt as stop:
            print(
                f"throughtime: interrupted while results were written; the best model (epoch "
                f"{outcome.best_epoch}) is saved in {folder.final}, its results are not; they are "
                f"written by: throughtime resume {folder.final}",
                file=sys.stderr,
            )
            raise SystemExit(status(stop)) from None
        watchers.end(outcome.stopped, folder.final)
    _conclude(folder.final, learner, metrics, outcome, as_json)


def finished(run: Path, settings: Settings, checkpoint: Checkpoint) -> bool:
    """Whether nothing is left to do: no epoch, and no results.

    A run without its report has results to be written: pairs of recordings once had none.
    """
    patience = settings.patience
    over = checkpoint.epoch >= settings.epochs or (
        patience is not None and checkpoint.epoch - checkpoint.best_epoch >= patience
    )
    try:
        training = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["training"]
        recorded = training["updates"] == len(checkpoint.history)
        return bool(
            checkpoint.complete
            and over
            and recorded
            and training["stopped"] != "interrupted"
            and (run / "report.html").is_file()
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


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


def _looks_before(run: Path, resume: Checkpoint | None) -> list[dict[str, Any]]:
    """Give what was seen of the gradient before training was taken up again, if it is recorded."""
    if resume is None:
        return []
    try:
        text = (run / "flow.json").read_text(encoding="utf-8")
        looks = json.loads(text, parse_constant=lambda _: None)["over_training"]
        return [look for look in looks if look["update"] <= len(resume.history)]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def _save_results(
    folder: Path, learner: Learner, outcome: Outcome, looks: Sequence[Mapping[str, Any]] | None
) -> dict[str, Any]:
    from throughtime.estimators.saved import write_json
    from throughtime.flow import NoFlowError

    own = learner.results(folder)
    flow = None
    with contextlib.suppress(NoFlowError):
        if looks is not None:
            flow = {**learner.flow().as_dict(), "over_training": looks}
    metrics = {
        **own,
        **({} if looks is None else {"gradient_horizon": _horizon(flow)}),
        "training": {
            "epochs": outcome.history[-1].epoch,
            "updates": len(outcome.history),
            "best_epoch": outcome.best_epoch,
            "best_validation_loss": outcome.best_validation_loss,
            "stopped": outcome.stopped,
            "seconds": round(outcome.seconds, 3),
            **({"failure": outcome.failure} if outcome.failure else {}),
            "parameters": sum(p.numel() for p in learner.network.parameters()),
        },
    }
    write_json(folder / "metrics.json", metrics)
    if flow is not None:
        write_json(folder / "flow.json", flow, indent=None)  # long tables of numbers
        with contextlib.suppress(FloatingPointError, NoFlowError):
            if (walk := learner.walk()) is not None:
                write_json(folder / "walk.json", walk.as_dict(), indent=None)
    learner.report(folder)
    return metrics


def _horizon(flow: dict[str, Any] | None) -> dict[str, Any] | None:
    return flow and {
        "fraction": flow["fraction"],
        "layers": [layer["name"] for layer in flow["layers"]],
        "steps_by_layer": [layer["horizon"] for layer in flow["layers"]],
    }


def _conclude(
    place: Path, learner: Learner, metrics: dict[str, Any], outcome: Outcome, as_json: bool
) -> None:
    if as_json:
        print(json.dumps({"run": str(place), **metrics}, allow_nan=False))
    else:
        learner.tell(metrics, place)
        report = place / "report.html"
        print(f"everything about this run: {report if report.exists() else place}")
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
