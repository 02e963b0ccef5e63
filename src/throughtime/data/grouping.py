"""Many series in one table: the rows of each brought together, told apart by a column."""

from __future__ import annotations

import numpy as np

from throughtime.data.errors import DataError
from throughtime.data.faults import Fault, quoted
from throughtime.data.table import Table, as_text

_MEND = "name the series of every row."


def by_series(table: Table, column: str) -> tuple[Table, dict[str, range]]:
    """Bring the rows of each series together; in each they keep their order.

    Args:
        table: Rows of several series, mixed or below each other.
        column: What tells them apart: one text or number for each series.

    Returns:
        The same rows in another order, and which of them are those of each series, in the order
        in which the series appear. Rows without a name are those of the series "".
    """
    import polars as pl  # heavy, and wanted only when a file is read

    names = as_text(table.columns[column])
    frame = pl.DataFrame({"name": names, "row": np.arange(len(table))})
    first = frame.select(pl.col("row").min().over("name"))["row"].to_numpy()
    order = np.argsort(first, kind="stable")
    starts = np.flatnonzero(np.diff(first[order], prepend=-1))
    stops = [*starts[1:].tolist(), len(table)]
    found = {
        str(names[int(order[start])]): range(start, stop)
        for start, stop in zip(starts.tolist(), stops, strict=True)
    }
    return table.taken(order), found


def nameless_faults(table: Table, column: str, groups: dict[str, range]) -> list[Fault]:
    """Give a fault for each row that does not say which series it is of."""
    what = f"column {quoted(column)}: empty cell"
    return [table.fault(row, what, _MEND) for row in groups.get("", ())]


def too_few_rows(table: Table, row: int, name: str, rows: int, minimum_rows: int) -> Fault:
    """Give the fault of a series that is too short.

    Args:
        table: Where its first row stands.
        row: Which that is.
        name: What the series is called.
        rows: How many it has.
        minimum_rows: How many it needs.
    """
    have = f"{rows} row{'s' if rows > 1 else ''}"
    return table.fault(
        row,
        f"series {quoted(name)} has {have}; at least {minimum_rows} are needed",
        "give longer series, or leave the short ones out.",
    )


def check_rows(name: str, rows: int, minimum_rows: int) -> None:
    """Refuse a table of one series that is too short.

    Raises:
        DataError: It has fewer rows than it needs.
    """
    if rows < minimum_rows:
        raise DataError(
            f"{name} has {rows} row{'s' if rows > 1 else ''}; at least {minimum_rows} are "
            "needed.\n"
            "To mend: give a longer series."
        )
