"""The temporal order problem: trained until the last 2000 sequences were answered right."""

from __future__ import annotations

import time
from collections import deque

import torch
from torch import Tensor

from lags.training import Setting, Training
from lags.trial import Trial, count, fresh
from throughtime.data.tasks import TemporalOrder
from throughtime.data.tasks.asked import asked

RIGHT = 0.3
"""Each output of a right answer is less than this away from its target, 0 or 1."""

RECENT = 2000
"""Sequences that have to be answered right, one after the other."""

AVERAGE = 0.1
"""The mean squared error of an answer, summed over its outputs, stays below this over them."""

TESTED = 2560


def train(setting: Setting, seed: int, by_torch: bool = False, T: int = 100) -> Trial:
    """Train on sequences drawn anew; each is answered before it is learned from."""
    task = TemporalOrder(T)
    begun = time.perf_counter()
    training = Training(task, setting, seed, by_torch)
    recent: deque[tuple[float, float]] = deque(maxlen=RECENT)
    solved = False
    while not solved and training.sequences < setting.most:
        batch = task.batch(setting.rows, training.generator)
        off = differences(training.learn(batch), batch.targets)  # [B, classes]
        recent.extend(zip(off.amax(1).tolist(), off.square().sum(1).tolist(), strict=True))
        solved = learned(recent)
    seconds = time.perf_counter() - begun
    test = task.batch(TESTED, fresh(seed))
    off = differences(training.answers(test), test.targets)
    error = float((off.amax(1) >= RIGHT).double().mean())
    return Trial(seed, solved, training.sequences, seconds, error, count(training.network))


def differences(outputs: Tensor, targets: Tensor) -> Tensor:
    """Give how far each output is from its target, 0 or 1: [B, classes].

    Args:
        outputs: Logits, [T, B, classes].
        targets: Classes, [T, B], one a row.
    """
    where = asked(targets).T  # row by row, as batches are drawn
    answers = outputs.transpose(0, 1)[where].softmax(-1)
    right = torch.nn.functional.one_hot(targets.T[where], answers.shape[-1])
    return (answers - right).abs()


def learned(recent: deque[tuple[float, float]]) -> bool:
    """Say whether the most recent answers meet the criterion: largest and squared differences."""
    if len(recent) < RECENT or any(largest >= RIGHT for largest, _ in recent):
        return False
    return sum(squared for _, squared in recent) / RECENT < AVERAGE
