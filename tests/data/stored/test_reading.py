"""A table read some rows at a time: the series, the digests and the faults of one read whole."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data import test_grouping, test_malformed
from tests.data.stored.conftest import every_table_is_large
from throughtime.data import DataError, Dataset, Series, load, read_many, read_series
from throughtime.data.faults import Fault, FirstFaults, refuse

HOURS = pl.datetime_range(
    datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 3, 11), "1h", eager=True
)  # 60 of them
WRITERS: dict[str, Callable[[pl.DataFrame, Path], Any]] = {
    "parquet": lambda frame, path: frame.write_parquet(path, row_group_size=10),
    "feather": lambda frame, path: frame.write_ipc(path),
}


def shops(interleaved: bool) -> pl.DataFrame:
    """Three shops of unlike length, with covariates of several types and a column of labels."""
    random = np.random.default_rng(0)
    parts = [
        pl.DataFrame(
            {
                "time": HOURS[-rows:],
                "shop": [shop] * rows,
                "sold": size * random.standard_normal(rows),
                "open": random.random(rows) > 0.5,
                "told": ["true", "False"] * (rows // 2),
                "text": [f"{number:.3f}" for number in random.random(rows)],
                "staff": random.integers(0, 9, rows).astype(np.int16),
                "note": ["calm"] * rows,
                "gone": pl.Series([None] * rows, dtype=pl.Float64),
            }
        )
        for shop, rows, size in (("north", 60, 1.0), ("mid", 40, 40.0), ("south", 30, 900.0))
    ]
    frame = pl.concat(parts)
    return frame.sort("time", maintain_order=True) if interleaved else frame


def same(a: Series, b: Series) -> bool:
    named = [(s.name, s.columns, tuple(s.times), s.time_name, s.target, s.source) for s in (a, b)]
    return named[0] == named[1] and torch.equal(a.values, b.values)


def both(path: Path, **asked: Any) -> tuple[Any, Any]:
    """Read a file in both ways; a refusal is its message."""

    def read() -> Any:
        try:
            return read_many(path, **asked)
        except DataError as error:
            return str(error)

    whole = read()
    with every_table_is_large():
        return whole, read()


def agree(path: Path, **asked: Any) -> None:
    whole, parts = both(path, **asked)
    assert isinstance(parts, str) == isinstance(whole, str), (whole, parts)
    if isinstance(whole, str):
        assert parts == whole
        return
    assert len(parts) == len(whole)
    assert all(one.stored for one in parts)
    assert not any(one.stored for one in whole)
    assert all(map(same, whole, parts))


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("interleaved", [False, True])
def test_the_same_series_as_read_whole(kind: str, interleaved: bool, tmp_path: Path) -> None:
    path = tmp_path / f"given.{kind}"
    WRITERS[kind](shops(interleaved), path)
    agree(path, target="sold", series="shop")
    with every_table_is_large():
        found = read_many(path, "sold", series="shop")
    assert found[0].name == "north"
    assert {len(one) for one in found} == {60, 40, 30}
    assert found[0].covariates == ("open", "told", "text", "staff")


def test_rows_brought_to_another_series_would_be_seen(tmp_path: Path) -> None:
    frame = shops(True)
    frame.write_parquet(tmp_path / "a.parquet")
    frame.with_columns(pl.col("sold").shift(1).fill_null(0.0)).write_parquet(tmp_path / "b.parquet")
    whole = read_many(tmp_path / "a.parquet", "sold", series="shop")
    with every_table_is_large():
        other = read_many(tmp_path / "b.parquet", "sold", series="shop")
    assert not any(map(same, whole, other))


@pytest.mark.parametrize("interleaved", [False, True])
def test_the_digest_is_the_same(interleaved: bool, tmp_path: Path) -> None:
    path = tmp_path / "given.parquet"
    shops(interleaved).write_parquet(path)

    def digest() -> str:
        found = load(path, "sold", series="shop")
        assert isinstance(found, Dataset)
        return found.digest()

    whole = digest()
    with every_table_is_large():
        assert digest() == whole
        shops(interleaved).with_columns(staff=pl.col("staff") + 1).write_parquet(path)
        assert digest() != whole


@pytest.mark.usefixtures("small_batches")
def test_a_slice_of_times_is_a_tuple_and_they_equal_any_sequence(tmp_path: Path) -> None:
    shops(False).write_parquet(tmp_path / "given.parquet")
    times = read_many(tmp_path / "given.parquet", "sold", series="shop")[0].times
    assert times[0] == "2020-01-01 00:00:00"
    assert times[-1] == "2020-01-03 11:00:00"
    assert times[1:3] == ("2020-01-01 01:00:00", "2020-01-01 02:00:00")
    assert times[::-30] == (times[59], times[29])
    assert times == tuple(times)
    assert times != [*tuple(times)[:-1], "later"]
    assert "60 times, 2020-01-01 00:00:00 to" in repr(times)
    with pytest.raises(IndexError):
        times[60]


TIMES = {
    "dates": pl.date_range(datetime.date(2020, 1, 1), datetime.date(2020, 2, 9), eager=True),
    "midnights": pl.datetime_range(
        datetime.datetime(2020, 1, 1), datetime.datetime(2020, 2, 9), "1d", eager=True
    ),
    "one fraction": pl.datetime_range(
        datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 1, 0, 0, 39), "1s", eager=True
    ).dt.offset_by("1us"),
    "zone": pl.datetime_range(
        datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 2, 15), "1h", eager=True,
        time_zone="Europe/London",
    ),
    "numbers": pl.Series(range(1900, 1940)),
    "compact months": pl.Series([194901 + 100 * (m // 12) + m % 12 for m in range(40)]),
    "texts": pl.Series([f"{1 + row % 28:02}.{1 + row // 28:02}.2020" for row in range(40)]),
    "one bad": pl.Series([f"2020-01-{day:02}" for day in range(1, 31)] + ["ü" * 300] * 10),
    "words": pl.Series(["soon"] * 40),
    "gaps": pl.Series([None] * 40, dtype=pl.String),
    "backwards": pl.Series(range(40, 0, -1)),
    "uneven": pl.Series([row * row for row in range(40)]),
}  # fmt: skip


@pytest.mark.parametrize("case", TIMES)
@pytest.mark.parametrize(
    "name", ["time", *(pytest.param(n, marks=pytest.mark.thorough) for n in ("day", "when"))]
)
def test_times_of_any_type(case: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "given.parquet"
    numbers = [float(row % 7) for row in range(40)]
    pl.DataFrame({name: TIMES[case], "v": numbers}).write_parquet(path)
    agree(path, target="v")
    twice = pl.DataFrame({name: TIMES[case], "v": numbers}).with_columns(s=pl.lit("b"))
    pl.concat([twice, twice.with_columns(s=pl.lit("a"))]).sort("v").write_parquet(path)
    agree(path, target="v", series="s")
    agree(path, target="v", time="row", series="s")


def test_names_may_be_dates_and_numbers(tmp_path: Path) -> None:
    path = tmp_path / "given.parquet"
    for names in (HOURS[:12].dt.truncate("6h"), pl.Series([7, 8, 9] * 4), HOURS[12:24]):
        pl.DataFrame({"n": names, "v": range(12)}).write_parquet(path)
        agree(path, target="v", series="n", minimum_rows=1)


def as_parquet(content: str | bytes, path: Path) -> bool:
    """Write CSV as a Parquet file of texts, if it can be read at all."""
    text = content if isinstance(content, bytes) else content.encode()
    try:
        frame = pl.read_csv(io.BytesIO(text), infer_schema=False)
        frame.write_parquet(path)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return False
    return frame.height > 0


MALFORMED = {
    **{
        name: (content, asked)
        for name, (content, asked, _) in test_malformed.MALFORMED.items()
        if not name.startswith("3000")
    },
    **{
        f"series: {name}": (content, {"series": "shop"} | asked)
        for name, (content, asked, _) in test_grouping.MALFORMED.items()
    },
}


@pytest.mark.parametrize("case", MALFORMED)
def test_the_same_message_as_of_a_table_read_whole(case: str, tmp_path: Path) -> None:
    content, asked = MALFORMED[case]
    if not as_parquet(content, tmp_path / "given.parquet"):
        pytest.skip("no table")
    agree(tmp_path / "given.parquet", **asked)


CELLS = st.sampled_from(["1", "2.5", "", "NA", "x", "nan", "inf", "-1e200", "true"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["a", "b", "c", ""]), st.integers(0, 20), CELLS, CELLS),
        min_size=1,
        max_size=40,
    ),
    whole_is_right=st.booleans(),
)
def test_tables_at_random(
    rows: list[tuple[str, int, str, str]], whole_is_right: bool, tmp_path: Path
) -> None:
    frame = pl.DataFrame(rows, schema=["shop", "time", "v", "w"], orient="row")
    if whole_is_right:
        numbers = [str(float(row)) for row in range(frame.height)]
        frame = frame.with_columns(
            v=pl.Series(numbers), time=pl.int_range(pl.len()).over("shop")
        ).filter(pl.col("shop") != "")
    if frame.height == 0:
        return
    path = tmp_path / "given.parquet"
    frame.write_parquet(path)
    agree(path, target="v", series="shop", minimum_rows=1)
    agree(path, target="v", minimum_rows=1)


def test_thousands_of_faults_are_counted_and_the_first_shown(tmp_path: Path) -> None:
    path = tmp_path / "given.parquet"
    values: list[float | None] = [float(row) for row in range(4000)]
    values[100:2900] = [None] * 2800
    values[2950] = float("inf")
    pl.DataFrame({"v": values}).write_parquet(path)
    with pytest.raises(DataError) as caught:
        read_series(path, "v")
    with every_table_is_large(rows=3000), pytest.raises(DataError) as again:
        read_series(path, "v")
    assert str(again.value) == str(caught.value)
    assert "2801 faults" in str(again.value)
    assert "row 101: column 'v': empty cell" in str(again.value)
    assert "keep numbers within" in str(again.value)


@given(
    lines=st.lists(st.tuples(st.integers(1, 99), st.sampled_from("abc")), min_size=1, max_size=300)
)
def test_faults_gathered_bit_by_bit_are_those_told_at_once(lines: list[tuple[int, str]]) -> None:
    faults = [Fault(line, f"fault {place}", mend) for place, (line, mend) in enumerate(lines)]

    def message(act: Callable[[], object]) -> str:
        with pytest.raises(DataError) as caught:
            act()
        return str(caught.value)

    gathered = FirstFaults()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("throughtime.data.faults._GATHERED", 12)
        for place in range(0, len(faults), 5):
            gathered.add(faults[place : place + 5])
    assert gathered.count == len(faults)
    assert message(lambda: gathered.refuse("given")) == message(lambda: refuse("given", faults))


@pytest.mark.usefixtures("small_batches")
def test_a_long_series_is_looked_at_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("throughtime.data.stored.reading._LONG", 10)
    path = tmp_path / "given.parquet"
    times = [*range(35), 34, *range(36, 50)]
    pl.DataFrame({"time": times, "v": range(50)}).write_parquet(path)
    with pytest.raises(DataError, match=r"row 36: column 'time': '34' repeats '34' \(row 35\)"):
        read_series(path, "v")
    pl.DataFrame({"time": range(50), "v": range(50)}).write_parquet(path)
    assert len(read_series(path, "v")) == 50


def test_small_tables_and_other_files_are_read_whole(tmp_path: Path) -> None:
    frame = shops(False)
    frame.write_parquet(tmp_path / "a.parquet")
    assert not read_many(tmp_path / "a.parquet", "sold", series="shop")[0].stored
    frame.write_csv(tmp_path / "a.csv")
    with every_table_is_large():
        assert not read_many(tmp_path / "a.csv", "sold", series="shop")[0].stored
        assert not read_many(frame, "sold", series="shop")[0].stored


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "given.parquet"
    shops(False).write_parquet(path, row_group_size=10, compression="uncompressed")
    content = bytearray(path.read_bytes())
    content[100 : len(content) // 2] = bytes(len(content) // 2 - 100)
    path.write_bytes(bytes(content))
    with every_table_is_large(), pytest.raises(DataError, match="damaged Parquet file") as caught:
        read_many(path, "sold", series="shop")
    assert "To mend: write the file again" in str(caught.value)
