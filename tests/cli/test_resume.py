"""`throughtime resume` after all that can stop a training; about twenty seconds.

benchmarks/kills.py kills at fifty random moments.
"""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import run
from throughtime.estimators import load
from throughtime.estimators.run_checkpoints import RunCheckpoints
from throughtime.train import Row
from throughtime.train.progress import Progress

GIVEN = [
    "--target", "level", "--hidden", "3", "--window", "20", "--method", "random:8",
    "--patience", "90",
]  # fmt: skip


def stopped(monkeypatch: pytest.MonkeyPatch, at: int, number: int) -> None:
    """Send a signal when an update is done, once."""

    def send(self: Progress, row: Row, steps: int) -> None:
        if row.update == at:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Progress, "after_update", send)


def history(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def ended(folder: Path) -> tuple[bytes, list[dict[str, str]], set[str]]:
    own = ("seconds", "resumed")
    rows = [{k: v for k, v in row.items() if k not in own} for row in history(folder)]
    return (folder / "model.safetensors").read_bytes(), rows, {p.name for p in folder.iterdir()}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_and_then_the_same_end(
    number: int, tide_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "run"
    assert run("train", tide_csv, *GIVEN, "--epochs", "12", "--out", whole).exit_code == 0
    with monkeypatch.context() as patch:
        stopped(patch, 7, number)
        result = run("train", tide_csv, *GIVEN, "--epochs", "12", "--out", out)
    assert result.exit_code == 128 + number
    assert f"go on with: throughtime resume {out}" in result.stderr
    load(out)
    assert (out / "metrics.json").exists() == (number == signal.SIGINT)
    result = run("resume", out, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["training"]["stopped"] == "finished"
    assert ended(out) == ended(whole)
    assert [row["update"] for row in history(out) if row["resumed"] == "1"] == ["8"]
    looks = json.loads((out / "flow.json").read_text())["over_training"]
    # After SIGTERM no results were written, and so no looks.
    assert [look["update"] for look in looks][:2] == ([1, 8] if number == signal.SIGINT else [8])
    assert {path.name for path in tmp_path.iterdir()} == {"tide.csv", "whole", "run"}


# A process of its own and no fork of this one: polars' threads do not live on in a forked child.
KILLED = """
import os, signal, sys
from pathlib import Path

from throughtime import report
from throughtime.cli.app import app
from throughtime.train.progress import Progress

owner, name, calls = {
    "in training": (Progress, "after_update", 5),
    "in the first write": (Path, "replace", 1),
    "with results": (report, "write_report", 1),
}[sys.argv[1]]
before = getattr(owner, name)

def kill(*arguments, **more):
    global calls
    calls -= 1
    if calls == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return before(*arguments, **more)

setattr(owner, name, kill)
app(sys.argv[2:])
"""


@pytest.mark.parametrize(
    "moment",
    [
        "in training",
        pytest.param("in the first write", marks=pytest.mark.thorough),
        pytest.param("with results", marks=pytest.mark.thorough),
    ],
)
def test_a_kill_and_then_the_same_end(moment: str, tide_csv: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "run"
    arguments = ["train", str(tide_csv), *GIVEN, "--epochs", "12", "--checkpoint-every", "0"]
    assert run(*arguments, "--out", whole).exit_code == 0
    command = [sys.executable, "-c", KILLED, moment, *arguments, "--out", str(out)]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
    if moment == "in the first write":
        assert len(left) == 1
        assert not out.exists()
        assert run(*arguments, "--out", out).exit_code == 0
    else:
        assert not left
        result = run("resume", out)
        assert result.exit_code == 0, result.stderr
    assert ended(out) == ended(whole)
    assert {path.name for path in tmp_path.iterdir()} == {"tide.csv", "whole", "run"}


def test_more_epochs(tide_csv: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "run"
    for epochs, place in (("9", whole), ("4", out)):
        run("train", tide_csv, *GIVEN, "--epochs", epochs, "--out", place)
    result = run("resume", out)
    assert result.exit_code == 2
    assert f"{out} is finished after 4 epochs" in result.stderr
    assert run("resume", out, "--epochs", "9").exit_code == 0
    assert ended(out) == ended(whole)
    assert (out / "config.json").read_text() == (whole / "config.json").read_text()
    assert "9 epochs are done already, 5 were" in run("resume", out, "--epochs", "5").stderr
    run("train", tide_csv, *GIVEN, "--schedule", "cosine", "--epochs", "2", "--out", tmp_path / "c")
    result = run("resume", tmp_path / "c", "--epochs", "4")
    assert result.exit_code == 2
    assert "the schedule 'cosine' was planned for 2 epochs" in result.stderr


def test_data_that_have_changed_are_refused(tide_csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run("train", tide_csv, *GIVEN, "--epochs", "2", "--out", out)
    more = ["--epochs", "3"]
    before = tide_csv.read_text()
    tide_csv.write_text(before.replace("\n5,", "\n5,1", 1))
    result = run("resume", out, *more)
    assert result.exit_code == 2
    assert f"is not what {out} was trained on" in result.stderr
    tide_csv.unlink()
    assert "no such file" in run("resume", out, *more).stderr
    (tmp_path / "moved.csv").write_text(before)
    assert run("resume", out, *more, "--data", tmp_path / "moved.csv").exit_code == 0
    assert run("resume", out, "--epochs", "4").exit_code == 0  # from where it lies now


def test_a_run_that_is_being_trained_is_left_alone(tide_csv: Path, tmp_path: Path) -> None:
    from throughtime.train.run_folder import RunFolder

    out = tmp_path / "run"
    run("train", tide_csv, *GIVEN, "--epochs", "2", "--out", out)
    with RunFolder.reopened(out):
        result = run("resume", out, "--epochs", "3")
    assert result.exit_code == 2
    assert "another process trains in it" in result.stderr
    assert run("resume", out, "--epochs", "3").exit_code == 0


@pytest.mark.parametrize("what", ["nothing", "an empty folder", "a file"])
def test_what_is_no_run_is_refused(what: str, tmp_path: Path) -> None:
    place = tmp_path / "run"
    if what == "a file":
        place.write_text("")
    elif what == "an empty folder":
        place.mkdir()
    result = run("resume", place)
    assert result.exit_code == 2
    assert re.search(r"is no folder|is no run folder", result.stderr)
    assert "Traceback" not in result.stderr


def test_a_signal_in_a_long_batch_is_served_within_two_seconds(
    tide_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, float] = {}

    def sleep(self: Progress, row: Row, steps: int) -> None:
        if row.update == 3:
            seen["asked"] = time.perf_counter()
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(30)

    saved = RunCheckpoints.save

    def note(self: RunCheckpoints, checkpoint: Any) -> None:
        saved(self, checkpoint)
        seen["saved"], seen["rows"] = time.perf_counter(), len(checkpoint.history)

    monkeypatch.setattr(Progress, "after_update", sleep)
    monkeypatch.setattr(RunCheckpoints, "save", note)
    monkeypatch.setattr("throughtime.train.training.MEMORY", 0.0)
    result = run("train", tide_csv, *GIVEN, "--epochs", "5", "--out", tmp_path / "run")
    assert result.exit_code == 143
    assert seen["asked"] < seen["saved"] < seen["asked"] + 10  # 1 s, on a machine at rest
    assert 1 <= seen["rows"] <= 2  # what stood in memory when the batch began, or shortly before
    monkeypatch.undo()
    assert run("resume", tmp_path / "run").exit_code == 0
