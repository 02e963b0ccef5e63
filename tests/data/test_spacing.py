"""Gaps that are found, and calendars that are none."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data.clock import read_clock
from throughtime.data.spacing import time_faults
from throughtime.data.table import Table


def faults_of(times: Iterable[object]) -> list[str]:
    texts = [str(time) for time in times]
    column = pl.Series("t", texts)
    clock = read_clock(column)
    assert clock is not None
    table = Table("given.csv", {"t": column}, np.arange(2, 2 + len(texts)))
    return [f"{fault.line} {fault.what}" for fault in time_faults(table, "t", clock)]


def days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=day) for day in range(count)]


DAYS = days(date(2019, 1, 1), 800)
MONTHS = [date(2000 + month // 12, month % 12 + 1, 1) for month in range(60)]
TRADING = [
    datetime(day.year, day.month, day.day, 9, 30, tzinfo=UTC) + timedelta(minutes=5 * bar)
    for day in days(date(2020, 1, 1), 40)
    if day.weekday() < 5
    for bar in range(30 if day == date(2020, 1, 17) else 78)
    if not 30 <= bar < 42
]
LOCAL = [
    (datetime(2020, 3, 27, tzinfo=UTC) + timedelta(hours=hour)).astimezone(
        ZoneInfo("Europe/London")
    )
    for hour in range(100)
]
HOLIDAYS = {date(2019, 4, 19), date(2019, 4, 22), date(2019, 12, 25), date(2019, 12, 26)}

EVEN = {
    "years": range(1700, 1800),
    "olympiads": range(1896, 1960, 4),
    "decimal years": [f"{1749 + month / 12:.3f}" for month in range(200)],
    "days": DAYS,
    "business days": [day for day in DAYS if day.weekday() < 5],
    "business days with holidays": [d for d in DAYS if d.weekday() < 5 and d not in HOLIDAYS],
    "a week of business": [day for day in DAYS[:10] if day.weekday() < 5],
    "closed on sundays": [day for day in DAYS if day.weekday() != 6],
    "sunday to thursday": [day for day in DAYS if day.weekday() not in (4, 5)],
    "rare saturdays": [day for day in DAYS if day.weekday() < 5 or day == date(2019, 6, 8)],
    "weeks": DAYS[::7],
    "months": MONTHS,
    "month ends": [day - timedelta(days=1) for day in MONTHS],
    "first business days": [
        day + timedelta(days=max(0, 7 - day.weekday()) % 7 if day.weekday() > 4 else 0)
        for day in MONTHS
    ],
    "compact months": [f"{day:%Y%m}" for day in MONTHS],
    "quarters": MONTHS[::3],
    "years as dates": MONTHS[::12],
    "hours": [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(100)],
    "jitter": [
        datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=60 * i + i * 7 % 5) for i in range(99)
    ],
    "summer time with offsets": LOCAL,
    "trading hours with lunch": TRADING,
    "float steps": [0.1 * step for step in range(100)],
    "two rows": [1, 5],
    "one row": [1],
}


@pytest.mark.parametrize("calendar", EVEN)
def test_no_false_alarm(calendar: str) -> None:
    assert faults_of(EVEN[calendar]) == []


UNEVEN_IF_A_ROW_GOES = [
    "years",
    "decimal years",
    "days",
    "weeks",
    "months",
    "month ends",
    "quarters",
]
UNEVEN_IF_A_ROW_GOES += ["olympiads", "years as dates", "hours", "float steps", "compact months"]


@pytest.mark.parametrize("calendar", UNEVEN_IF_A_ROW_GOES)
@given(data=st.data())
@settings(deadline=None, max_examples=10)
def test_a_missing_row_is_placed(calendar: str, data: st.DataObject) -> None:
    times = list(EVEN[calendar])
    gone = data.draw(st.integers(1, len(times) - 2))
    left = times[:gone] + times[gone + 1 :]
    if len(left) < 4:
        return
    (fault,) = faults_of(left)
    before, after = str(times[gone - 1]), str(times[gone + 1])
    assert fault == (
        f"{gone + 2} column 't': rows are missing between {before!r} (line {gone + 1}) "
        f"and {after!r}"
    )


def test_a_month_without_trading_is_a_gap() -> None:
    business = [day for day in DAYS if day.weekday() < 5 and day.strftime("%Y-%m") != "2019-07"]
    (fault,) = faults_of(business)
    assert "'2019-06-28'" in fault
    assert "'2019-08-01'" in fault


def test_losses_at_random_times_of_day_are_gaps() -> None:
    hours = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(24 * 20)]
    lost = {17, 101, 222, 375}
    assert len(faults_of(time for hour, time in enumerate(hours) if hour not in lost)) == len(lost)


def test_repeats_do_not_hide_gaps() -> None:
    assert [fault[:2] for fault in faults_of([1, 2, 2, 3, 4, 5, 8, 9])] == ["4 ", "8 "]
