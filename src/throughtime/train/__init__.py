"""The training loop over any gradient method, and what it records."""

from throughtime.data.batch import Batch
from throughtime.train.checkpoint import (
    Checkpoint,
    CheckpointFile,
    Checkpoints,
    read_checkpoint,
    write_checkpoint,
)
from throughtime.train.history import History, Row
from throughtime.train.loop import train
from throughtime.train.optimizers import make_optimizer, make_schedule, optimizers, schedules
from throughtime.train.outcome import Outcome
from throughtime.train.progress import Progress

__all__ = [
    "Batch",
    "Checkpoint",
    "CheckpointFile",
    "Checkpoints",
    "History",
    "Outcome",
    "Progress",
    "Row",
    "make_optimizer",
    "make_schedule",
    "optimizers",
    "read_checkpoint",
    "schedules",
    "train",
    "write_checkpoint",
]
