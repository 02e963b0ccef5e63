"""How a training ended: its figures, what is said of it, and the exit status."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from throughtime.cli.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

    from throughtime.train import Outcome


def training_figures(outcome: Outcome, network: nn.Module) -> dict[str, Any]:
    """Give what `metrics.json` says of a training."""
    return {
        "epochs": outcome.history[-1].epoch,
        "updates": len(outcome.history),
        "best_epoch": outcome.best_epoch,
        "best_validation_loss": outcome.best_validation_loss,
        "stopped": outcome.stopped,
        "seconds": round(outcome.seconds, 3),
        "parameters": sum(p.numel() for p in network.parameters()),
    }


def end_without_model(outcome: Outcome, go_on: str = "") -> NoReturn:
    """End a training that has come to no model.

    Args:
        outcome: Of the training; its best epoch is 0.
        go_on: The command that goes on from what was kept; "" if nothing was.

    Raises:
        UsageError: It failed.
        SystemExit: With status 130 after Ctrl-C, with 143 after SIGTERM.
    """
    if outcome.stopped == "interrupted":
        what = f"ended; go on with: {go_on}" if go_on else "ended; nothing is saved"
        print(f"throughtime: interrupted before the first epoch {what}", file=sys.stderr)
        raise SystemExit(_status(outcome))
    raise UsageError(
        f"training failed before there was a model worth saving, nothing is saved: "
        f"{outcome.failure}"
    )


def end_as_it_did(outcome: Outcome, place: Path, go_on: str = "") -> None:
    """Return if a training that is saved came to its end; otherwise end as it did.

    Args:
        outcome: Of the training.
        place: The run folder.
        go_on: The command that goes on with the training; "" if none does.

    Raises:
        UsageError: It failed.
        SystemExit: With status 130 after Ctrl-C, with 143 after SIGTERM.
    """
    if outcome.stopped == "interrupted":
        print(
            f"throughtime: interrupted in epoch {outcome.history[-1].epoch}; the best model so far "
            f"(epoch {outcome.best_epoch}) is saved in {place}"
            + (f"\ngo on with: {go_on}" if go_on else ""),
            file=sys.stderr,
        )
        raise SystemExit(_status(outcome))
    if outcome.stopped == "failed":
        raise UsageError(
            f"training failed after epoch {outcome.best_epoch}: {outcome.failure}. The model of "
            f"epoch {outcome.best_epoch} is saved in {place}"
        )


def _status(outcome: Outcome) -> int:
    return 128 + (outcome.signal or signal.SIGINT)
