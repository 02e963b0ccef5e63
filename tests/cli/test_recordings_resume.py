"""Recordings are gone on with after what can stop their training; about one second and a half."""

import csv
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import run
from tests.data.audio.tones import write_tone, write_tones
from throughtime.estimators import SequenceClassifier
from throughtime.estimators.run_checkpoints import RunCheckpoints
from throughtime.train import Row
from throughtime.train.progress import Progress

# Dropout and every augmentation draw at random; the gradient method too.
GIVEN = [
    "--hidden", "4", "--epochs", "4", "--method", "random:6", "--no-bidirectional", "--group",
    "_([0-9]+)", "--patience", "3", "--validation-share", "0.3", "--json",
]  # fmt: skip


def ended(folder: Path) -> tuple[bytes, list[dict[str, str]], str, set[str]]:
    with (folder / "history.csv").open(newline="") as file:
        own = ("seconds", "resumed")  # of a training that was stopped
        rows = [{k: v for k, v in row.items() if k not in own} for row in csv.DictReader(file)]
    names = {path.name for path in folder.iterdir()}
    config = (folder / "config.json").read_text()
    return (folder / "model.safetensors").read_bytes(), rows, config, names


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nothing stopped, and beside it what a kill in its second epoch leaves."""
    folder = tmp_path_factory.mktemp("resume")
    write_tones(folder / "tones", each=18)  # two batches an epoch
    saved = RunCheckpoints.save

    def copy(self: RunCheckpoints, checkpoint: Any) -> None:
        saved(self, checkpoint)
        if (checkpoint.epoch, checkpoint.place["given"], checkpoint.complete) == (2, 1, False):
            shutil.copytree(self.folder.path, folder / "killed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunCheckpoints, "save", copy)
        given = [*GIVEN, "--checkpoint-every", "0"]
        result = run("train", folder / "tones", *given, "--out", folder / "whole")
    assert result.exit_code == 0, result.stderr
    return folder


def test_a_kill_and_then_the_same_end(whole: Path) -> None:
    killed = whole / "killed"
    assert not (killed / "metrics.json").exists()
    result = run("resume", killed)
    assert result.exit_code == 0, result.stderr
    assert "recordings are told right" in result.stdout
    assert ended(killed) == ended(whole / "whole")


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.thorough)]
)
def test_a_signal_and_then_the_same_end(
    number: int, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(self: Progress, row: Row, steps: int) -> None:
        if row.epoch == 2:
            os.kill(os.getpid(), number)

    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Progress, "after_update", send)
        result = run("train", whole / "tones", *GIVEN, "--out", out)
    assert result.exit_code == 128 + number, result.stderr
    assert f"go on with: throughtime resume {out}" in result.stderr
    SequenceClassifier.load(out)
    assert (out / "metrics.json").exists() == (number == signal.SIGINT)
    result = run("resume", out, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["training"]["stopped"] == "finished"
    assert ended(out) == ended(whole / "whole")


def test_what_cannot_be_gone_on_with_is_refused(whole: Path, tmp_path: Path) -> None:
    out, other = tmp_path / "run", tmp_path / "tones"
    shutil.copytree(whole / "whole", out)
    assert f"{out} is finished after 4 epochs" in run("resume", out).stderr
    shutil.copytree(whole / "tones", other)
    assert f"{out} is finished" in run("resume", out, "--data", other).stderr
    write_tone(other / "low_3.wav", 310)
    changed = run("resume", out, "--data", other)
    assert changed.exit_code == 2
    assert f"is not what {out} was trained on: a file has been changed" in changed.stderr
    config = json.loads((out / "config.json").read_text())
    for name, value in (("seed", "1"), ("test", 2.0), ("group", 7)):
        (out / "config.json").write_text(
            json.dumps(config | {"data": config["data"] | {name: value}})
        )
        damaged = run("resume", out)
        assert damaged.exit_code == 2
        assert "how its recordings were parted is malformed" in damaged.stderr
