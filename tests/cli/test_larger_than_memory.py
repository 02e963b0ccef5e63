"""A training on a table that is read some rows at a time: every file of the run is the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import QUICK, run
from tests.cli.test_many_series import ASKED, shops
from tests.data.stored.conftest import every_table_is_large


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two runs, "whole" and "parts"."""
    folder = tmp_path_factory.mktemp("large")
    shops().write_parquet(folder / "shops.parquet")
    train = ["train", folder / "shops.parquet", *ASKED, *QUICK, "--windows-per-epoch", "12"]
    for name in ("whole", "parts"):
        if name == "whole":
            result = run(*train, "--out", folder / name)
        else:
            with every_table_is_large():
                result = run(*train, "--out", folder / name)
        assert result.exit_code == 0, result.stderr
        assert "3 series of 195 rows together" in result.stderr
    return folder


@pytest.mark.parametrize(
    "file", ["config.json", "model.safetensors", "predictions.csv", "walk.json"]
)
def test_the_files_are_the_same_bytes(file: str, runs: Path) -> None:
    assert (runs / "whole" / file).read_bytes() == (runs / "parts" / file).read_bytes()


def test_so_are_scores_and_the_setting_is_recorded(runs: Path) -> None:
    found = [json.loads((runs / name / "metrics.json").read_text()) for name in ("whole", "parts")]
    for metrics in found:
        metrics["training"].pop("seconds")
    assert found[0] == found[1]
    flows = [json.loads((runs / name / "flow.json").read_text()) for name in ("whole", "parts")]
    for flow in flows:
        flow.pop("over_training")  # which depends on the clock
    assert flows[0] == flows[1]
    assert found[0]["training"]["updates"] == 3
    config = json.loads((runs / "parts" / "config.json").read_text())
    assert config["training"]["windows_per_epoch"] == 12
    assert (runs / "parts" / "report.html").is_file()


def test_predict_evaluate_and_resume_take_it_too(runs: Path, tmp_path: Path) -> None:
    table = runs / "shops.parquet"
    said = []
    for name in ("whole", "parts"):
        out = tmp_path / f"{name}.csv"
        commands = [
            ["predict", runs / name, table, "--out", out, "--json"],
            ["evaluate", runs / name, table, "--json"],
            ["resume", runs / name, "--epochs", "5", "--json"],
        ]
        if name == "whole":
            results = [run(*command) for command in commands]
        else:
            with every_table_is_large():
                results = [run(*command) for command in commands]
        assert all(result.exit_code == 0 for result in results), [r.stderr for r in results]
        said.append([re.sub(r'whole|parts|"seconds": [\d.]+', "", r.stdout) for r in results])
    assert said[0] == said[1]
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "parts.csv").read_bytes()
    weights = [(runs / name / "model.safetensors").read_bytes() for name in ("whole", "parts")]
    assert weights[0] == weights[1]


def test_windows_per_epoch_means_nothing_for_a_text(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("to be or not to be " * 100)
    result = run("train", tmp_path / "book.txt", "--windows-per-epoch", "3")
    assert result.exit_code == 2
    assert "--windows-per-epoch means nothing for a text" in result.stderr


def test_faults_of_a_large_table_end_with_status_2_and_write_nothing(tmp_path: Path) -> None:
    frame = shops()
    frame[5, "sold"] = None
    frame.write_parquet(tmp_path / "shops.parquet")
    with every_table_is_large():
        result = run("train", tmp_path / "shops.parquet", *ASKED, *QUICK, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert "row 6: column 'sold': empty cell" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["shops.parquet"]


def test_no_room_on_disk_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shops().write_parquet(tmp_path / "shops.parquet")
    monkeypatch.setenv("THROUGHTIME_SCRATCH", str(tmp_path / "nowhere"))
    with every_table_is_large():
        result = run("train", tmp_path / "shops.parquet", *ASKED, *QUICK, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert "No such file or directory" in result.stderr
    assert "name a folder on a larger disk in the environment" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["shops.parquet"]
