"""How well classes are told, beside what the commonest class alone would score."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Told:
    """The probabilities of classes beside the classes that are true.

    Attributes:
        classes: The classes. Length K.
        labels: The true class of each sequence. Length N.
        probabilities: [N, K]
        commonest: The commonest class of the sequences learned from.
    """

    classes: tuple[Any, ...]
    labels: tuple[Any, ...]
    probabilities: npt.NDArray[np.float64]
    commonest: Any

    @property
    def predicted(self) -> list[Any]:
        """The likeliest class of each sequence."""
        return [self.classes[i] for i in self.probabilities.argmax(1).tolist()]

    def scores(self) -> dict[str, dict[str, float | int]]:
        """Give the scores of the model and of the commonest class.

        Returns:
            "accuracy", the share told right; "log_loss", the mean negative log-likelihood of the
            true class in nats (of the model alone); the "count" of sequences.
        """
        N = len(self.labels)
        right = sum(a == b for a, b in zip(self.predicted, self.labels, strict=True))
        places = [self.classes.index(label) for label in self.labels]
        likelihoods = self.probabilities[np.arange(N), places]
        log_loss = float(-np.log(np.maximum(likelihoods, np.finfo(float).tiny)).mean())
        usual = Counter(self.labels)[self.commonest]
        return {
            "model": {"accuracy": right / N, "log_loss": log_loss, "count": N},
            "commonest class": {"accuracy": usual / N, "count": N},
        }

    def confusion(self) -> list[list[int]]:
        """Count sequences by true class (rows) and the class told (columns), [K][K]."""
        counts = Counter(zip(self.labels, self.predicted, strict=True))
        return [[counts[true, told] for told in self.classes] for true in self.classes]

    def as_dict(self) -> dict[str, Any]:
        """Give scores and confusion as plain values for JSON."""
        return {
            "scores": self.scores(),
            "confusion": {"classes": list(self.classes), "counts": self.confusion()},
        }

    def write(self, path: Path, files: Sequence[str]) -> None:
        """Write a row a file as CSV; see `write_told`."""
        with path.open("w", newline="", encoding="utf-8") as file:
            write_told(file, files, self.classes, self.probabilities, self.labels)


def write_told(
    file: TextIO,
    files: Sequence[str],
    classes: Sequence[Any],
    probabilities: npt.NDArray[np.float64],
    labels: Sequence[Any] | None = None,
) -> None:
    """Write the likeliest class of each file, and the probability of every class, as CSV.

    Args:
        file: Open for text, lines ended as they are given.
        files: The name of each. Length N.
        classes: Length K.
        probabilities: [N, K]
        labels: The true classes, in a column "label"; None where they are not known.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["file", *(["label"] if labels else []), "predicted", *classes])
    for row, name in enumerate(files):
        likeliest = classes[int(probabilities[row].argmax())]
        known = [labels[row]] if labels else []
        writer.writerow([name, *known, likeliest, *(f"{p:.6f}" for p in probabilities[row])])
