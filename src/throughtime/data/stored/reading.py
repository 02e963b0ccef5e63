"""Series read from a file larger than memory, with every fault in it named at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch

from throughtime.data.clock import Clock
from throughtime.data.faults import FirstFaults
from throughtime.data.grouping import check_rows, nameless_faults, too_few_rows
from throughtime.data.roles import check_roles, find_target, find_time
from throughtime.data.series import Series
from throughtime.data.spacing import time_faults
from throughtime.data.stored.large_table import LargeTable
from throughtime.data.stored.number_columns import count_numbers, store_numbers
from throughtime.data.stored.placing import Placing
from throughtime.data.stored.scratch import release
from throughtime.data.stored.time_columns import TimeColumn, read_time_column
from throughtime.data.stored.times import CountedTimes, StoredTimes
from throughtime.data.table import Table

_LONG = 2**19
"""Rows of a series whose times are looked at together: a longer one is looked at in parts."""

_ENOUGH = 10_000
"""Faults in a part from which the rest of a series is not looked at; those are not its times."""


def read_stored(
    large: LargeTable,
    name: str,
    target: str | None,
    time: str | None,
    series: str | None,
    minimum_rows: int,
) -> tuple[Series, ...]:
    """Read series as `read_many` does, some rows at a time, into files on disk.

    The rows of each series are brought together there, in whatever order they come.

    Args:
        large: The file.
        name: What the series is called if there is one.
        target: As for `read_many`, as are the others.
        time: The time column.
        series: The column that tells the series apart.
        minimum_rows: How many rows each series needs.

    Returns:
        The series, whose values are views of a file on disk; they and the times are those that
        `read_many` would give of a smaller file.

    Raises:
        DataError: The file cannot be used; as for `read_many`. Or there is no room on disk.
    """
    check_roles(large.head, {"target": target, "time": time, "series": series})
    placing = Placing.of(large, name, series)
    times: dict[str, TimeColumn] = {}

    def read_time(column: str, dates_only: bool) -> Clock | None:
        times[column] = read_time_column(placing, column, dates_only)
        return times[column].clock

    time_name, clock = find_time(large.head, placing.groups, target, time, series, read_time)
    columns = count_numbers(large, [c for c in large.types if c not in (time_name, series)])
    target = find_target(large.head, columns, target, time_name)
    covariates = [c for c in columns if c != target and columns[c].is_numeric]

    faults = FirstFaults()
    if series is not None and "" in placing.groups:
        _gather_nameless(faults, placing, series)
    used = [columns[target], *(columns[covariate] for covariate in covariates)]
    values, order = store_numbers(placing, used, faults)
    texts = None if clock is None else times[time_name].texts
    of_rows = None if texts is None or clock is None else (time_name, texts, clock)
    _gather_of_series(faults, placing, order, of_rows, minimum_rows)
    faults.refuse(large.name)
    if series is None:
        check_rows(large.name, large.rows, minimum_rows)
    return tuple(
        Series(
            name=one,
            target=target,
            covariates=tuple(covariates),
            time_name=time_name,
            times=CountedTimes(len(rows))
            if texts is None
            else StoredTimes(texts[rows.start : rows.stop]),
            values=torch.from_numpy(values[rows.start : rows.stop]),  # [T, C]
            source=large.name,
            clock=None if clock is None else clock.part(rows),
            stored=True,
        )
        for one, rows in placing.groups.items()
    )


def _gather_nameless(faults: FirstFaults, placing: Placing, series: str) -> None:
    """Find the rows that do not say which series they are of."""
    nameless = placing.groups[""]
    for places, table in placing.batches([series]):
        rows = np.arange(len(table))[places] if isinstance(places, slice) else places
        found = np.flatnonzero((rows >= nameless.start) & (rows < nameless.stop))
        if len(found):
            some = table.taken(found)
            faults.add(nameless_faults(some, series, {"": range(len(some))}))


def _gather_of_series(
    faults: FirstFaults,
    placing: Placing,
    order: npt.NDArray[np.int64] | None,
    times: tuple[str, npt.NDArray[np.bytes_], Clock] | None,
    minimum_rows: int,
) -> None:
    """Find the series that are too short, and the times that do not increase in even steps.

    Args:
        faults: Takes what is found.
        placing: The rows of each series.
        order: The place in the file of each row; None where all are where they were. [T]
        times: The time column's name, its texts and its clock; None where rows are counted.
        minimum_rows: How many rows each series needs.
    """
    for name, rows in placing.groups.items():
        of = None if placing.column is None else name
        if times is not None and of != "":
            for part in _in_parts(rows):
                table = _times_of(placing.large, part, order, times)
                found = time_faults(table, times[0], times[2].part(part), of)
                faults.add(found)
                release()
                if len(found) > _ENOUGH:
                    break
        if of and len(rows) < minimum_rows:
            first = _times_of(placing.large, rows[:1], order, times)
            faults.add([too_few_rows(first, 0, name, len(rows), minimum_rows)])


def _in_parts(rows: range) -> Iterator[range]:
    """Give the rows of a long series in parts, each with the last row of the one before."""
    for start in range(rows.start, max(rows.start + 1, rows.stop - 1), _LONG):
        yield range(start, min(start + _LONG + 1, rows.stop))


def _times_of(
    large: LargeTable,
    rows: range,
    order: npt.NDArray[np.int64] | None,
    times: tuple[str, npt.NDArray[np.bytes_], Clock] | None,
) -> Table:
    """Give the times of neighbouring rows, and where these stand in the file."""
    import polars as pl  # heavy, and wanted only when a file is read

    places = np.arange(rows.start, rows.stop) if order is None else order[rows.start : rows.stop]
    columns: Mapping[str, pl.Series] = {}
    if times is not None:
        name, texts, _ = times
        columns = {name: pl.Series(name, list(StoredTimes(texts[rows.start : rows.stop])))}
    return Table(large.name, columns, places + 1, unit="row")
