"""The training loop over any gradient method, and what it records."""

from throughtime.data.batch import Batch
from throughtime.train.history import History, Row
from throughtime.train.loop import Outcome, train
from throughtime.train.optimizers import make_optimizer, make_schedule, optimizers, schedules
from throughtime.train.progress import Progress

__all__ = [
    "Batch",
    "History",
    "Outcome",
    "Progress",
    "Row",
    "make_optimizer",
    "make_schedule",
    "optimizers",
    "schedules",
    "train",
]
