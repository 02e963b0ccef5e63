"""The history of a training run: one row an update."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

import torch
from torch import Tensor


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
        seconds: Since training began; what lies between two parts of it is left out.
        resumed: Whether training was taken up again before this update.
    """

    update: int
    epoch: int
    loss: float
    gradient_norm: float
    clipped: bool
    learning_rate: float
    validation_loss: float | None
    seconds: float
    resumed: bool = False


class History:
    """Rows in order; written as CSV, an empty cell for what is missing."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows = list(rows)

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

    def columns(self) -> dict[str, Tensor]:
        """Give the columns as tensors, [rows] each; NaN for a validation loss that is missing."""
        found = {}
        for field in fields(Row):
            values = [getattr(row, field.name) for row in self._rows]
            kind = _KINDS.get(field.name, torch.float64)
            found[field.name] = torch.tensor(
                [math.nan if value is None else value for value in values], dtype=kind
            )
        return found

    @classmethod
    def from_columns(cls, columns: Mapping[str, Tensor]) -> History:
        """Rebuild a history from its columns.

        Raises:
            ValueError: There are others than a history has, or they are not of one length.
        """
        names = [field.name for field in fields(Row)]
        if "resumed" not in columns and "clipped" in columns:  # of an earlier version
            columns = {**columns, "resumed": torch.zeros_like(columns["clipped"])}
        if sorted(columns) != sorted(names):
            raise ValueError(f"a history has the columns {', '.join(names)}")
        if any(
            column.dim() != 1 or column.dtype != _KINDS.get(name, torch.float64)
            for name, column in columns.items()
        ):
            raise ValueError("the columns of a history have one number a row each")
        values = dict(zip(names, (columns[name].tolist() for name in names), strict=True))
        values["validation_loss"] = [
            None if math.isnan(value) else value for value in values["validation_loss"]
        ]
        return cls(Row(*row) for row in zip(*values.values(), strict=True))

    def write(self, path: Path) -> None:
        """Write all rows as CSV."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(field.name for field in fields(Row))
            for row in self._rows:
                writer.writerow(int(v) if isinstance(v, bool) else v for v in astuple(row))


_KINDS = {"update": torch.int64, "epoch": torch.int64, "clipped": torch.bool, "resumed": torch.bool}
"""The types of the columns that are not double precision."""
