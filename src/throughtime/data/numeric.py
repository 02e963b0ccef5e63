"""Columns read as numbers, with every cell that is none placed by its line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from throughtime.data.faults import Fault, quoted
from throughtime.data.table import Table, as_text

if TYPE_CHECKING:
    import polars as pl

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "nil", "-", "--", "?", "."})
"""What people write where a number is missing, in lower case."""

LARGEST = 1e150
"""Numbers beyond it overflow when they are squared, as every error and variance is."""

_TRUTH = ["false", "true"]
"""What a column of 0 and 1 may be written as, in lower case, if it is so throughout."""

_DECIMAL_COMMA = r"^([+-]?\d+),(\d+(?:[eE][+-]?\d+)?)$"


@dataclass(frozen=True)
class Column:
    """A column as numbers.

    Attributes:
        name: The name in the header.
        values: float64; NaN where a cell is no number. [T]
        given: How many cells hold anything at all, be it a number or text.
        numbers: How many of these are numbers.
        truths: How many hold the texts true or false.
    """

    name: str
    values: npt.NDArray[np.float64]
    given: int
    numbers: int
    truths: int = 0

    @property
    def is_numeric(self) -> bool:
        """Whether most of the cells that hold anything are numbers.

        Text among numbers is then a fault to report and no reason to take the column for labels.
        """
        return 2 * self.numbers > self.given


def read_column(table: Table, name: str, truths: bool | None = None) -> Column:
    """Read one column as numbers, true and false as 1 and 0; times are no numbers.

    Args:
        table: The file.
        name: The column.
        truths: Whether its texts are true and false; if None, they are where all of them are.

    Returns:
        Its numbers; infinite ones are kept for `number_faults` to see.
    """
    import polars as pl  # heavy, and wanted only when a file is read

    column = table.columns[name]
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        values = _floats(column)
        known = int((~np.isnan(values)).sum())
        return Column(name, values, given=known, numbers=known)
    if column.dtype.is_temporal() or column.dtype.is_nested() or column.dtype == pl.Object:
        nothing = np.full(len(column), np.nan)
        return Column(name, nothing, given=len(column) - column.null_count(), numbers=0)
    text = as_text(column)
    if table.decimal_commas and not text.str.contains(".", literal=True).any():
        text = text.str.replace(_DECIMAL_COMMA, "${1}.${2}")
    values, lower = _floats(text), text.str.to_lowercase()
    given = int((~lower.is_in(list(MISSING))).sum())
    true_or_false = int(lower.is_in(_TRUTH).sum())
    if truths or (truths is None and given and true_or_false == given):
        values = _floats(lower.replace_strict(_TRUTH, [0.0, 1.0], default=None))
    return Column(name, values, given, int((~np.isnan(values)).sum()), true_or_false)


def _floats(column: pl.Series) -> npt.NDArray[np.float64]:
    import polars as pl

    return column.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()


def unusable(column: Column) -> npt.NDArray[np.intp]:
    """Give the rows of a column that hold no finite number within 1e150."""
    usable = np.abs(column.values) <= LARGEST  # NaN is not
    return np.flatnonzero(~usable)


def number_faults(
    table: Table, column: Column, rows: npt.NDArray[np.intp] | None = None
) -> list[Fault]:
    """Find the cells of a column that hold no finite number.

    Args:
        table: The file.
        column: One of its columns, read as numbers.
        rows: The unusable rows to tell of; all of them if None.

    Returns:
        A fault for every empty cell, text, NaN, and number that is infinite or beyond 1e150.
    """
    faults = []
    for row in (unusable(column) if rows is None else rows).tolist():
        cell = table.cell(column.name, row)
        if cell == "":
            what, mend = "empty cell", _MEND_GAP
        elif cell.lower().lstrip("+-") == "nan":
            what, mend = f"{quoted(cell)} is not a number (NaN)", _MEND_GAP
        elif cell.lower() in MISSING:
            what, mend = f"{quoted(cell)} stands for a missing number", _MEND_GAP
        elif np.isinf(column.values[row]):
            what, mend = f"{quoted(cell)} is infinite", _MEND_LARGE
        elif not np.isnan(column.values[row]):
            what, mend = f"{quoted(cell)} is too large", _MEND_LARGE
        else:
            what, mend = f"{quoted(cell)} is text, not a number", _MEND_TEXT
        faults.append(table.fault(row, f"column {quoted(column.name)}: {what}", mend))
    return faults


_MEND_GAP = (
    "fill in every missing number (for example by interpolating between its neighbours), or leave "
    "the column out of the file."
)
_MEND_LARGE = f"keep numbers within {LARGEST:g}, in another unit if need be."
_MEND_TEXT = (
    "write numbers in digits with a decimal point, without units or thousands separators: 1234.5."
)
