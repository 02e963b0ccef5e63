"""A series read from a file or a frame, with every fault in it named at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from throughtime.data.clock import UNDERSTOOD, Clock, read_clock
from throughtime.data.columnar import columnar_format, read_columnar
from throughtime.data.delimited import read_delimited
from throughtime.data.errors import DataError
from throughtime.data.faults import listed, quoted, refuse
from throughtime.data.frames import is_frame, read_frame
from throughtime.data.numeric import Column, number_faults, read_column
from throughtime.data.series import Series
from throughtime.data.spacing import time_faults
from throughtime.data.table import UNNAMED, Table, as_text

TIME_NAMES = ("timestamp", "datetime", "ds", "date", "time", "year", "month", "day", UNNAMED)
"""Column names that are taken for times, in any case; the earlier in this order goes first."""

ROW = "row"
"""The time "column" of a file that has none: its rows, counted from 1."""

_PARTS_OF_A_DATE = ("month", "day", UNNAMED)


def read_series(
    source: str | Path | Any,
    target: str | None = None,
    time: str | None = None,
    *,
    minimum_rows: int = 2,
) -> Series:
    """Read one evenly sampled series from a file, or from a frame.

    A CSV file is UTF-8 text (a byte order mark is welcome) with a header line, and commas,
    semicolons or tabs between the cells; with semicolons, decimals may have commas. Parquet and
    Feather files are known by their first bytes. Columns of numbers other than the target and the
    time become covariates, truth as 0 and 1; columns of labels are left out.

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
    table = read_table(source)
    names = list(table.columns)
    if target is not None:
        _check_known(table.name, "target", target, names)
    if time is not None and (time != ROW or ROW in names):
        _check_known(table.name, "time", time, names)
    if target is not None and target == time:
        raise DataError(
            f"{table.name}: {quoted(target)} is named both as the target and as the time.\n"
            f"To mend: forecast another column ({listed(names)}), or name 'row' as the time."
        )
    time_name, clock = _find_time(table, target, time)
    columns = {name: read_column(table, name) for name in names if name != time_name}
    target = _find_target(table, columns, target, time_name)
    covariates = [name for name in columns if name != target and columns[name].is_numeric]

    used = [columns[target], *(columns[name] for name in covariates)]
    faults = [fault for column in used for fault in number_faults(table, column)]
    if clock is not None:
        faults += time_faults(table, time_name, clock)
    if faults:
        refuse(table.name, faults, table.unit)
    _check_rows(table, minimum_rows)
    rows = range(1, len(table) + 1)
    return Series(
        name=name_of(source),
        target=target,
        covariates=tuple(covariates),
        time_name=time_name,
        times=tuple(map(str, rows) if clock is None else as_text(table.columns[time_name])),
        values=torch.from_numpy(np.stack([column.values for column in used], axis=1)),  # [T, C]
        source=table.name,
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


def _check_known(name: str, role: str, column: str, names: list[str]) -> None:
    if column in names:
        return
    lower = {known.lower(): known for known in names}
    near = difflib.get_close_matches(column.strip().lower(), list(lower), n=1)
    suggestion = f" Did you mean {quoted(lower[near[0]])}?" if near else ""
    raise DataError(
        f"{name} has no column {quoted(column)} to take as the {role}.{suggestion}\n"
        f"To mend: name one of its columns: {listed(names)}."
    )


def _find_time(table: Table, target: str | None, time: str | None) -> tuple[str, Clock | None]:
    """The time column and what it says, or ("row", None) where the rows are to be counted."""
    if time is not None:
        if time not in table.columns:
            return ROW, None
        return time, _clock(table, time)
    for known in TIME_NAMES:
        for name in table.columns:
            if name.lower() != known or name == target:
                continue
            if known not in _PARTS_OF_A_DATE:
                return name, _clock(table, name)
            # Months 1 to 12 over and over, days Mon to Sun, row labels in any order are no times.
            clock = read_clock(table.columns[name])
            if clock is not None and (np.diff(clock.positions) > 0).all():
                return name, clock
    first = next(iter(table.columns))
    clock = read_clock(table.columns[first], dates_only=True) if first != target else None
    return (ROW, None) if clock is None else (first, clock)


def _clock(table: Table, name: str) -> Clock:
    clock = read_clock(table.columns[name])
    if clock is None:
        raise DataError(
            f"{table.name}, {table.at(0)}: column {quoted(name)} does not hold times; it "
            f"begins with {quoted(table.cell(name, 0))}.\n"
            f"To mend: name another time column ({listed(table.columns)}), or 'row' to count the "
            f"rows. Times are {UNDERSTOOD}."
        )
    return clock


def _find_target(
    table: Table, columns: dict[str, Column], target: str | None, time_name: str
) -> str:
    numeric = [name for name, column in columns.items() if column.is_numeric]
    if target is None:
        if len(numeric) > 1:
            raise DataError(
                f"{table.name} has {len(numeric)} columns of numbers: {listed(numeric)}.\n"
                "To mend: name the one to forecast as the target."
            )
        if not numeric:
            taken = f" besides the time column {quoted(time_name)}" if time_name != ROW else ""
            raise DataError(
                f"{table.name} has no column of numbers{taken}.{_beginnings(table, columns)}\n"
                "To mend: add one, its decimals written with a point (1234.5); where the time "
                "column is what is to be forecast, name it as the target."
            )
        return numeric[0]
    if columns[target].numbers == 0:
        raise DataError(
            f"{table.name}: the target {quoted(target)} holds no "
            f"number.{_beginnings(table, [target])}\n"
            "To mend: name a column of numbers as the target; these are: "
            f"{listed(numeric) or 'none'}."
        )
    return target


def _beginnings(table: Table, columns: Iterable[str]) -> str:
    """What columns begin with, to show why they are no numbers."""
    begin = [f"{quoted(name)} begins with {quoted(table.cell(name, 0))}" for name in columns]
    return f" On {table.at(0)}, {listed(begin, shown=3)}." if begin else ""


def _check_rows(table: Table, minimum_rows: int) -> None:
    rows = len(table)
    if rows < minimum_rows:
        raise DataError(
            f"{table.name} has {rows} row{'s' if rows > 1 else ''}; at least {minimum_rows} are "
            "needed.\n"
            "To mend: give a longer series."
        )
