"""Where each row of a file goes for the rows of each series to stand together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from throughtime.data.stored.large_table import LargeTable
from throughtime.data.table import DateStyle, as_text

if TYPE_CHECKING:
    import polars as pl

    from throughtime.data.table import Table

Write = Callable[[npt.NDArray[np.int64] | slice, "Table"], None]
"""Takes the places of the rows of a table, and the table."""


@dataclass(frozen=True)
class Placing:
    """The rows of each series together, the series in the order in which they appear.

    Attributes:
        large: The file.
        column: The column that tells the series apart; None for one series.
        style: How dates in that column are written.
        groups: The rows of each series by its name, once they are brought together.
    """

    large: LargeTable
    column: str | None
    style: DateStyle
    groups: dict[str, range]

    @classmethod
    def of(cls, large: LargeTable, name: str, column: str | None) -> Placing:
        """Count the rows of each series of a file.

        Args:
            large: The file.
            name: What the series is called if there is one.
            column: What tells the series apart; None for one series. Rows without a name are those
                of the series "".
        """
        import polars as pl  # heavy, and wanted only when a file is read

        if column is None:
            return cls(large, None, DateStyle(False, False), {name: range(large.rows)})
        style = style_of(large, column)
        counts: dict[str, int] = {}
        for _, table in large.batches([column]):
            names = as_text(table.columns[column], style).alias("name")
            found = names.to_frame().group_by("name", maintain_order=True).agg(pl.len())
            for one, count in found.iter_rows():
                counts[one] = counts.get(one, 0) + count
        stops = np.cumsum(list(counts.values())).tolist()
        groups = {
            one: range(stop - count, stop)
            for (one, count), stop in zip(counts.items(), stops, strict=True)
        }
        return cls(large, column, style, groups)

    def batches(self, columns: list[str]) -> Iterator[tuple[npt.NDArray[np.int64] | slice, Table]]:
        """Read some columns of the file from its first row to its last.

        Args:
            columns: Their names.

        Yields:
            Where the rows go, as something that an array is indexed by, and a table of them.
        """
        if self.column is None:
            for rows, table in self.large.batches(columns):
                yield slice(rows.start, rows.stop), table
            return
        filled = np.array([rows.start for rows in self.groups.values()])  # [S]
        number = {name: place for place, name in enumerate(self.groups)}
        for _, table in self.large.batches([*dict.fromkeys([*columns, self.column])]):
            names = as_text(table.columns[self.column], self.style)
            yield _next_places(_numbered(names, number), filled), table


def style_of(large: LargeTable, column: str) -> DateStyle:
    """Give the style in which all dates of a column can be written."""
    import polars as pl

    style = DateStyle(exact=False, days=True)
    if isinstance(large.types[column], pl.Datetime):
        for _, table in large.batches([column]):
            style &= DateStyle.of(table.columns[column])
    return style


def _numbered(names: pl.Series, number: dict[str, int]) -> npt.NDArray[np.int64]:
    """Give the number of each name."""
    import polars as pl

    known = names.unique().to_list()
    numbers = names.replace_strict(known, [number[name] for name in known], return_dtype=pl.Int64)
    return numbers.to_numpy()


def _next_places(
    series: npt.NDArray[np.int64], filled: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Give the place of each of some rows after those of its series that have one.

    Args:
        series: The number of the series of each row. [R]
        filled: The next free place of each series, which is moved on. [S]

    Returns:
        The places. [R]
    """
    order = np.argsort(series, kind="stable")
    ordered = series[order]
    begins = np.flatnonzero(np.diff(ordered, prepend=-1))  # of each series among the ordered rows
    counts = np.diff(begins, append=len(ordered))
    places = np.empty(len(series), dtype=np.int64)
    within = np.arange(len(ordered)) - np.repeat(begins, counts)
    places[order] = filled[ordered] + within
    filled[ordered[begins]] += counts
    return places
