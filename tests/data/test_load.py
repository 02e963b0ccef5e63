from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from throughtime.data import DataError, load, read_series, sources

Write = Callable[..., Path]


@pytest.mark.parametrize("name", sources)
def test_every_source_holds_what_a_dataset_promises(name: str) -> None:
    dataset = load(name)
    series, split = dataset.series, dataset.split
    assert series.values.shape == (len(series), len(series.columns))
    assert series.values.isfinite().all()
    assert dataset.variance > 0
    assert series.source
    assert dataset.variance_source
    parts = [split.fit, split.validation, *split.tests.values()]
    rows = [row for part in parts for row in part]
    assert rows == sorted(set(rows))
    assert rows[-1] < len(series)


def test_a_file(write: Write) -> None:
    path = write("year,v,w\n" + "".join(f"{year},{year % 7},1\n" for year in range(100)))
    for source in (path, str(path)):
        dataset = load(source, target="v", validation=0.1, test=0.3)
        assert dataset.series.columns == ("v", "w")
        assert dataset.split.tests == {"test": range(70, 100)}
        assert dataset.split.validation == range(60, 70)


def test_a_file_without_suffix_beside(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("v\n" + "".join(f"{row % 7}\n" for row in range(100)), "plain")
    monkeypatch.chdir(tmp_path)
    assert len(load("plain").series) == 100


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(
        DataError, match="'rainfall' is neither a known source nor a file"
    ) as caught:
        load("rainfall")
    assert "known sources (sunspots), or the path of a CSV, Parquet" in str(caught.value)
    with pytest.raises(DataError, match="Did you mean 'sunspots'"):
        load("SunSpot")


def test_a_file_with_a_constant_target(write: Write) -> None:
    path = write("v\n" + "5\n" * 100)
    assert len(read_series(path)) == 100  # a forecast may start from it
    with pytest.raises(DataError, match="'v' is constant \\(5\\) over the training part") as caught:
        load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("source", ["missing.csv", "no/folder", "a\0b", "x" * 5000, ""])
def test_what_is_no_file(source: str) -> None:
    with pytest.raises(DataError, match="To mend"):
        load(source)


def test_a_source_ignores_nothing_in_silence() -> None:
    load("sunspots", target="sunspots", time="year")
    with pytest.raises(DataError, match="'sunspots' as its target, not 'rain'"):
        load("sunspots", target="rain")
    with pytest.raises(DataError, match="'year' as its time, not 'row'"):
        load("sunspots", time="row")
    for fractions in ({"test": 0.2}, {"validation": 0.2}):
        with pytest.raises(DataError, match="own split"):
            load("sunspots", **fractions)


def test_importing_does_not_load_polars() -> None:
    code = "import sys, throughtime.data; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
