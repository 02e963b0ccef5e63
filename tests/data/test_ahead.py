import polars as pl
import pytest

from throughtime.data import DataError, read_many
from throughtime.data.ahead import read_ahead

BEFORE = pl.DataFrame(
    {
        "day": [f"2020-01-{day:02}" for day in range(1, 11)] * 2,
        "shop": ["a"] * 10 + ["b"] * 10,
        "sold": range(20),
        "price": range(100, 120),
    }
)
AHEAD = pl.DataFrame(
    {
        "day": ["2020-01-11", "2020-01-12"] * 2,
        "shop": ["b", "b", "a", "a"],
        "sold": pl.Series([None] * 4, dtype=pl.Float64),
        "price": [1.0, 2.0, 3.0, 4.0],
    }
)


def test_rows_to_come_are_found_by_series_and_an_empty_target_is_left_out() -> None:
    series = read_many(BEFORE, "sold", None, "shop")
    a, b = read_ahead(AHEAD, ["price"], series, 2, None, "shop")
    assert a.tolist() == [[3.0], [4.0]]
    assert b.tolist() == [[1.0], [2.0]]
    assert read_ahead(AHEAD, ["price"], series, 1, None, "shop")[0].tolist() == [[3.0]]


def test_one_series_needs_no_column() -> None:
    series = read_many(BEFORE.filter(shop="a").drop("shop"), "sold")
    rows = AHEAD.filter(shop="a").drop("shop", "sold")
    assert read_ahead(rows, ["price"], series, 2)[0].tolist() == [[3.0], [4.0]]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (AHEAD.filter(shop="a"), "no rows to come of the series 'b'"),
        (AHEAD.rename({"price": "cost"}).with_columns(other=1.5), "no column 'price'"),
        (AHEAD.head(3), "has 1 rows to come of 'a'; 2 are to be forecast"),
        (
            AHEAD.with_columns(day=pl.Series(["2020-01-15", "2020-01-16"] * 2)),
            "begin with '2020-01-15'; '2020-01-11' follows '2020-01-10'",
        ),
        (AHEAD.with_columns(price=pl.Series([1.0, None, 3.0, 4.0])), "row 2.*'price': empty cell"),
    ],
)
def test_what_is_missing_is_named(changed: pl.DataFrame, message: str) -> None:
    series = read_many(BEFORE, "sold", None, "shop")
    with pytest.raises(DataError, match=message):
        read_ahead(changed, ["price"], series, 2, None, "shop")
