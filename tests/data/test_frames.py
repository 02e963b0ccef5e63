"""Frames of polars, pandas and Arrow."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from throughtime.data import DataError, load, read_many, read_series

TIDES = pl.DataFrame({"year": range(80), "level": [row % 9 / 4 for row in range(80)]})


def test_a_frame_of_polars_lazy_or_not() -> None:
    for frame in (TIDES, TIDES.lazy()):
        dataset = load(frame, "level", validation=0.1, test=0.3)
        assert dataset.series.times[:2] == ("0", "1")
        assert dataset.series.source == "the frame"
        assert dataset.split.tests == {"test": range(56, 80)}
        assert dataset.series.values[:, 0].tolist() == TIDES["level"].to_list()


def test_what_gives_itself_as_arrow() -> None:
    table = SimpleNamespace(__arrow_c_stream__=TIDES.__arrow_c_stream__)
    assert len(read_series(table)) == 80


@pytest.mark.parametrize("source", [3, None, [1.0, 2.0], torch.zeros(3), {"level": [1, 2]}])
def test_what_is_no_frame(source: Any) -> None:
    with pytest.raises(DataError, match=r"neither a file nor a frame\.\nTo mend: "):
        read_series(source)


def test_faults_name_rows() -> None:
    frame = pl.DataFrame({"v": [1.0, None, 3.0]})
    with pytest.raises(DataError, match=r"the frame: 1 fault\n  row 2: column 'v': empty cell"):
        read_series(frame)


class TestPandas:
    @pytest.fixture
    def pd(self) -> Any:
        return pytest.importorskip("pandas")

    def test_columns_of_every_type(self, pd: Any) -> None:
        days = pd.date_range("2020-01-01", periods=40)
        frame = pd.DataFrame(
            {
                "day": days,
                "level": [row % 7 for row in range(40)],
                "small": pd.array(range(40), dtype="UInt8"),
                "flag": [row % 2 == 0 for row in range(40)],
                "nullable": pd.array([row % 3 == 0 for row in range(40)], dtype="boolean"),
                "text": [f"{row}.5" for row in range(40)],
                "label": pd.Categorical(["a", "b"] * 20),
            }
        )
        series = read_series(frame, "level")
        assert series.times[:2] == ("2020-01-01", "2020-01-02")
        assert series.columns == ("level", "small", "flag", "nullable", "text")
        assert series.values[4].tolist() == [4, 4, 1, 0, 4.5]

    def test_an_index_is_a_column_unless_it_only_counts(self, pd: Any) -> None:
        days = pd.date_range("2020-01-01", periods=40, tz="Europe/Paris", name="when")
        frame = pd.DataFrame({"v": range(40)}, index=days)
        assert read_series(frame).times[0] == "2020-01-01 00:00:00+01:00"
        months = pd.period_range("1949-01", periods=40, freq="M")
        by_month = read_series(pd.DataFrame({"v": range(40)}, index=months))
        assert (by_month.time_name, by_month.times[0]) == ("index", "1949-01")
        assert read_series(frame.reset_index(drop=True)).time_name == "row"
        with pytest.raises(DataError, match="both in its index and as a column"):
            read_series(pd.DataFrame({"v": [1, 2], "when": [1, 2]}, index=days[:2]))

    def test_faults_name_rows(self, pd: Any) -> None:
        frame = pd.DataFrame({"v": pd.array([1, None, 3], dtype="Int64"), "w": [1.0, 2.0, None]})
        with pytest.raises(DataError) as caught:
            read_series(frame, "v")
        assert "row 2: column 'v'" in str(caught.value)
        assert "row 3: column 'w'" in str(caught.value)
        with pytest.raises(DataError, match="repeats 'v'"):
            read_series(pd.DataFrame([[1, 2], [3, 4]], columns=["v", "v"]))
        with pytest.raises(DataError, match="2 levels"):
            read_series(pd.DataFrame([[1, 2]], columns=[["a", "a"], ["b", "c"]]))


def test_row_labels_of_a_larger_frame_are_no_column() -> None:
    pd = pytest.importorskip("pandas")
    days = pd.date_range("2020-01-01", periods=40)
    whole = pd.DataFrame({"day": days, "level": np.arange(40.0)})
    part = whole[whole.level >= 10]  # its index counts from 10
    assert read_series(part).columns == ("level",)
    assert read_series(part).time_name == "day"
    twice = pd.concat([whole.drop(columns="day").assign(tank=tank) for tank in "ab"])
    (first, _) = read_many(twice, "level", None, "tank")
    assert first.columns == ("level",)
    years = pd.DataFrame({"level": np.arange(30.0)}, index=pd.Index(list(range(1900, 1930))))
    assert read_series(years).time_name == "index"
