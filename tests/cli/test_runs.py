"""`throughtime runs` over folders that training has written, stopped, and damaged ones."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import QUICK, run
from throughtime.cli.runs import By, sorted_by
from throughtime.report.runs import RunSummary


@pytest.fixture
def place(tide_csv: Path, tmp_path: Path) -> Path:
    """A whole run, one that was stopped before its results, a damaged one, and what is no run."""
    place = tmp_path / "kept"
    options = ["--target", "level", "--window", "20", *QUICK]
    assert run("train", tide_csv, *options, "--out", place / "whole").exit_code == 0
    for name in ("stopped", "damaged"):
        shutil.copytree(place / "whole", place / name)
    (place / "stopped" / "metrics.json").unlink()
    (place / "damaged" / "metrics.json").write_text('{"scores":')
    (place / "notes").mkdir()
    (place / "notes.txt").write_text("mine")
    return place


def test_they_are_listed_by_what_they_recorded(place: Path) -> None:
    result = run("runs", place, "--sort", "folder", "--json")
    assert result.exit_code == 0, result.stderr
    damaged, stopped, whole = json.loads(result.stdout)
    metrics = json.loads((place / "whole" / "metrics.json").read_text())
    period, scores = next(iter(metrics["scores"]["model"].items()))
    assert whole["score"] == scores["arv"]
    assert whole["measure"] == f"arv {period}"
    assert (whole["cell"], whole["hidden"], whole["epochs"]) == ("gru", 3, 3)
    assert (whole["data"], whole["method"], whole["state"]) == ("tide", "bptt", "finished")
    assert (stopped["state"], stopped["score"], stopped["epochs"]) == ("stopped", None, 3)
    assert damaged["state"] == "damaged"
    assert "metrics.json is damaged" in damaged["fault"]
    shown = run("runs", place).stdout
    for said in ("whole", "stopped", "gru 3", f"{scores['arv']:.4g}", "damaged is damaged:"):
        assert said in shown
    assert "notes" not in shown


@pytest.mark.parametrize("wrong", ["[]", "{", "{}", '{"training": 3, "network": []}', "\xff"])
def test_nothing_in_a_run_is_trusted(wrong: str, place: Path) -> None:
    for name in ("config.json", "metrics.json", "history.csv"):
        (place / "whole" / name).write_bytes(wrong.encode("latin-1"))
    result = run("runs", place)
    assert result.exit_code == 0, result.stderr
    assert "whole" in result.stdout


def test_what_has_no_score_comes_last_and_the_most_accurate_first() -> None:
    def one(name: str, score: float | None, measure: str) -> RunSummary:
        return RunSummary(Path(name), "", "", "", 1, 1, "", 1, score, measure, "", "", 0.0)

    found = [
        one("a", 0.5, "arv t"), one("b", None, ""), one("c", 0.1, "arv t"),
        one("d", 0.9, "accuracy"), one("e", 0.95, "accuracy"),
    ]  # fmt: skip
    assert [r.folder.name for r in sorted_by(By.SCORE, found)] == ["e", "d", "c", "a", "b"]
    assert [r.folder.name for r in sorted_by(By.SCORE, found, True)] == ["a", "c", "d", "e", "b"]


def test_a_place_without_runs_is_said(place: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no run folders in" in run("runs", tmp_path / "empty").stdout
    for wrong, said in (
        (tmp_path / "none", "is no folder"),
        (place / "whole", "run folder itself"),
    ):
        result = run("runs", wrong)
        assert result.exit_code == 2
        assert said in result.stderr
