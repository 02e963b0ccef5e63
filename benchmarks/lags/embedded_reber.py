"""The embedded Reber grammar: trained until all strings of two sets of 256 are predicted."""

from __future__ import annotations

import time

import torch

from lags.training import Setting, Training
from lags.trial import Trial, count, fresh
from throughtime.data.batch import Batch
from throughtime.data.tasks import EmbeddedReber

STRINGS = 256
"""Strings of the training set, and as many of the test set, of which none is in the other."""

CHECKED = 100
"""Strings learned from between two looks at whether all of both sets are predicted."""

TESTED = 2560


def train(setting: Setting, seed: int, by_torch: bool = False) -> Trial:
    """Train on strings picked at random from the training set."""
    task = EmbeddedReber()
    begun = time.perf_counter()
    training = Training(task, setting, seed, by_torch)
    known, others = sets(task, training.generator)
    checks = [task.laid(others), task.laid(known)]
    solved, checked = False, 0
    while not solved and training.sequences < setting.most:
        picked = torch.randint(STRINGS, (setting.rows,), generator=training.generator)
        training.learn(task.laid([known[i] for i in picked.tolist()]))
        if training.sequences >= checked + CHECKED:
            checked = training.sequences
            solved = all(share_unknown(task, training, check) == 0 for check in checks)
    seconds = time.perf_counter() - begun
    error = share_unknown(task, training, task.batch(TESTED, fresh(seed)))
    return Trial(seed, solved, training.sequences, seconds, error, count(training.network))


def sets(task: EmbeddedReber, generator: torch.Generator) -> tuple[list[str], list[str]]:
    """Draw the training set, then a test set without any of its strings."""
    known = [task.string(generator) for _ in range(STRINGS)]
    others: list[str] = []
    while len(others) < STRINGS:
        string = task.string(generator)
        if string not in known:
            others.append(string)
    return known, others


def share_unknown(task: EmbeddedReber, training: Training, batch: Batch) -> float:
    """Give the share of strings with an illegal symbol ranked above a legal one."""
    return task.score(training.answers(batch), batch.targets, batch.lengths)
