"""Parquet and Feather files: read as a CSV file of the same numbers is, and refused as clearly."""

from __future__ import annotations

import datetime
import random
from pathlib import Path

import polars as pl
import pytest
import torch

from throughtime.data import DataError, Series, read_series

WRITERS = {
    "parquet": pl.DataFrame.write_parquet,
    "feather": pl.DataFrame.write_ipc,
    "arrows": pl.DataFrame.write_ipc_stream,
}
DAYS = pl.date_range(datetime.date(2020, 1, 1), datetime.date(2020, 2, 9), eager=True)
TIDES = pl.DataFrame(
    {
        "day": DAYS,
        "level": [0.1 * row * (-1) ** row for row in range(40)],
        "spring": [row % 14 == 0 for row in range(40)],
        "ships": pl.Series(range(40), dtype=pl.Int16),
        "note": ["calm"] * 40,
    }
)


def write(frame: pl.DataFrame, folder: Path, kind: str = "parquet") -> Path:
    path = folder / f"given.{kind}"
    WRITERS[kind](frame, path)
    return path


def same(a: Series, b: Series) -> bool:
    named = [(s.columns, s.times, s.time_name, s.target) for s in (a, b)]
    return named[0] == named[1] and torch.equal(a.values, b.values)


@pytest.mark.parametrize("kind", WRITERS)
def test_the_same_series_as_from_csv(kind: str, tmp_path: Path) -> None:
    TIDES.with_columns(pl.col("spring").cast(pl.Int8)).write_csv(tmp_path / "given.csv")
    found = read_series(write(TIDES, tmp_path, kind), target="level")
    assert same(found, read_series(tmp_path / "given.csv", target="level"))
    assert found.covariates == ("spring", "ships")
    assert found.name == "given"


def test_a_file_is_known_by_its_content_whatever_it_is_called(tmp_path: Path) -> None:
    write(TIDES, tmp_path).rename(tmp_path / "given.csv")
    assert read_series(tmp_path / "given.csv", target="level").times[0] == "2020-01-01"


@pytest.mark.parametrize(
    ("times", "first"),
    [
        (pl.datetime_range(datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 2), "1h",
                           eager=True), "2020-01-01 00:00:00"),
        (pl.datetime_range(datetime.datetime(2020, 3, 28), datetime.datetime(2020, 3, 30), "1h",
                           time_zone="Europe/London", eager=True), "2020-03-28 00:00:00+00:00"),
        (pl.datetime_range(datetime.datetime(2020, 1, 1), datetime.datetime(2020, 2, 1), "1d",
                           time_unit="ns", eager=True), "2020-01-01"),
        (pl.Series(range(1900, 1925)), "1900"),
        (pl.Series([194901 + month for month in range(12)]), "194901"),
        (pl.Series([f"1949-{month:02}" for month in range(1, 13)], dtype=pl.Categorical),
         "1949-01"),
    ],
)  # fmt: skip
def test_times_of_any_type(times: pl.Series, first: str, tmp_path: Path) -> None:
    frame = pl.DataFrame({"time": times, "v": range(len(times))})
    series = read_series(write(frame, tmp_path))
    assert (series.time_name, series.times[0]) == ("time", first)
    with pytest.raises(DataError, match=r"row 5: column 'time': rows are missing between .*row 4"):
        read_series(write(frame[[0, 1, 2, 3, 7, 8, 9, 10, 11]], tmp_path))
    with pytest.raises(DataError, match=r"row 4: column 'time': .* repeats .* \(row 3\)"):
        read_series(write(frame[[0, 1, 2, 2, 3]], tmp_path))


# What is wrong, how it is asked for, and what the message must say.
FAULTY: dict[str, tuple[pl.DataFrame, dict[str, str], list[str]]] = {
    "null": (pl.DataFrame({"v": [1.0, None, 2.0]}), {}, ["row 2: column 'v': empty cell"]),
    "NaN": (pl.DataFrame({"v": [1.0, float("nan"), 2.0]}), {}, ["row 2: column 'v': 'NaN'"]),
    "inf": (pl.DataFrame({"v": [1.0, 2, -float("inf")]}), {}, ["row 3: column 'v': '-inf' is inf"]),
    "large": (pl.DataFrame({"v": [1.0, 2, 1e200]}), {}, ["row 3: column 'v': '1e+200' is too"]),
    "text": (pl.DataFrame({"v": ["1", "x", "2"]}), {}, ["row 2: column 'v': 'x' is text"]),
    "all at once": (
        pl.DataFrame({"v": [1, None, 2], "w": [float("nan"), 1.0, 2]}),
        {"target": "v"},
        ["2 faults", "row 1: column 'w'", "row 2: column 'v'"],
    ),
    "labels": (pl.DataFrame({"v": ["a", "b"]}), {}, ["no column of numbers", "On row 1, 'v'"]),
    "lists": (
        pl.DataFrame({"v": [[1, 2], [3]]}), {"target": "v"}, ["'v' holds no number", "'[1, 2]'"],
    ),
    "dates": (
        pl.DataFrame({"t": DAYS, "v": DAYS}), {"target": "v"}, ["'v' holds no number", "2020-01"],
    ),
    "empty time": (
        pl.DataFrame({"t": [DAYS[0], None, DAYS[2]], "v": [1, 2, 3]}), {"time": "t"},
        ["row 2: column 't': empty cell"],
    ),
    "no rows": (pl.DataFrame({"v": []}), {}, ["columns (v) and no rows"]),
    "no columns": (pl.DataFrame(), {}, ["no columns and no rows"]),
    "a name of blanks": (pl.DataFrame({"v": [1], " ": [2]}), {}, ["column 2 has no name"]),
    "names alike": (pl.DataFrame({"v": [1], "v ": [2]}), {}, ["repeats 'v'"]),
    "unknown target": (TIDES, {"target": "levle"}, ["Did you mean 'level'?"]),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTY)
def test_message_says_where_what_and_how_to_mend(case: str, tmp_path: Path) -> None:
    frame, asked, expected = FAULTY[case]
    path = write(frame, tmp_path)
    with pytest.raises(DataError) as caught:
        read_series(path, **asked)
    for part in [str(path), *expected, "To mend: "]:
        assert part in str(caught.value)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_that_is_cut_short_is_refused(kind: str, tmp_path: Path) -> None:
    whole = write(TIDES, tmp_path, kind).read_bytes()
    for kept in random.Random(0).sample(range(1, len(whole) - 8), 12):
        (tmp_path / f"given.{kind}").write_bytes(whole[:kept])
        with pytest.raises(DataError, match=r"(damaged|is no) .*(\n.*)*To mend"):
            read_series(tmp_path / f"given.{kind}", target="level")


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_text_and_nothing_are_no_columns(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"given.{kind}"
    path.write_text("day,v\n1,2\n")
    with pytest.raises(DataError, match=r"no \w+ file: it begins with b'day"):
        read_series(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="it is empty"):
        read_series(path)


def test_an_old_feather_file(tmp_path: Path) -> None:
    (tmp_path / "old.feather").write_bytes(b"FEA1" + bytes(40) + b"FEA1")
    with pytest.raises(DataError, match=r"version 1, which is no longer read\.\nTo mend: "):
        read_series(tmp_path / "old.feather")
