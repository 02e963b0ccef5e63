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


@dataclass(frozen=True)
class DateStyle:
    """How dates with a time of day are written.

    Attributes:
        exact: With fractions of a second, because some have one.
        days: Without the time of day, because it is always midnight.
    """

    exact: bool
    days: bool

    @classmethod
    def of(cls, column: pl.Series) -> DateStyle:
        """Give the style in which all dates of a column can be written; any for other columns."""
        import polars as pl  # heavy, and wanted only when a file is read

        if not isinstance(column.dtype, pl.Datetime):
            return cls(exact=False, days=True)
        exact = bool((column.dt.epoch("us") % 1_000_000 != 0).any())
        if exact:
            return cls(exact=True, days=False)
        text = _dates(column, exact=False)
        return cls(exact=False, days=bool((text.str.ends_with(" 00:00:00") | (text == "")).all()))

    def __and__(self, other: DateStyle) -> DateStyle:
        """Give the style of two columns together."""
        return DateStyle(self.exact or other.exact, self.days and other.days)


def as_text(column: pl.Series, style: DateStyle | None = None) -> pl.Series:
    """Write a column as people do: gaps as "", dates without an hour that is always midnight.

    Args:
        column: The column.
        style: In which its dates are written; the column's own if None.
    """
    import polars as pl  # heavy, and wanted only when a file is read

    if column.dtype == pl.String:
        return column.fill_null("")
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        values = ["" if value is None else str(value) for value in column.to_list()]
        return pl.Series(column.name, values, dtype=pl.String)
    if not isinstance(column.dtype, pl.Datetime):
        return column.cast(pl.String).fill_null("")
    style = DateStyle.of(column) if style is None else style
    text = _dates(column, style.exact)
    return text.str.head(10) if style.days else text


def _dates(column: pl.Series, exact: bool) -> pl.Series:
    """Write dates with a time of day, and their zone where they have one."""
    zone = "%:z" if getattr(column.dtype, "time_zone", None) else ""
    fraction = "%.f" if exact else ""
    return column.dt.to_string(f"%Y-%m-%d %H:%M:%S{fraction}{zone}").fill_null("")
