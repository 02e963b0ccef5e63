"""What a file or a frame holds: columns, and the place that each row has in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from throughtime.data.errors import DataError
from throughtime.data.faults import Fault, listed, quoted

if TYPE_CHECKING:
    import polars as pl

UNNAMED = "index"
"""What a nameless first column is called: tables are often saved with their row labels that way."""


@dataclass(frozen=True)
class Table:
    """Columns of text, numbers or times, as they stand in a file or a frame.

    Attributes:
        name: The file or frame, for messages.
        columns: The columns by name, of one length T. Text has no spaces at its ends.
        places: The line of the file, or the row of the frame, that each row stands on, counted
            from 1. [T]
        unit: What `places` count: "line" or "row".
        decimal_commas: Whether numbers in text may have commas for points.
    """

    name: str
    columns: Mapping[str, pl.Series]
    places: npt.NDArray[np.int64]
    unit: str = "line"
    decimal_commas: bool = False

    def __len__(self) -> int:
        return len(self.places)

    def at(self, row: int) -> str:
        """Say where a row stands: "line 3"."""
        return f"{self.unit} {self.places[row]}"

    def cell(self, column: str, row: int) -> str:
        """Give a cell as text; "" where there is none."""
        text: str = as_text(self.columns[column][row : row + 1])[0]
        return text

    def fault(self, row: int, what: str, mend: str) -> Fault:
        """Give a fault of a row."""
        return Fault(int(self.places[row]), what, mend, unit=self.unit)

    def taken(self, rows: npt.NDArray[np.int64]) -> Table:
        """Give some rows alone, in the order asked for."""
        columns = {name: column.gather(rows) for name, column in self.columns.items()}
        return replace(self, columns=columns, places=self.places[rows])


def check_names(where: str, columns: list[str]) -> None:
    """Refuse columns that have no name, or one name between them.

    Raises:
        DataError: With what is wrong, and how to mend it.
    """
    if "" in columns:
        raise DataError(
            f"{where}: column {columns.index('') + 1} has no name in the header.\n"
            "To mend: name every column, or remove a separator at the end of the lines."
        )
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise DataError(
            f"{where}: the header repeats {listed(map(quoted, twice))}.\n"
            "To mend: give every column a name of its own."
        )


def as_text(column: pl.Series) -> pl.Series:
    """Write a column as people do: gaps as "", dates without an hour that is always midnight."""
    import polars as pl  # heavy, and wanted only when a file is read

    if column.dtype == pl.String:
        return column.fill_null("")
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        values = ["" if value is None else str(value) for value in column.to_list()]
        return pl.Series(column.name, values, dtype=pl.String)
    if not isinstance(column.dtype, pl.Datetime):
        return column.cast(pl.String).fill_null("")
    zone = "%:z" if column.dtype.time_zone else ""
    exact = "%.f" if (column.dt.epoch("us") % 1_000_000 != 0).any() else ""
    text = column.dt.to_string(f"%Y-%m-%d %H:%M:%S{exact}{zone}").fill_null("")
    midnight = text.str.ends_with(" 00:00:00") | (text == "")
    return text.str.head(10) if midnight.all() else text
