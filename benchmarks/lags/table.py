"""What came of all trials, as a table and as rows of a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from lags.training import Setting
from lags.trial import Experiment, Trial

Outcome = tuple[Experiment, Setting, list[Trial]]

_HEAD = ("task", "network", "solved", "sequences", "of 1997", "on fresh sequences", "seconds")


def as_markdown(outcomes: Sequence[Outcome]) -> str:
    """Write a row for each task and cell: medians, the least and the most in brackets."""
    lines = [_HEAD, ("---", "---", "---", *["---:"] * 4)]
    for experiment, setting, trials in outcomes:
        network = f"{setting.cell}, {setting.units} units, {trials[0].weights} weights"
        solved = f"{sum(trial.solved for trial in trials)} of {len(trials)}"
        lines.append(
            (
                experiment.what,
                network,
                solved,
                _spread([trial.sequences for trial in trials], lambda n: f"{n:,.0f}"),
                "" if experiment.paper is None else f"{experiment.paper:,}",
                f"{experiment.measure} "
                + _spread([trial.error for trial in trials], lambda e: f"{e:.2g}"),
                _spread([trial.seconds for trial in trials], lambda s: f"{s:.1f}"),
            )
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_csv(outcomes: Sequence[Outcome]) -> str:
    """Write a row for each trial."""
    rows = [row for outcome in outcomes for row in _rows(outcome)]
    file = io.StringIO()
    writer = csv.DictWriter(file, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def as_record(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Give all that is known, for JSON."""
    return [
        {
            "task": experiment.what,
            "measure": experiment.measure,
            "setting": asdict(setting),
            "sequences_of_1997": experiment.paper,
            "trials": [asdict(trial) for trial in trials],
        }
        for experiment, setting, trials in outcomes
    ]


def _rows(outcome: Outcome) -> list[dict[str, Any]]:
    experiment, setting, trials = outcome
    return [
        {"task": experiment.what, "cell": setting.cell, "measure": experiment.measure}
        | asdict(trial)
        for trial in trials
    ]


def _spread(numbers: Sequence[float], write: Any) -> str:
    low, high = min(numbers), max(numbers)
    middle = write(median(numbers))
    return middle if write(low) == write(high) else f"{middle} ({write(low)} to {write(high)})"
