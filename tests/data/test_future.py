from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from throughtime.data.clock import Clock, read_clock
from throughtime.data.future import following


def days(count: int, first: date = date(2020, 1, 1)) -> list[date]:
    return [first + timedelta(day) for day in range(count)]


def months(count: int, form: str) -> list[str]:
    return [date(2000 + i // 12, i % 12 + 1, 1).strftime(form) for i in range(count)]


def hours(count: int, form: str) -> list[str]:
    return [(datetime(2020, 1, 1) + timedelta(hours=i)).strftime(form) for i in range(count)]


def last_days(count: int) -> list[str]:
    """The last day of each month."""
    firsts = [date(2000 + i // 12, i % 12 + 1, 1) for i in range(1, count + 1)]
    return [str(first - timedelta(1)) for first in firsts]


WRITTEN = {
    "days": [str(day) for day in days(60)],
    "days in German": [day.strftime("%d.%m.%Y") for day in days(60)],
    "days in English": [day.strftime("%d/%m/%Y") for day in days(60)],
    "days in American": [day.strftime("%m/%d/%Y") for day in days(60)],
    "compact days": [day.strftime("%Y%m%d") for day in days(60)],
    "weeks": [str(day) for day in days(400)[::7]],
    "months": months(50, "%Y-%m"),
    "months with M": months(50, "%YM%m"),
    "compact months": months(50, "%Y%m"),
    "named months": months(50, "%b %Y"),
    "first days": months(50, "%Y-%m-%d"),
    "last days": last_days(50),
    "quarters": [f"{2000 + i // 4}Q{i % 4 + 1}" for i in range(30)],
    "hours": hours(100, "%Y-%m-%d %H:%M"),
    "hours of ISO": hours(100, "%Y-%m-%dT%H:%M:%S"),
    "hours of ISO in UTC": hours(100, "%Y-%m-%dT%H:%M:%SZ"),
    "hours with Z": hours(100, "%Y-%m-%d %H:%M:%SZ"),
    "tenths of a second": [
        (datetime(2024, 1, 1) + timedelta(seconds=0.1 * i)).isoformat(" ", "milliseconds")
        for i in range(60)
    ],
    "days without noughts": [f"{day.month}/{day.day}/{day.year}" for day in days(60)],
    "four weeks": [str(day) for day in days(1200)[::28]],
    "milliseconds since 1970": [str(1700000000000 + 3600000 * i) for i in range(60)],
    "seconds since 1970": [str(1700000000 + i) for i in range(60)],
    "years": [str(year) for year in range(1700, 1760)],
    "quarters of a unit": [f"{0.25 * i:g}" for i in range(30)],
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_follows_is_what_would_have_stood_there(name: str) -> None:
    whole = WRITTEN[name]
    before, after = whole[:-5], whole[-5:]
    clock, read = read_clock(pl.Series(before)), read_clock(pl.Series(whole))
    assert clock is not None
    assert read is not None
    found, written = following(clock, before, 5)
    assert written == after
    assert np.allclose(found.positions, read.positions[-5:], rtol=0, atol=1e-6)


def test_days_that_a_business_is_closed_on_are_left_out() -> None:
    open_ = [str(day) for day in days(300) if day.weekday() < 5]
    clock = read_clock(pl.Series(open_[:150]))
    assert clock is not None
    assert following(clock, open_[:150], 20)[1] == open_[150:170]


def test_a_series_on_the_31st_comes_back_to_it() -> None:
    before = ["2021-10-31", "2021-11-30", "2021-12-31", "2022-01-31", "2022-02-28"]
    clock = read_clock(pl.Series(before))
    assert clock is not None
    assert following(clock, before, 2)[1] == ["2022-03-31", "2022-04-30"]


def test_times_with_an_offset_are_given_in_utc() -> None:
    before = hours(60, "%Y-%m-%d %H:%M:%S+02:00")
    clock = read_clock(pl.Series(before))
    assert clock is not None
    assert following(clock, before, 1)[1] == ["2020-01-03 10:00:00+00:00"]


def test_rows_are_counted_on() -> None:
    clock, written = following(None, ("1", "2", "3"), 2)
    assert written == ["4", "5"]
    assert clock.kind == "number"


def test_a_single_row_is_followed_by_steps_of_one() -> None:
    assert following(Clock("number", np.array([1990.0])), ("1990",), 2)[1] == ["1991", "1992"]
