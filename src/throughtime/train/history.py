"""The history of a training run: one row an update."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One update.

    Attributes:
        update: Counted from 1.
        epoch: Counted from 1.
        loss: The loss that was differentiated.
        gradient_norm: Of the whole gradient, before clipping.
        clipped: Whether clipping changed the gradient.
        learning_rate: Of the first parameter group, in this update.
        validation_loss: In the last row of an epoch, if there is a validation part.
        seconds: Since training began.
    """

    update: int
    epoch: int
    loss: float
    gradient_norm: float
    clipped: bool
    learning_rate: float
    validation_loss: float | None
    seconds: float


class History:
    """Rows in order; written as CSV, an empty cell for what is missing."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __getitem__(self, place: int) -> Row:
        return self._rows[place]

    def append(self, row: Row) -> None:
        """Add the row of an update."""
        self._rows.append(row)

    def validate(self, loss: float) -> None:
        """Put an epoch's validation loss into its last row."""
        self._rows[-1] = replace(self._rows[-1], validation_loss=loss)

    def write(self, path: Path) -> None:
        """Write all rows as CSV."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(field.name for field in fields(Row))
            for row in self._rows:
                writer.writerow(int(v) if isinstance(v, bool) else v for v in astuple(row))
