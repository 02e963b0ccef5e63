from __future__ import annotations

import polars as pl
import pytest

from throughtime.data.clock import Clock, read_clock

DAY = 86400.0


def read_text_clock(cells: list[str], dates_only: bool = False) -> Clock | None:
    return read_clock(pl.Series(cells), dates_only)


@pytest.mark.parametrize(
    ("cells", "kind", "steps"),
    [
        (["1700", "1701", "1703"], "number", [1, 2]),
        (["0.25", "0.5", "0.75"], "number", [0.25, 0.25]),
        (["1949-11", "1949-12", "1950-01"], "month", [1, 1]),
        (["1949/9", "1949/10", "1949/11"], "month", [1, 1]),
        (["194911", "194912", "195001"], "month", [1, 1]),
        (["1949.09", "1949.10", "1949.11"], "month", [1, 1]),
        (["1949M11", "1949M12", "1950M1"], "month", [1, 1]),
        (["1949Q3", "1949Q4", "1950Q1"], "month", [3, 3]),
        (["1949-q3", "1949-q4"], "month", [3]),
        (["Nov 1949", "Dec 1949"], "date", [30 * DAY]),
        (["November 1949", "December 1949"], "date", [30 * DAY]),
        (["2020-02-28", "2020-02-29", "2020-03-01"], "date", [DAY, DAY]),
        (["20200228", "20200229", "20200301"], "date", [DAY, DAY]),
        (["28.2.2020", "29.2.2020"], "date", [DAY]),
        (["2/28/2020", "2/29/2020"], "date", [DAY]),
        (["28/2/2020", "29/2/2020"], "date", [DAY]),
        (["28 Feb 2020", "29 Feb 2020"], "date", [DAY]),
        (["2020-01-01 00:00", "2020-01-01 06:00"], "date", [DAY / 4]),
        (["2020-01-01T00:00:00.5", "2020-01-01T00:00:02"], "date", [1.5]),
        (["2020-01-01T00:00:00Z", "2020-01-01T06:00:00Z"], "date", [DAY / 4]),
        (["2020-03-29T01:00:00+01:00", "2020-03-29T03:00:00+02:00"], "date", [3600]),
        (["09:30", "09:45"], "date", [900]),
    ],
)
def test_notations(cells: list[str], kind: str, steps: list[float]) -> None:
    clock = read_text_clock(cells)
    assert clock is not None
    assert clock.kind == kind
    found = (clock.positions[1:] - clock.positions[:-1]).tolist()
    assert found == pytest.approx(steps, abs=1e-6)  # float64 seconds since 1970 resolve 2e-7


def test_day_and_month_are_told_apart_by_the_order_of_the_rows() -> None:
    month_first = read_text_clock(["01/02/2020", "01/03/2020", "01/04/2020"])
    day_first = read_text_clock(["30/01/2020", "31/01/2020", "01/02/2020", "02/02/2020"])
    by_order = read_text_clock(["11/01/2020", "12/01/2020", "01/02/2020"])
    assert month_first is not None
    assert (month_first.positions[1] - month_first.positions[0]) == DAY
    assert day_first is not None
    assert (day_first.positions[3] - day_first.positions[0]) == 3 * DAY
    assert by_order is not None
    assert (by_order.positions[1:] > by_order.positions[:-1]).all()


@pytest.mark.parametrize("cells", [["a", "b"], ["", ""], ["2020-01-01", "b", "c"], ["Mon", "Tue"]])
def test_no_times(cells: list[str]) -> None:
    assert read_text_clock(cells) is None


def test_numbers_are_no_dates() -> None:
    assert read_text_clock(["1013.05", "1012.10"], dates_only=True) is None
    assert read_text_clock(["200001", "200002"], dates_only=True) is None
    assert read_text_clock(["2000-01", "2000-02"], dates_only=True) is not None
