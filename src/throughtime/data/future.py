"""The times that follow the last row of a series, written as those before are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import numpy.typing as npt

from throughtime.data.clock import DAY, Clock
from throughtime.data.errors import DataError
from throughtime.data.faults import quoted

_MONTHLY = 27.5 * DAY
_MONTH_WRITINGS = (
    re.compile(r"^(?P<year>\d{4})(?P<between>[-/.]|\s?M)(?P<month>\d{1,2})$"),
    re.compile(r"^(?P<year>\d{4})(?P<between>)(?P<month>\d{2})$"),
)
_QUARTER_WRITING = re.compile(r"^(?P<year>\d{4})(?P<between>[-\s]?[Qq])(?P<quarter>[1-4])$")
_DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%d %b %Y",
    "%d-%b-%Y", "%b %d, %Y", "%Y%m%d",
)  # fmt: skip
_TIMES_OF_DAY = (
    "", " %H:%M", "T%H:%M", " %H:%M:%S", "T%H:%M:%S", "T%H:%M:%SZ", " %H:%M:%SZ", " %H:%M:%S.%f",
    "T%H:%M:%S.%f", "T%H:%M:%S.%fZ",
)  # fmt: skip
_NAMED_MONTHS = ("%b %Y", "%B %Y", "%b-%Y", "%B-%Y")
_FRACTION = re.compile(r"\d:\d\d\.(\d{1,6})Z?$")
_OFFSET = re.compile(r"[+-]\d\d:?\d\d$")
_ISO = "%Y-%m-%d %H:%M:%S"


def following(clock: Clock | None, times: Sequence[str], count: int) -> tuple[Clock, list[str]]:
    """Give the times of the rows to come, a typical step apart.

    Months, quarters and years are counted on the calendar; of a daily series, days of the week that
    (nearly) never have a row are left out.

    Args:
        clock: The times of the series; None where its rows are counted.
        times: The same as they are written. [T]
        count: How many rows are to come, H.

    Raises:
        DataError: Dates reach beyond the year 9999.

    Returns:
        Their times on the line of the clock, [H], and as they would be written.
    """
    if clock is None:
        rows = np.arange(len(times) + 1, len(times) + count + 1, dtype=np.float64)
        return Clock("number", rows), [str(int(row)) for row in rows]
    if clock.kind == "number":
        positions = clock.positions[-1] + _step(clock.positions) * np.arange(1, count + 1)
        return Clock("number", positions), [_number(position) for position in positions.tolist()]
    if clock.kind == "month":
        step = max(1, round(_step(clock.positions)))
        positions = clock.positions[-1] + step * np.arange(1.0, count + 1)
        return Clock("month", positions), [_month_as(times[-1], int(at)) for at in positions]
    positions = _dates(clock.positions, count)
    write = _writing(times[-1], float(clock.positions[-1]))
    try:
        return Clock("date", positions), [write(_moment(at)) for at in positions.tolist()]
    except OverflowError:
        raise DataError(
            f"{count} rows after {quoted(times[-1])} reach beyond the year 9999.\n"
            "To mend: take a shorter horizon."
        ) from None


def step_of(clock: Clock) -> float:
    """Give the typical step between rows: months of a clock of months, else its own unit.

    Of dates a month or more apart the step is a multiple of a twelfth of a mean year, in seconds.
    """
    step = _step(clock.positions)
    if clock.kind == "date" and _by_months(clock.positions):
        month = 365.2425 * DAY / 12
        return max(1, round(step / month)) * month
    return step


def open_days(clock: Clock) -> npt.NDArray[np.bool_]:
    """Say which days of the week, from Monday, a series of dates has rows on."""
    days = np.floor(clock.positions / DAY).astype(np.int64)
    counts = np.bincount((days + 3) % 7, minlength=7)  # 1970 began on a Thursday
    found: npt.NDArray[np.bool_] = counts >= 0.1 * counts.max()
    if days[-1] - days[0] < 14:
        found[:] = True  # too short to tell
    return found


def _step(positions: npt.NDArray[np.float64]) -> float:
    steps = np.diff(positions)
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) else 1.0


def _by_months(seconds: npt.NDArray[np.float64]) -> bool:
    """Whether dates are months, quarters or years apart, and not some number of days, such as 28.

    No three months that follow each other are of one length.
    """
    step, steps = _step(seconds), np.diff(seconds)
    fixed = step < 32 * DAY and len(steps) >= 3 and np.ptp(steps) < 1
    return bool(step > _MONTHLY and not fixed)


def _dates(seconds: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.float64]:
    step, last = _step(seconds), float(seconds[-1])
    if _by_months(seconds):
        return _months_on(seconds, count)
    if abs(step - DAY) < 0.1 * DAY:
        is_open = open_days(Clock("date", seconds))
        found: list[float] = []
        while len(found) < count:
            last += DAY
            if is_open[(int(last // DAY) + 3) % 7]:
                found.append(last)
        return np.array(found)
    later: npt.NDArray[np.float64] = last + step * np.arange(1.0, count + 1)
    return later


def _months_on(seconds: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.float64]:
    """Dates whole months on: on the same day, or on the last of a month where all rows are."""
    moments = seconds.astype("datetime64[s]")
    months = moments.astype("datetime64[M]")
    step = max(1, round(_step(months.astype(np.float64))))
    day = (moments - months.astype("datetime64[s]")).astype(np.float64)  # since the month began
    later = months[-1] + step * np.arange(1, count + 1)
    lengths = _lengths(later)
    if bool((day >= _lengths(months) - DAY).all()):
        within = day[-1] - _lengths(months)[-1] + lengths
    else:
        # A series on the 31st has its February rows on the 28th, and goes on on the 31st.
        within = np.minimum(day.max(), lengths - DAY + day[-1] % DAY)
    began: npt.NDArray[np.float64] = later.astype("datetime64[s]").astype(np.float64)
    later_on: npt.NDArray[np.float64] = began + within
    return later_on


def _lengths(months: npt.NDArray[np.datetime64]) -> npt.NDArray[np.float64]:
    began = months.astype("datetime64[s]")
    found: npt.NDArray[np.float64] = ((months + 1).astype("datetime64[s]") - began).astype(
        np.float64
    )
    return found


def _month_as(text: str, months: int) -> str:
    """Write a month since the year 0 as another one is written."""
    year, month = divmod(months, 12)
    if found := _QUARTER_WRITING.match(text):
        return f"{year:04}{found['between']}{month // 3 + 1}"
    for writing in _MONTH_WRITINGS:
        if found := writing.match(text):
            return f"{year:04}{found['between']}{month + 1:0{len(found['month'])}}"
    return f"{year:04}-{month + 1:02}"


def _number(position: float) -> str:
    """Write a number as people do: whole, or without what rounding has added."""
    return str(int(position)) if position == int(position) else f"{position:.15g}"


def _moment(seconds: float) -> datetime:
    return datetime(1970, 1, 1) + timedelta(seconds=seconds)


def _writing(text: str, seconds: float) -> Callable[[datetime], str]:
    """Find how a date is written; as ISO has it if nothing known gives it back as it stands."""
    if _OFFSET.search(text):
        return lambda at: at.strftime(_ISO + "+00:00")  # summer time may change before then
    fraction = _FRACTION.search(text)
    digits = len(fraction[1]) if fraction else 0
    for candidate in _formats():
        try:
            read = datetime.strptime(text, candidate)
        except ValueError:
            continue
        if abs(read.replace(tzinfo=UTC).timestamp() - seconds) >= 1e-3:
            continue
        for bare in (False, True):
            write = partial(_written, form=candidate, digits=digits, bare=bare)
            if write(read) == text:
                return write
    return partial(_written, form=f"{_ISO}.%f" if seconds % 1 else _ISO, digits=6, bare=False)


def _formats() -> Iterator[str]:
    yield from _NAMED_MONTHS
    for date in _DATES:
        for time_of_day in _TIMES_OF_DAY:
            yield date + time_of_day


def _written(at: datetime, form: str, digits: int, bare: bool) -> str:
    """Write a moment, with so many digits of a second, and without noughts before days if bare."""
    if "%f" in form:
        at += timedelta(microseconds=0.5 * 10 ** (6 - digits))  # rounded, not cut
        text = at.strftime(form)
        text = re.sub(r"\.(\d{6})", lambda found: f".{found[1][:digits]}", text)
    else:
        text = at.strftime(form)
    return re.sub(r"(?<!\d)0(?=\d+[/.])", "", text) if bare else text
