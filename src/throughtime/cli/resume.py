"""`throughtime resume`: a training that was stopped goes on to the same end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from throughtime.cli.errors import UsageError, reports_errors
from throughtime.cli.machine import use_threads
from throughtime.cli.training_run import finished, run_and_record
from throughtime.estimators.run_checkpoints import EVERY, taken_up
from throughtime.train.run_folder import RunFolder


@reports_errors
def resume(
    run: Annotated[Path, typer.Argument(help="A run folder of `throughtime train`.")],
    epochs: Annotated[
        int | None,
        typer.Option(help="Epochs in all, if there are to be more than were asked for."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="The file trained on, if it lies elsewhere now.")
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
        dataset, settings, checkpoint = taken_up(run, epochs, data)
        if finished(run, settings, checkpoint):
            raise UsageError(_nothing_left(run, settings.patience, checkpoint.epoch))
        use_threads(settings.hidden, settings.batch_size)
        run_and_record(
            dataset, settings, folder, as_json, every=checkpoint_every, resume=checkpoint
        )


def _nothing_left(run: Path, patience: int | None, epochs: int) -> str:
    if patience is None:
        more = f"for more epochs: throughtime resume {run} --epochs {2 * epochs}"
    else:
        more = "it ended after its epochs, or because validation no longer improved"
    return f"{run} is finished after {epochs} epochs; {more}"
