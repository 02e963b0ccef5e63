import numpy as np
import polars as pl
import pytest
import torch

from tests.data.test_future import WRITTEN, days, hours, months
from throughtime.data import DataError
from throughtime.data.calendar import Calendar, season_of
from throughtime.data.clock import Clock, read_clock


def clock_of(texts: list[str]) -> Clock:
    found = read_clock(pl.Series(texts))
    assert found is not None
    return found


def test_a_place_is_an_angle() -> None:
    noon_of_a_thursday = clock_of(["2020-01-02 12:00", "2020-01-03 12:00"])
    found = Calendar(("day", "week", "year")).features(noon_of_a_thursday, "x")[0]
    angles = 2 * np.pi * np.array([0.5, 3.5 / 7, 1.5 / 366])
    expected = np.stack([np.cos(angles), np.sin(angles)], 1).ravel()
    assert torch.allclose(found, torch.from_numpy(expected), rtol=0, atol=1e-12)


def test_months_have_a_place_in_the_year_alone() -> None:
    clock = clock_of(months(30, "%Y-%m"))
    found = Calendar(("year",)).features(clock, "x")
    assert torch.allclose(found[3], torch.tensor([0.0, 1.0]).double(), atol=1e-12)  # April
    assert torch.allclose(found[0], found[24], atol=1e-12)
    with pytest.raises(DataError, match=r"(?s)x: its times .* the week.*calendar: none"):
        Calendar(("week",)).features(clock, "x")


@pytest.mark.parametrize("clock", [None, clock_of(WRITTEN["years"])])
def test_counted_rows_have_no_calendar(clock: Clock | None) -> None:
    with pytest.raises(DataError, match="no place in the year"):
        Calendar(("year",)).features(clock, "x")
    assert not Calendar.suited([clock]).cycles


@pytest.mark.parametrize(
    ("texts", "cycles", "season"),
    [
        (hours(24 * 20, "%Y-%m-%d %H:%M"), "day,week", 24),
        (hours(30, "%Y-%m-%d %H:%M"), "none", 24),
        ([str(day) for day in days(30)], "week", 7),
        ([str(day) for day in days(800)], "week,year", 7),
        ([str(day) for day in days(800) if day.weekday() < 5], "week,year", 5),
        ([str(day) for day in days(800)[::7]], "year", 52),
        (months(30, "%Y-%m"), "year", 12),
        (months(30, "%Y-%m-%d"), "year", 12),
        (WRITTEN["quarters"], "year", 4),
        (WRITTEN["years"], "none", 1),
        ([f"{year}-12-31" for year in range(1990, 2020)], "none", 1),
    ],
)
def test_cycles_and_seasons_follow_from_the_times(
    texts: list[str], cycles: str, season: int
) -> None:
    clock = clock_of(texts)
    assert str(Calendar.suited([clock])) == cycles
    assert season_of(clock) == season


def test_every_series_has_to_have_seen_a_cycle_twice() -> None:
    long, short = clock_of([str(d) for d in days(800)]), clock_of([str(d) for d in days(40)])
    assert str(Calendar.suited([long, short])) == "week"


@pytest.mark.parametrize("text", ["moon", "day,day", "", "day,,week"])
def test_unknown_cycles_are_refused(text: str) -> None:
    with pytest.raises(DataError, match="made of day, week, year"):
        Calendar.named(text)
