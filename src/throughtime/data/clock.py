"""A column read as times: years, months, quarters, dates, dates with hours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from throughtime.data.table import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import polars as pl

    Read = Callable[[pl.Series], npt.NDArray[np.float64]]

Kind = Literal["number", "month", "date"]
DAY = 86400.0  # seconds

UNDERSTOOD = (
    "numbers (1700, 0.25), months (1949-01, 194901, Jan 1949), quarters (1949Q1), dates "
    "(1949-01-31, 31.01.1949, 01/31/1949, 19490131) and dates with a time of day (1949-01-31 "
    "13:00:00+01:00)"
)
"""The ways of writing a time that `read_clock` knows, for messages."""

_DATES = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d-%m-%Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%b %d, %Y",
)
_TIMES_OF_DAY = ("", " %H:%M", " %H:%M:%S%.f", " %H:%M%z", " %H:%M:%S%.f%z")
_MONTH = r"^(\d{4})(?:[-/]|\s?M)(1[0-2]|0?[1-9])$"
_DOTTED_MONTH = r"^(1[5-9]\d\d|2[01]\d\d)\.(0[1-9]|1[0-2])$"
_COMPACT_MONTH = r"^(1[5-9]\d\d|2[01]\d\d)(0[1-9]|1[0-2])$"
_QUARTER = r"^(\d{4})[-\s]?[Qq]([1-4])$"
_COMPACT_DATE = r"^(?:1[5-9]|2[01])\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$"
SAMPLE = 200
"""Cells, about, on which every notation is tried."""


@dataclass(frozen=True)
class Clock:
    """The times of a series on a line.

    Attributes:
        kind: What a position counts: "number" as it stands, "month" months, "date" seconds
            since 1970.
        positions: Where each row stands; NaN where the cell was not understood. [T]
    """

    kind: Kind
    positions: npt.NDArray[np.float64]

    def part(self, rows: range) -> Clock:
        """Give the times of neighbouring rows."""
        return Clock(self.kind, self.positions[rows.start : rows.stop])


def read_clock(column: pl.Series, dates_only: bool = False) -> Clock | None:
    """Read a column as times; text in the one notation that understands most of it.

    Args:
        column: Dates, or text or numbers that stand for times. Length T.
        dates_only: Whether plain numbers do not count as times.

    Returns:
        The times, or None where no notation understands more than half of the cells.
    """
    import polars as pl  # heavy, and wanted only when a file is read

    if column.dtype in (pl.Date, pl.Datetime):
        return Clock("date", seconds(column))
    text = as_text(column)
    if dates_only and 2 * _count(numbers(text)) > len(text):
        return None
    readings = notations()
    # Dozens of notations on a sample, and only the best of these on every cell.
    sample = text.gather_every(max(1, len(text) // SAMPLE))
    understood = {name: _count(read(sample)) for name, (_, read) in readings.items()}
    most = max(understood.values())
    if most == 0:
        return None
    clocks = [
        Clock(kind, read(text))
        for name, (kind, read) in readings.items()
        if understood[name] == most
    ]
    # 01/02/1949 is January or February: the notation that understands all, then the one in order,
    # has it.
    best = max(clocks, key=lambda clock: (_count(clock.positions), _rising(clock.positions)))
    return best if 2 * _count(best.positions) > len(text) else None


def notations() -> dict[str, tuple[Kind, Read]]:
    """Every notation: what its positions count and how it is read; the first wins a draw."""
    readings: dict[str, tuple[Kind, Read]] = {
        "month": ("month", partial(_months, pattern=_MONTH)),
        "dotted month": ("month", partial(_months, pattern=_DOTTED_MONTH)),
        "compact month": ("month", partial(_months, pattern=_COMPACT_MONTH)),
        "quarter": ("month", partial(_months, pattern=_QUARTER, per_part=3)),
        "named month": ("date", _named_months),
        "compact date": ("date", _compact_dates),
        "number": ("number", numbers),
        "time of day": ("date", partial(_dates, formats=("%H:%M:%S%.f", "%H:%M"))),
    }
    for date in _DATES:
        formats = tuple(date + time_of_day for time_of_day in _TIMES_OF_DAY)
        readings[date] = ("date", partial(_iso_dates, formats=formats))
    return readings


def _count(positions: npt.NDArray[np.float64]) -> int:
    return int(np.isfinite(positions).sum())


def _rising(positions: npt.NDArray[np.float64]) -> int:
    return int((np.diff(positions) > 0).sum())


def numbers(text: pl.Series) -> npt.NDArray[np.float64]:
    """Plain numbers; NaN where a cell is none."""
    import polars as pl

    values = text.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
    # Differences of larger ones would overflow.
    return np.where(np.abs(values) < 1e300, values, np.nan)


def _months(text: pl.Series, pattern: str, per_part: int = 1) -> npt.NDArray[np.float64]:
    """Months since the year 0; a part of the year is a month, or a quarter of three."""
    years = numbers(text.str.extract(pattern, 1))
    return 12 * years + per_part * (numbers(text.str.extract(pattern, 2)) - 1)


def _named_months(text: pl.Series) -> npt.NDArray[np.float64]:
    months = text.str.replace(r"^([A-Za-z]+)[-\s](\d{4})$", "1 ${1} ${2}")
    return _dates(months, ("%d %b %Y", "%d %B %Y"))


def _compact_dates(text: pl.Series) -> npt.NDArray[np.float64]:
    return _dates(text.str.extract(f"({_COMPACT_DATE})", 1), ("%Y%m%d",))


def _iso_dates(text: pl.Series, formats: Iterable[str]) -> npt.NDArray[np.float64]:
    """Dates after ISO 8601's T and Z are spelled in the way of the formats."""
    text = text.str.replace(r"(\d)T(\d)", "${1} ${2}")
    return _dates(text.str.replace(r"(\d)\s?(?:Z|UTC)$", "${1}+00:00"), formats)


def _dates(text: pl.Series, formats: Iterable[str]) -> npt.NDArray[np.float64]:
    """Seconds since 1970, each cell by the first format that understands it."""
    told = np.full(len(text), np.nan)
    for date_format in formats:
        open_rows = np.isnan(told)
        if not open_rows.any():
            break
        read = text.str.to_datetime(date_format, strict=False, time_unit="us")
        found = seconds(read)
        told[open_rows] = found[open_rows]
    return told


def seconds(dates: pl.Series) -> npt.NDArray[np.float64]:
    """Seconds since 1970, UTC where the dates have a zone."""
    import polars as pl

    microseconds = dates.cast(pl.Datetime("us", getattr(dates.dtype, "time_zone", None)))
    return microseconds.dt.epoch("us").cast(pl.Float64).fill_null(float("nan")).to_numpy() / 1e6
