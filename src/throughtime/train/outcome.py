"""What a training came to."""

from __future__ import annotations

from dataclasses import dataclass, field

from throughtime.train.history import History


@dataclass
class Outcome:
    """What a training run came to.

    Attributes:
        history: One row an update.
        best_epoch: The epoch whose weights the model now has; 0 for those it started with.
        best_validation_loss: Its validation loss; None without a validation part.
        stopped: Why it ended: "finished", "early" (validation no longer improved), "interrupted"
            (Ctrl-C, or SIGTERM) or "failed" (a loss or gradient that is not finite).
        failure: The message, where it failed.
        signal: The number of the signal that interrupted it.
        seconds: How long it took.
    """

    history: History = field(default_factory=History)
    best_epoch: int = 0
    best_validation_loss: float | None = None
    stopped: str = "finished"
    failure: str = ""
    signal: int | None = None
    seconds: float = 0.0
