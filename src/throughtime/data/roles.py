"""Which columns of a table are the target, the time and the name of the series."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from throughtime.data.clock import UNDERSTOOD, Clock, read_clock
from throughtime.data.errors import DataError
from throughtime.data.faults import listed, quoted
from throughtime.data.numeric import Column
from throughtime.data.table import UNNAMED, Table

TIME_NAMES = ("timestamp", "datetime", "ds", "date", "time", "year", "month", "day", UNNAMED)
"""Column names that are taken for times, in any case; the earlier in this order goes first."""

ROW = "row"
"""The time "column" of a file that has none: its rows, counted from 1."""

_PARTS_OF_A_DATE = ("month", "day", UNNAMED)


def check_roles(table: Table, roles: dict[str, str | None], target_is: str = "target") -> None:
    """Refuse columns that are not there, and one column in two roles.

    Args:
        table: The file.
        roles: The columns asked for as "target", "time" and "series"; None for what is left out.
        target_is: What messages call the target.

    Raises:
        DataError: With the columns that there are.
    """
    names = list(table.columns)
    for role, column in roles.items():
        counted = role == "time" and column == ROW and ROW not in names
        if column is not None and not counted:
            called = target_is if role == "target" else role
            _check_known(table.name, called, column, names)
    for first, second in (("target", "time"), ("target", "series"), ("time", "series")):
        if roles[first] is not None and roles[first] == roles[second]:
            counts = ", or name 'row' as the time" if second == "time" else ""
            raise DataError(
                f"{table.name}: {quoted(roles[first] or '')} is named both as the {first} and as "
                f"the {second}.\n"
                f"To mend: take another column as one of the two ({listed(names)}){counts}."
            )


def _check_known(name: str, role: str, column: object, names: list[str]) -> None:
    if column in names:
        return
    column = str(column)  # a damaged run can name a number
    lower = {known.lower(): known for known in names}
    near = difflib.get_close_matches(column.strip().lower(), list(lower), n=1)
    suggestion = f" Did you mean {quoted(lower[near[0]])}?" if near else ""
    raise DataError(
        f"{name} has no column {quoted(column)} to take as the {role}.{suggestion}\n"
        f"To mend: name one of its columns: {listed(names)}."
    )


def find_time(
    table: Table,
    groups: Mapping[str, range],
    target: str | None,
    time: str | None,
    series: str | None,
    read: Callable[[str, bool], Clock | None] | None = None,
) -> tuple[str, Clock | None]:
    """Find the time column: the one that is named, else one that is called or looks like it.

    Args:
        table: The file, or its first rows.
        groups: The rows of each series.
        target: The column to forecast, if it is named.
        time: The time column, if it is named, or "row".
        series: The column that tells the series apart, if there is one.
        read: Reads a column as `read_clock` does, of which dates may be all that counts; from the
            table if None.

    Returns:
        The column and its times, or ("row", None) where the rows are to be counted.

    Raises:
        DataError: The column does not hold times.
    """
    if read is None:

        def read(name: str, dates_only: bool) -> Clock | None:
            return read_clock(table.columns[name], dates_only)

    if time is not None:
        if time not in table.columns:
            return ROW, None
        return time, _told(table, time, read(time, False))
    for known in TIME_NAMES:
        for name in table.columns:
            if name.lower() != known or name in (target, series):
                continue
            if known not in _PARTS_OF_A_DATE:
                return name, _told(table, name, read(name, False))
            # Months 1 to 12 over and over, days Mon to Sun, row labels in any order are no times.
            clock = read(name, False)
            if clock is not None and _rises(clock, groups):
                return name, clock
    first = next((name for name in table.columns if name != series), target)
    if first is None or first == target:
        return ROW, None
    clock = read(first, True)
    return (ROW, None) if clock is None else (first, clock)


def _rises(clock: Clock, groups: Mapping[str, range]) -> bool:
    """Whether the times of each series increase from row to row."""
    return all(bool((np.diff(clock.part(rows).positions) > 0).all()) for rows in groups.values())


def _told(table: Table, name: str, clock: Clock | None) -> Clock:
    if clock is None:
        raise DataError(
            f"{table.name}, {table.at(0)}: column {quoted(name)} does not hold times; it "
            f"begins with {quoted(table.cell(name, 0))}.\n"
            f"To mend: name another time column ({listed(table.columns)}), or 'row' to count the "
            f"rows. Times are {UNDERSTOOD}."
        )
    return clock


def find_target(
    table: Table,
    columns: dict[str, Column],
    target: str | None,
    time_name: str,
    target_is: str = "target",
) -> str:
    """Find the target: the one that is named, else the only column of numbers.

    Args:
        table: The file.
        columns: Its columns but for those of times and of names, read as numbers.
        target: The column to forecast, if it is named.
        time_name: The time column, for messages.
        target_is: What they call the target.

    Raises:
        DataError: It holds no number; or none is named, and there is none or more than one.
    """
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
                "To mend: add one, written in digits with a decimal point, without units, quotes "
                "or thousands separators (1234.5); where the time column is to be forecast, name "
                "it as the target."
            )
        return numeric[0]
    if columns[target].numbers == 0:
        raise DataError(
            f"{table.name}: the {target_is} {quoted(target)} holds no "
            f"number.{_beginnings(table, [target])}\n"
            f"To mend: name a column of numbers as the {target_is}; these are: "
            f"{listed(numeric) or 'none'}."
        )
    return target


def _beginnings(table: Table, columns: Iterable[str]) -> str:
    """What columns begin with, to show why they are no numbers."""
    begin = [f"{quoted(name)} begins with {quoted(table.cell(name, 0))}" for name in columns]
    return f" On {table.at(0)}, {listed(begin, shown=3)}." if begin else ""
