"""Series read from a file or a frame, with every fault in it named at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from throughtime.data.columnar import columnar_format, read_columnar
from throughtime.data.delimited import read_delimited
from throughtime.data.errors import DataError
from throughtime.data.faults import Fault, refuse
from throughtime.data.frames import is_frame, read_frame
from throughtime.data.grouping import by_series, check_rows, nameless_faults, too_few_rows
from throughtime.data.numeric import number_faults, read_column
from throughtime.data.roles import check_roles, find_target, find_time
from throughtime.data.series import Series
from throughtime.data.spacing import time_faults
from throughtime.data.stored.large_table import larger_than_memory
from throughtime.data.stored.reading import read_stored
from throughtime.data.table import Table, as_text


def read_series(
    source: str | Path | Any,
    target: str | None = None,
    time: str | None = None,
    *,
    minimum_rows: int = 2,
) -> Series:
    """Read one evenly sampled series from a file, or from a frame.

    A CSV file is UTF-8 text (a byte order mark is welcome) with a header line, and commas,
    semicolons, tabs or bars between the cells; with semicolons, decimals may have commas. Parquet
    and Feather files are known by their first bytes. Columns of numbers other than the target and
    the time become covariates, true and false as 1 and 0; columns of labels are left out.

    A constant target is read like any other, for a forecast may well start from one; `dataset` is
    what refuses to learn from it.

    Args:
        source: The path of a CSV, Parquet or Feather file; or a frame of polars or pandas, or a
            table of Arrow.
        target: The column to forecast. It may be left out where there is one column of numbers
            besides the time.
        time: The time column, or "row" to count the rows instead. Where left out, it is the column
            called timestamp, datetime, ds, date, time, year, month or day, else the first column
            if it holds dates, else the rows are counted.
        minimum_rows: How many rows the series needs.

    Returns:
        The series, every number in it finite, its times increasing in even steps.

    Raises:
        DataError: The file cannot be used. One message names every fault in it with line (or row,
            counted from 1), column and value.
    """
    (found,) = read_many(source, target, time, None, minimum_rows=minimum_rows)
    return found


def read_many(
    source: str | Path | Any,
    target: str | None = None,
    time: str | None = None,
    series: str | None = None,
    *,
    minimum_rows: int = 2,
    target_is: str = "target",
) -> tuple[Series, ...]:
    """Read several series of the same columns from one file or frame, in the long format.

    A Parquet or Feather file that took more than 128 MiB as float64 is not read whole: its rows are
    brought together in a file on disk (see `throughtime.data.stored`), of which the values of each
    series are a view.

    Args:
        source: As for `read_series`. The rows of a series may stand together or among others.
        target: As for `read_series`.
        time: As for `read_series`; times increase within each series, whose steps are its own.
        series: The column that tells the series apart by text or numbers; None for one series.
        minimum_rows: How many rows each series needs.
        target_is: What messages call the target, where the column named is no such thing.

    Returns:
        The series in the order in which they appear, each called as the column says.

    Raises:
        DataError: The file cannot be used; as for `read_series`, with the series where times are
            at fault.
    """
    if (large := larger_than_memory(source)) is not None:
        return read_stored(large, name_of(source), target, time, series, minimum_rows)
    table = read_table(source)
    check_roles(table, {"target": target, "time": time, "series": series}, target_is)
    groups = {name_of(source): range(len(table))}
    faults: list[Fault] = []
    if series is not None:
        table, groups = by_series(table, series)
        faults += nameless_faults(table, series, groups)
    time_name, clock = find_time(table, groups, target, time, series)
    columns = {name: read_column(table, name) for name in table.columns if name != time_name}
    columns.pop(series or "", None)
    target = find_target(table, columns, target, time_name, target_is)
    covariates = [name for name in columns if name != target and columns[name].is_numeric]

    used = [columns[target], *(columns[name] for name in covariates)]
    faults += [fault for column in used for fault in number_faults(table, column)]
    for name, rows in groups.items():
        of = None if series is None else name
        if clock is not None and of != "":
            faults += time_faults(_times(table, time_name, rows), time_name, clock.part(rows), of)
        if of and len(rows) < minimum_rows:
            faults.append(too_few_rows(table, rows.start, name, len(rows), minimum_rows))
    if faults:
        refuse(table.name, faults)
    if series is None:
        check_rows(table.name, len(table), minimum_rows)
    times = None if clock is None else as_text(table.columns[time_name]).to_list()
    values = torch.from_numpy(np.stack([column.values for column in used], axis=1))  # [R, C]
    return tuple(
        Series(
            name=name,
            target=target,
            covariates=tuple(covariates),
            time_name=time_name,
            times=tuple(
                map(str, range(1, len(rows) + 1))
                if times is None
                else times[rows.start : rows.stop]
            ),
            values=values[rows.start : rows.stop],  # [T, C]
            source=table.name,
            clock=None if clock is None else clock.part(rows),
        )
        for name, rows in groups.items()
    )


def read_table(source: str | Path | Any) -> Table:
    """Read a file of whatever format, or take a frame.

    Raises:
        DataError: It cannot be used; the message says why.
    """
    if is_frame(source):
        return read_frame(source)
    if not isinstance(source, str | Path):
        raise DataError(
            f"{type(source).__name__} is neither a file nor a frame.\n"
            "To mend: give the path of a CSV, Parquet or Feather file, or a frame of polars or "
            "pandas."
        )
    path = Path(source)
    kind = columnar_format(path)
    return read_delimited(path) if kind is None else read_columnar(path, kind)


def name_of(source: str | Path | Any) -> str:
    """Give what a series is called that comes from a source: as its file, or "frame"."""
    return Path(source).stem if isinstance(source, str | Path) else "frame"


def _times(table: Table, time_name: str, rows: range) -> Table:
    """The times of one series, and where they stand."""
    column = table.columns[time_name][rows.start : rows.stop]
    return replace(table, columns={time_name: column}, places=table.places[rows.start : rows.stop])
