"""The table of the memory benchmark, and the eye on a process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from throughtime.data import load, read_many

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="the benchmarks are not here")


@pytest.fixture
def larger(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import larger_than_memory

    return larger_than_memory


@pytest.mark.parametrize("interleaved", [False, True])
def test_the_table_holds_series_that_can_be_learned(
    interleaved: bool, larger: Any, tmp_path: Path
) -> None:
    path = tmp_path / "table.parquet"
    larger.draw(path, 7, 50, interleaved, row_group=60)
    found = read_many(path, "y", series="name")
    assert [len(series) for series in found] == [50] * 7
    assert found[0].columns == ("y", *(f"x{place}" for place in range(1, 8)))
    assert found[3].times[:2] == ("2020-01-01 00:00:00", "2020-01-01 01:00:00")
    assert len(load(path, "y", series="name").members) == 7


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells of a process's memory")
def test_the_memory_of_a_process_is_seen_until_it_ends(larger: Any) -> None:
    seen = larger.memory_of(os.getpid())
    assert seen["VmHWM"] >= seen["VmRSS"] > seen["RssAnon"] > 1e6
    assert larger.memory_of(2**22 + 1) == {}
