"""One method trained on one seed, and looked at along the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from throughtime.data.batch import Batch
from throughtime.data.tasks import Task
from throughtime.gradients import GradientMethod, Update
from throughtime.gradients.objective import elementwise, reduced
from throughtime.train.comparison.budget import Budget
from throughtime.train.comparison.probe import Probe
from throughtime.train.comparison.setting import Contender, Setting

_PROBED = 8
"""Rows whose gradients are compared, at most."""


@dataclass(frozen=True)
class Point:
    """Where a method stands after a share of its budget.

    Attributes:
        share: Of the budget, from 0 to 1: a whole number of so many parts as there are points,
            so that trials can be laid upon each other; or what was spent when the trial failed.
        updates: Of the weights.
        sequences: Trained on.
        steps: Time steps run through, each for all rows of a batch.
        seconds: Of training, without what is measured.
        loss: The mean over what is asked for in the held-out sequences; None if not finite.
        score: The task's, of the held-out sequences; None if not finite.
        cosine: Of the angle between the method's gradient and full backpropagation's.
        norm_ratio: Of these gradients.
    """

    share: float
    updates: int
    sequences: int
    steps: int
    seconds: float
    loss: float | None
    score: float | None
    cosine: float | None
    norm_ratio: float | None


@dataclass
class Trial:
    """One method on one seed.

    Attributes:
        method: As it was asked for.
        seed: Of the weights, the sequences and what the method draws.
        points: The first before training, the last when the budget was spent or it failed.
        failure: Why it ended early; empty if it did not.
    """

    method: str
    seed: int
    points: list[Point] = field(default_factory=list)
    failure: str = ""


def trials(
    setting: Setting,
    contenders: Sequence[Contender],
    seeds: Sequence[int],
    budget: Budget,
    points: int = 20,
    told: Callable[[Trial], None] = lambda trial: None,
) -> list[Trial]:
    """Train each method on each seed, one after the other, seed by seed.

    Args:
        setting: What is the same for all.
        contenders: The methods.
        seeds: Of weights, sequences and methods.
        budget: What each may spend on each seed.
        points: How often each is looked at, besides before training.
        told: Called with a trial each time that a point was added to it, or it failed.

    Returns:
        The trials; what was begun when Ctrl-C came is not among them, and is passed to `told`.

    Raises:
        ValueError: A method does not take the network or the task.
    """
    done = []
    for seed in seeds:
        for contender in contenders:
            trial = Trial(contender.name, seed)
            _train(trial, setting, contender, budget, points, told)
            done.append(trial)
    return done


def _train(
    trial: Trial,
    setting: Setting,
    contender: Contender,
    budget: Budget,
    points: int,
    told: Callable[[Trial], None],
) -> None:
    model = setting.made(trial.seed)
    method = contender.method(trial.seed)
    optimizer, clipping = contender.optimizer(method, setting, model)
    look = _Look(setting, model, method)
    draw = setting.training(trial.seed)
    updates = sequences = steps = marks = 0
    seconds = 0.0

    def note() -> None:
        nonlocal marks
        spent = budget.share(updates, sequences, seconds) * points
        if spent < marks and not trial.failure:
            return
        reached = min(int(spent + 1e-9), points)
        share = (reached if reached >= marks else min(spent, points)) / points
        trial.points.append(look(share, updates, sequences, steps, seconds))
        marks = reached + 1
        told(trial)

    note()
    while marks <= points:
        batch = draw()
        T, rows = batch.inputs.shape[:2]
        before = steps
        began = time.perf_counter()
        try:
            update: Update
            for update in method(
                model, batch.inputs, batch.targets, setting.task.loss, lengths=batch.lengths
            ):
                clipping.apply(model)
                optimizer.step()
                optimizer.zero_grad()
                seconds += time.perf_counter() - began
                updates, steps = updates + 1, before + update.steps.stop
                sequences += rows if update.steps.stop == T else 0  # once they are read to the end
                note()
                if marks > points:
                    break
                began = time.perf_counter()
        except FloatingPointError as error:
            seconds += time.perf_counter() - began
            trial.failure = str(error)
            note()
            return


class _Look:
    """Looks at a network that is being trained."""

    def __init__(self, setting: Setting, model: nn.Module, method: GradientMethod) -> None:
        self.model, self.method = model, method
        self.task: Task = setting.task
        self.test: Batch = setting.held_out(setting.test_rows)
        self.probe = Probe(setting.task, setting.held_out(min(setting.rows, _PROBED)))

    def __call__(
        self, share: float, updates: int, sequences: int, steps: int, seconds: float
    ) -> Point:
        test = self.test
        self.model.eval()
        with torch.no_grad():
            arguments = {} if test.lengths is None else {"lengths": test.lengths}
            outputs, _ = self.model(test.inputs, None, **arguments)
            losses = elementwise(self.task.loss, outputs, test.targets, test.lengths)
            try:
                loss = float(reduced(losses, test.lengths, "mean"))
            except FloatingPointError:
                loss = math.nan
            score = self.task.score(outputs, test.targets, test.lengths)
        self.model.train()
        cosine, ratio = self.probe(self.model, self.method)
        return Point(
            share, updates, sequences, steps, seconds, _finite(loss), _finite(score), cosine, ratio
        )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
