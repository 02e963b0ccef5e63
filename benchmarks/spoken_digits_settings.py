"""How the settings of `spoken_digits.py` were chosen: cross-validation within indices 5 to 14.

    python benchmarks/spoken_digits_settings.py FOLDER [--seeds 1] [--processes 2]

Each candidate is trained five times, each time without two of the ten indices, on which it is
tested; indices 0 to 4 are never read. Prints the mean accuracy of each candidate, the best first.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from markdown_table import markdown_table
from spoken_digits import of_indices
from throughtime.data.audio import LabelledSequences, read_labelled
from throughtime.estimators import SequenceClassifier
from trials import outcomes

FOLDS = ((5, 6), (7, 8), (9, 10), (11, 12), (13, 14))

CHANGED: dict[str, Any] = {
    "stretch": 0.2, "noise": 0.2, "offset": 0.3, "masked_columns": 8, "masked_steps": 0.2,
    "dropout": 0.2,
}  # fmt: skip
BOTH: dict[str, Any] = {"bidirectional": True}
PLAIN: dict[str, Any] = {}
CANDIDATES: dict[str, dict[str, Any]] = {
    "mean, both directions, changed, smoothed": {**BOTH, **CHANGED, "label_smoothing": 0.1},
    "mean, both directions, changed": {**BOTH, **CHANGED},
    "mean, both directions": BOTH,
    "max, both directions, changed, smoothed": {
        **BOTH, **CHANGED, "label_smoothing": 0.1, "pooling": "max",
    },
    "mean, one direction, changed, smoothed": {**CHANGED, "label_smoothing": 0.1},
    "mean, one direction": PLAIN,
    "last state, one direction, constant rate": {"pooling": "last", "schedule": "constant"},
}  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """One candidate, fold and seed."""

    folder: Path
    candidate: str
    fold: tuple[int, int]
    seed: int


@dataclass(frozen=True)
class Outcome:
    """Its accuracy on the two indices left out."""

    trial: Trial
    accuracy: float

    def __str__(self) -> str:
        return f"{self.trial.candidate}, without {self.trial.fold}: {self.accuracy:.3f}"


def run(trial: Trial) -> Outcome:
    """Train without the fold, test on it."""
    data: LabelledSequences = read_labelled(trial.folder)
    known = [index for fold in FOLDS for index in fold if fold != trial.fold]
    classifier = SequenceClassifier(seed=trial.seed, **CANDIDATES[trial.candidate])
    classifier.fit(*data.part(of_indices(data, known)))
    return Outcome(trial, classifier.score(*data.part(of_indices(data, trial.fold))))


def main() -> None:
    """Run all candidates; print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    trials = [
        Trial(arguments.folder, candidate, fold, seed)
        for candidate in CANDIDATES
        for seed in range(100, 100 + arguments.seeds)
        for fold in FOLDS
    ]
    found = outcomes(run, trials, arguments.processes)
    rows = []
    for candidate in CANDIDATES:
        accuracies = [o.accuracy for o in found if o.trial.candidate == candidate]
        rows.append((statistics.mean(accuracies), candidate, min(accuracies)))
    print(f"torch {torch.__version__}, {len(FOLDS)} folds, {arguments.seeds} seed(s)\n")
    cells = [[name, f"{mean:.1%}", f"{least:.1%}"] for mean, name, least in sorted(rows)[::-1]]
    print(markdown_table(["candidate", "accuracy, mean of folds", "worst fold"], cells))


if __name__ == "__main__":
    main()
