"""The adding problem: two numbers far apart, a fixed number of sequences, a mark for the error."""

from __future__ import annotations

import time

from lags.training import Setting, Training
from lags.trial import Trial, count, fresh
from throughtime.data.tasks import Adding

MARK = 0.001
"""The mean squared error that counts as solved; a constant answer has 0.167."""

TESTED = 10_000


def train(setting: Setting, seed: int, by_torch: bool = False, T: int = 100) -> Trial:
    """Train on `setting.most` sequences, each drawn anew; judge on fresh ones."""
    task = Adding(T)
    begun = time.perf_counter()
    training = Training(task, setting, seed, by_torch)
    while training.sequences < setting.most:
        training.learn(task.batch(setting.rows, training.generator))
    seconds = time.perf_counter() - begun
    test = task.batch(TESTED, fresh(seed))
    error = task.score(training.answers(test), test.targets)
    weights = count(training.network)
    return Trial(seed, error <= MARK, training.sequences, seconds, error, weights)
