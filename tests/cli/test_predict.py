import csv
import json
from pathlib import Path

import pytest

from tests.cli.conftest import run


def test_predictions_are_those_of_training(trained: Path, tide_csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "p.csv"
    result = run("predict", trained, tide_csv, "--out", out)
    assert result.exit_code == 0, result.stderr
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (trained / "predictions.csv").open(newline="") as file:
        known = list(csv.DictReader(file))
    assert list(rows[0]) == ["day", "observed", "predicted"]
    assert [row["predicted"] for row in rows[:-1]] == [row["model"] for row in known]
    assert rows[-1]["day"] == "next"
    assert float(rows[-1]["predicted"]) == pytest.approx(5, abs=5)


def test_the_default_file_is_named_after_the_input(
    trained: Path, tide_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("predict", trained, tide_csv, "--json")
    printed = json.loads(result.stdout)
    assert printed["predictions"] == "tide-predictions.csv"
    assert printed["rows"] == 89  # the first of 90 has none before it
    assert (tmp_path / "tide-predictions.csv").exists()


def test_one_row_is_enough(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("day,level,wind\n1,4.5,0.1\n")
    result = run("predict", trained, tmp_path / "one.csv", "--out", tmp_path / "p.csv")
    assert result.exit_code == 0, result.stderr
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 3


def test_users_errors(trained: Path, tide_csv: Path, tmp_path: Path) -> None:
    (tmp_path / "calm.csv").write_text("day,level\n1,4.5\n2,5.5\n")
    for arguments, expected in (
        (["nowhere", tide_csv], "is no run folder"),
        ([trained, tmp_path / "nowhere.csv"], "no such file"),
        ([trained, tmp_path / "calm.csv"], "lacks the column(s) wind"),
        ([trained, tide_csv, "--out", tide_csv], "is a file that is read"),
        ([trained, tide_csv, "--out", tmp_path / "nowhere" / "p.csv"], "cannot be written"),
        ([trained, tide_csv, "--out", tmp_path], "cannot be written"),
    ):
        result = run("predict", *arguments)
        assert result.exit_code == 2
        assert expected in " ".join(result.stderr.split())
        assert result.stdout == ""
