"""Several series in one file, told apart by a column."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from throughtime.data import DataError, load, read_many, read_series

Write = Callable[..., Path]

MIXED = "year,shop,sold\n1,b,5\n3,a,7\n2,b,6\n4,a,8\n3,b,4\n5,a,9\n"


def long(rows: dict[str, int], first: int = 1) -> pl.DataFrame:
    """Series of some lengths below each other, whose times are those of no other."""
    return pl.DataFrame(
        [
            (shop, first + day, (day * (place + 1)) % 7 + 0.5, float(place))
            for place, (shop, count) in enumerate(rows.items())
            for day in range(count)
        ],
        schema=["shop", "day", "sold", "size"],
        orient="row",
    )


def test_rows_are_brought_together_in_the_order_of_the_file(write: Write) -> None:
    b, a = read_many(write(MIXED), series="shop")
    assert (b.name, b.times, b.values[:, 0].tolist()) == ("b", ("1", "2", "3"), [5, 6, 4])
    assert (a.name, a.times, a.values[:, 0].tolist()) == ("a", ("3", "4", "5"), [7, 8, 9])
    assert a.columns == b.columns == ("sold",)


def test_each_series_is_as_if_it_were_alone() -> None:
    frame = long({"x": 40, "y": 60}).sample(fraction=1.0, shuffle=True, seed=0).sort("day")
    for series in read_many(frame, "sold", series="shop"):
        alone = read_series(frame.filter(pl.col("shop") == series.name).drop("shop"), "sold")
        assert (series.columns, series.times) == (alone.columns, alone.times)
        assert series.values.equal(alone.values)


def test_names_may_be_numbers_and_rows_may_be_counted() -> None:
    frame = pl.DataFrame({"id": [7, 7, 8, 8, 8], "v": [1, 2, 3, 4, 5]})
    seven, eight = read_many(frame, series="id")
    assert (seven.name, seven.time_name, seven.times) == ("7", "row", ("1", "2"))
    assert (eight.name, eight.times) == ("8", ("1", "2", "3"))


def test_a_month_that_rises_in_each_series_is_the_time() -> None:
    rows = [(shop, month, month % 5) for shop in "ab" for month in range(1, 13)]
    found = read_many(
        pl.DataFrame(rows, schema=["shop", "month", "v"], orient="row"), series="shop"
    )
    assert [series.time_name for series in found] == ["month", "month"]


def test_without_the_column_the_message_names_it_as_a_way(write: Write) -> None:
    with pytest.raises(DataError, match=r"'1' comes after '2' \(line 3\)") as caught:
        read_series(write("year,shop,sold\n1,a,1\n2,a,2\n1,b,3\n2,b,4\n"))
    assert "name the column that tells these apart (series)" in str(caught.value)


# What is written, how it is asked for, and what the message must say.
MALFORMED: dict[str, tuple[str, dict[str, str], list[str]]] = {
    "a time twice in a series": (
        MIXED.replace("2,b,6", "1,b,6"), {},
        ["1 fault", "line 4: series 'b', column 'year': '1' repeats '1' (line 2)"],
    ),
    "a series going back": (
        MIXED.replace("5,a,9", "2,a,9"), {},
        ["line 7: series 'a', column 'year': '2' comes after '4' (line 5)"],
    ),
    "a gap in a series": (
        "year,shop,sold\n" + "".join(
            f"{year},{shop},{year}\n"
            for year in range(1, 9) for shop in "ab" if (year, shop) != (4, "b")
        ), {},
        ["line 10: series 'b', column 'year': rows are missing between '3' (line 7) and '5'"],
    ),
    "no name": (
        MIXED.replace("2,b,6", "2,,6"), {}, ["line 4: column 'shop': empty cell", "every row"],
    ),
    "faults of every kind": (
        MIXED.replace("2,b,6", "1,b,x").replace("4,a,8", "4,,inf"), {},
        ["4 faults", "line 4: column 'sold': 'x' is text", "line 4: series 'b', column 'year'",
         "line 5: column 'shop': empty cell", "line 5: column 'sold': 'inf' is infinite"],
    ),
    "a series of one row": (
        MIXED + "9,c,1\n", {}, ["line 8: series 'c' has 1 row; at least 2 are needed"],
    ),
    "unknown column": (MIXED, {"series": "shpo"}, ["as the series. Did you mean 'shop'?"]),
    "target and series": (
        MIXED, {"series": "sold", "target": "sold"}, ["'sold' is named both as the target and as"],
    ),
    "time and series": (
        MIXED, {"time": "shop"}, ["'shop' is named both as the time and as the series"],
    ),
    "nothing else": ("shop\na\na\n", {}, ["no column of numbers"]),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
def test_message_says_where_what_and_how_to_mend(case: str, write: Write) -> None:
    content, asked, expected = MALFORMED[case]
    path = write(content)
    with pytest.raises(DataError) as caught:
        read_many(path, **({"series": "shop"} | asked))
    for part in [str(path), *expected, "To mend: "]:
        assert part in str(caught.value)


def test_each_series_is_split_by_itself() -> None:
    dataset = load(long({"x": 100, "y": 60}), "sold", series="shop", validation=0.1, test=0.3)
    x, y = dataset.members
    assert (x.split.fit, x.split.tests["test"]) == (range(60), range(70, 100))
    assert (y.split.fit, y.split.tests["test"]) == (range(36), range(42, 60))
    assert (dataset.series_column, dataset.name, dataset.longest) == ("shop", "frame", x)
    assert dataset.variance is None


def test_series_too_short_to_split_are_named() -> None:
    frame = long({"x": 100, "y": 12, "z": 3})
    with pytest.raises(DataError, match="2 of 3 series are too short") as caught:
        load(frame, "sold", series="shop")
    assert "'y' (12 rows), 'z' (3 rows)." in str(caught.value)
    assert "series of 29 rows or more" in str(caught.value)
    many = long({f"s{number}": 5 for number in range(30)})
    with pytest.raises(DataError, match=r"'s9' \(5 rows\) and 20 more"):
        load(many, "sold", series="shop")


def test_a_constant_series_is_learned_beside_others_but_not_alone() -> None:
    frame = long({"x": 60, "y": 60}).with_columns(
        sold=pl.when(pl.col("shop") == "y").then(3.0).otherwise("sold")
    )
    assert len(load(frame, "sold", series="shop").members) == 2
    with pytest.raises(DataError, match="constant over the training part of every series"):
        load(frame.filter(pl.col("shop") == "y"), "sold", series="shop")


def test_the_digest_tells_series_and_their_names_apart() -> None:
    frame = long({"x": 60, "y": 60})
    seen = {load(frame, "sold", series="shop").digest()}
    seen.add(load(frame.with_columns(shop=pl.col("shop") + "2"), "sold", series="shop").digest())
    seen.add(load(frame.with_columns(day=pl.col("day") + 1), "sold", series="shop").digest())
    assert len(seen) == 3
    assert load(frame, "sold", series="shop").digest() in seen


def test_a_built_in_series_is_one() -> None:
    with pytest.raises(DataError, match="'sunspots' is one series; 'year' was given"):
        load("sunspots", series="year")
