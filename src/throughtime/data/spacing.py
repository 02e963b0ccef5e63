"""Whether the rows of a series follow each other evenly in time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from throughtime.data.clock import DAY, Clock
from throughtime.data.faults import Fault, quoted
from throughtime.data.table import Table, as_text

_LONGER = 1.5  # steps; below it, jitter and calendars, above it, a row is missing
_MOST_GAPS = 0.25  # of the rows; beyond it, times are uneven rather than rows missing
_LONGEST_CLOSURE = 10  # days of business: the longest public holidays

_Floats = npt.NDArray[np.float64]

_MEND_NOTATION = "write every time in one notation, such as 1949-01-31."
_MEND_ORDER = (
    "sort the rows by time, one row for each time, or name another time column; where date and "
    "time of day, or year and month, stand in two columns, join them into one (1949-01-31 13:00); "
    "where rows are of several series, name the column that tells these apart (series); "
    "'row' as the time column counts the rows instead."
)
_MEND_UNEVEN = (
    "bring the series to even steps in time (for example by interpolation), or take 'row' as the "
    "time column to count the rows as they are."
)
_MEND_GAP = (
    "add the missing rows with filled-in values (local time skips an hour in spring: UTC does "
    "not), or take 'row' as the time column to count the rows as they are."
)


def time_faults(table: Table, column: str, clock: Clock, series: str | None = None) -> list[Fault]:
    """Find the times that cannot be read, do not increase, or leave rows out.

    Times are even where no step is longer than 1.5 times the median step. Months, quarters and
    years are counted in calendar months; days that a business is closed on, and the hours that it
    is closed for, are not missing.

    Args:
        table: The file.
        column: Its time column.
        clock: The times of that column.
        series: Which of several series it is; None for the only one.

    Returns:
        A fault for each row that is wrong, in the order of the rows.
    """
    texts = as_text(table.columns[column])
    where = f"column {quoted(column)}"
    if series is not None:
        where = f"series {quoted(series)}, {where}"
    faults = []
    for row in np.flatnonzero(np.isnan(clock.positions)).tolist():
        fault = f"{quoted(texts[row])} is not a time as in the other rows"
        what = f"{where}: {fault if texts[row] else 'empty cell'}"
        faults.append(table.fault(row, what, _MEND_NOTATION))
    known = np.flatnonzero(~np.isnan(clock.positions))
    steps = np.diff(clock.positions[known])
    if len(steps) > 1 and (steps < 0).all():
        what = f"{where}: the times run backwards, from {quoted(texts[0])} to {quoted(texts[-1])}"
        return [*faults, table.fault(0, what, "sort the rows, the oldest first.")]
    for step in np.flatnonzero(steps <= 0).tolist():
        before, row = int(known[step]), int(known[step + 1])
        verb = "repeats" if steps[step] == 0 else "comes after"
        earlier = f"{quoted(texts[before])} ({table.at(before)})"
        what = f"{where}: {quoted(texts[row])} {verb} {earlier}"
        faults.append(table.fault(row, what, _MEND_ORDER))
    # Rows out of order leave holes where they came from, which are not gaps.
    if len(known) == len(texts) and (steps >= 0).all():
        gaps = _gaps(clock)
        if len(gaps) > max(2, _MOST_GAPS * len(texts)):
            row = int(gaps[0])
            what = f"{where}: the times are unevenly spaced, from {quoted(texts[row])} on"
            return [*faults, table.fault(row, what, _MEND_UNEVEN)]
        for row in gaps.tolist():
            last = f"{quoted(texts[row])} ({table.at(row)})"
            what = f"{where}: rows are missing between {last} and {quoted(texts[row + 1])}"
            faults.append(table.fault(row + 1, what, _MEND_GAP))
    return faults


def _gaps(clock: Clock) -> npt.NDArray[np.intp]:
    """The rows after which rows are missing."""
    steps = np.diff(clock.positions)
    if not (steps > 0).any():
        return np.empty(0, dtype=np.intp)
    typical = float(np.median(steps[steps > 0]))
    if clock.kind == "date" and typical > 27.5 * DAY:
        # Months, quarters and years differ in days but not in months.
        steps = np.diff(_months(clock.positions))
        typical = float(np.median(steps[steps > 0]))
    long = steps > _LONGER * typical
    if clock.kind == "date" and abs(typical - DAY) < 0.1 * DAY:
        long &= _days_missing(clock.positions)
    elif clock.kind == "date" and typical < DAY:
        long &= ~_closing_hours(clock.positions, long)
    return np.flatnonzero(long)


def _months(seconds: _Floats) -> _Floats:
    """Calendar months since 1970."""
    return seconds.astype("datetime64[s]").astype("datetime64[M]").astype(np.float64)


def _days_missing(seconds: _Floats) -> npt.NDArray[np.bool_]:
    """Whether days are missing between the rows of a daily series, and no closure explains it.

    A weekday that is (nearly) never there is a day on which the business is closed. Where there are
    such days, there are also public holidays, and a row missing in midweek cannot be told from one.
    """
    days = np.floor(seconds / DAY).astype(np.int64)
    counts = np.bincount((days + 3) % 7, minlength=7)  # from Monday; 1970 began on a Thursday
    is_open = counts >= 0.1 * counts.max()
    if days[-1] - days[0] < 14:
        is_open[:5] = True  # too short to tell a closed weekday from a missing row
    every = np.arange(days[0], days[-1] + 1)
    opened = np.cumsum(is_open[(every + 3) % 7])  # days of business until then
    between = opened[days[1:] - days[0] - 1] - opened[days[:-1] - days[0]]
    missing: npt.NDArray[np.bool_] = between > (0 if is_open.all() else _LONGEST_CLOSURE)
    return missing


def _closing_hours(seconds: _Floats, long: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether a gap recurs: it begins or ends at the same time of day on many days."""
    recurs = np.zeros(long.shape, dtype=np.bool_)
    days = len(np.unique(np.floor(seconds / DAY)))
    for edge in (seconds[:-1], seconds[1:]):
        hours = np.round(edge[long] % DAY)
        _, which, counts = np.unique(hours, return_inverse=True, return_counts=True)
        recurs[long] |= counts[which] >= max(2.0, days / 4)
    return recurs
