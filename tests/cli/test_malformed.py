"""Every malformed table of tests/data on the command line; about two seconds."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.cli.conftest import run
from tests.data.test_columnar import FAULTY
from tests.data.test_grouping import MALFORMED as MALFORMED_SERIES
from tests.data.test_malformed import MALFORMED

CASES: dict[str, tuple[str, Any, dict[str, str], list[str]]] = {
    **{f"csv: {name}": ("given.csv", *case) for name, case in MALFORMED.items()},
    **{f"parquet: {name}": ("given.parquet", *case) for name, case in FAULTY.items()},
    **{
        f"series: {name}": ("given.csv", content, {"series": "shop"} | asked, expected)
        for name, (content, asked, expected) in MALFORMED_SERIES.items()
    },
}


def write(path: Path, content: str | bytes | pl.DataFrame) -> None:
    if isinstance(content, pl.DataFrame):
        content.write_parquet(path)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize("case", CASES)
def test_one_message_status_2_and_nothing_written(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name, content, asked, expected = CASES[case]
    write(Path(name), content)
    options = [part for role, column in asked.items() for part in (f"--{role}", column)]
    result = run("train", name, *options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    for part in [name, *expected, "To mend: "]:
        assert part in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]
