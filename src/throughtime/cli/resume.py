"""`throughtime resume`: a training that was stopped goes on to the same end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from throughtime.cli.errors import UsageError, reports_errors
from throughtime.cli.machine import use_threads
from throughtime.cli.recordings_run import RecordingsLearner
from throughtime.cli.series_run import SeriesLearner
from throughtime.cli.text_run import TextLearner
from throughtime.cli.training_run import Learner, finished, run_and_record
from throughtime.estimators import (
    Settings,
    resumed_classifier,
    resumed_forecaster,
    resumed_language_model,
)
from throughtime.estimators.run_checkpoints import EVERY
from throughtime.estimators.saved import LANGUAGE_MODEL, SEQUENCE_CLASSIFIER, read_configuration
from throughtime.train import Checkpoint
from throughtime.train.optimizers import PLANNED
from throughtime.train.run_folder import RunFolder


@reports_errors
def resume(
    run: Annotated[Path, typer.Argument(help="A run folder of `throughtime train`.")],
    epochs: Annotated[
        int | None,
        typer.Option(help="Epochs in all, if there are to be more than were asked for."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="The file or folder trained on, if it lies elsewhere now.")
    ] = None,
    checkpoint_every: Annotated[
        float, typer.Option(help="Seconds between checkpoints.", min=0)
    ] = EVERY,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Go on with a training that was stopped, to the weights it would have come to.

    Example: throughtime resume runs/sunspots-20260101-120000
    """
    if not run.is_dir():
        raise UsageError(f"{run} is no folder; give the one that `throughtime train` wrote")
    with RunFolder.reopened(run) as folder:
        take_up = _TAKE_UP[read_configuration(run).get("estimator")]
        learner, settings, checkpoint = take_up(run, epochs, data)
        if finished(run, settings, checkpoint):
            raise UsageError(_nothing_left(run, settings, checkpoint.epoch))
        run_and_record(learner, folder, as_json, every=checkpoint_every, resume=checkpoint)


_TakenUp = tuple[Learner, Settings, Checkpoint]
"""What learns, how, and where it goes on from."""


def _series(run: Path, epochs: int | None, data: Path | None) -> _TakenUp:
    dataset, settings, checkpoint = resumed_forecaster.taken_up(run, epochs, data)
    use_threads(settings.hidden, settings.batch_size)
    return SeriesLearner(dataset, settings), settings, checkpoint


def _text(run: Path, epochs: int | None, data: Path | None) -> _TakenUp:
    dataset, model, checkpoint = resumed_language_model.taken_up(run, epochs, data)
    return TextLearner(dataset, model), model.check(), checkpoint


def _recordings(run: Path, epochs: int | None, data: Path | None) -> _TakenUp:
    dataset, classifier, checkpoint = resumed_classifier.taken_up(run, epochs, data)
    return RecordingsLearner(dataset, classifier), classifier.settings(), checkpoint


_TAKE_UP: dict[str | None, Callable[[Path, int | None, Path | None], _TakenUp]] = {
    None: _series,
    LANGUAGE_MODEL: _text,
    SEQUENCE_CLASSIFIER: _recordings,
}
"""How each kind of run is taken up."""


def _nothing_left(run: Path, settings: Settings, epochs: int) -> str:
    if settings.patience is not None:
        more = "it ended after its epochs, or because validation no longer improved"
    elif settings.schedule in PLANNED:
        more = (
            f"its schedule, {settings.schedule}, was planned for them: for more, train again with "
            f"--epochs {2 * epochs}"
        )
    else:
        more = f"for more epochs: throughtime resume {run} --epochs {2 * epochs}"
    return f"{run} is finished after {epochs} epochs; {more}"
