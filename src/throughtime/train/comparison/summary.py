"""What trials of a method come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from throughtime.data.tasks import Task
from throughtime.train.comparison.trial import Point, Trial


@dataclass(frozen=True)
class Summary:
    """A method over all its seeds; figures are medians.

    Attributes:
        method: As it was asked for.
        seeds: How many trials.
        solved: In how many the task's mark was reached by the end.
        failed: How many ended early.
        failure: Why the first of them did.
        score: At the end; a trial without a finite one counts as the worst. None if that is the
            median.
        best_score: The least of a trial's points.
        loss: At the end, likewise.
        updates: Of the weights.
        sequences: Trained on.
        seconds: Of training.
        seconds_a_step: Of training, by time steps.
        cosine: Of the angle to full backpropagation's gradient, over all points after the first.
        norm_ratio: Of the gradients, likewise.
        memory: Bytes; see `memory_of`.
        first_solved: Sequences trained on when the mark was first reached, of the trials in which
            it was.
    """

    method: str
    seeds: int
    solved: int
    failed: int
    failure: str
    score: float | None
    best_score: float | None
    loss: float | None
    updates: float
    sequences: float
    seconds: float
    seconds_a_step: float | None
    cosine: float | None
    norm_ratio: float | None
    memory: int | None
    first_solved: float | None


def summarised(method: str, done: Sequence[Trial], task: Task, memory: int | None) -> Summary:
    """Sum up the trials of one method.

    Args:
        method: As it was asked for.
        done: Its trials, at least one, each with a point at least.
        task: Says what counts as solved.
        memory: What it takes.
    """
    last = [trial.points[-1] for trial in done]
    trained = [point for trial in done for point in trial.points[1:]]
    failures = [trial.failure for trial in done if trial.failure]
    steps = sum(point.steps for point in last)
    firsts = [
        found.sequences
        for trial in done
        if (found := next((p for p in trial.points if _solves(task, p)), None)) is not None
    ]
    return Summary(
        method=method,
        seeds=len(done),
        solved=sum(
            _solves(task, point) and not trial.failure
            for trial, point in zip(done, last, strict=True)
        ),
        failed=len(failures),
        failure=failures[0] if failures else "",
        score=_middle([point.score for point in last]),
        best_score=_middle([_least(trial.points) for trial in done]),
        loss=_middle([point.loss for point in last]),
        updates=median(point.updates for point in last),
        sequences=median(point.sequences for point in last),
        seconds=median(point.seconds for point in last),
        seconds_a_step=sum(point.seconds for point in last) / steps if steps else None,
        cosine=_known([point.cosine for point in trained]),
        norm_ratio=_known([point.norm_ratio for point in trained]),
        memory=memory,
        first_solved=median(firsts) if firsts else None,
    )


def _solves(task: Task, point: Point) -> bool:
    return point.score is not None and task.solved(point.score)


def _least(points: Sequence[Point]) -> float | None:
    return min((point.score for point in points if point.score is not None), default=None)


def _middle(values: Sequence[float | None]) -> float | None:
    """Give the median where what is not there is the worst."""
    found = median(float("inf") if value is None else value for value in values)
    return found if found < float("inf") else None


def _known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
