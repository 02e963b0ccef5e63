"""A text is gone on with after all that can stop its training; about three seconds."""

import csv
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import run
from throughtime.estimators import LanguageModel
from throughtime.estimators.run_checkpoints import RunCheckpoints
from throughtime.train import Row
from throughtime.train.progress import Progress

TEXT = "to be or not to be; that is the question: " * 24
# Rows carry their state, dropout and the method draw at random, the last chunks are short.
GIVEN = [
    "--hidden", "4", "--window", "12", "--rows", "3", "--epochs", "3", "--method", "random:6",
    "--learning-rate", "0.03", "--json",
]  # fmt: skip
PER_EPOCH = 12
"""Updates that an epoch has."""


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
    (folder / "book.txt").write_text(TEXT)
    saved = RunCheckpoints.save

    def copy(self: RunCheckpoints, checkpoint: Any) -> None:
        saved(self, checkpoint)
        if (checkpoint.epoch, checkpoint.place["given"]) == (2, 5):
            assert set(checkpoint.place["own"]) == {"start", "stream"}  # no batch is read again
            shutil.copytree(self.folder.path, folder / "killed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunCheckpoints, "save", copy)
        given = [*GIVEN, "--checkpoint-every", "0"]
        result = run("train", folder / "book.txt", *given, "--out", folder / "whole")
    assert result.exit_code == 0, result.stderr
    assert len(ended(folder / "whole")[1]) == 3 * PER_EPOCH
    return folder


def test_a_kill_and_then_the_same_end(whole: Path) -> None:
    killed = whole / "killed"
    assert not (killed / "metrics.json").exists()
    result = run("resume", killed)
    assert result.exit_code == 0, result.stderr
    assert "bits a character" in result.stdout
    assert ended(killed) == ended(whole / "whole")


def test_two_signals_and_then_the_same_end(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = {PER_EPOCH + 5: signal.SIGINT, 2 * PER_EPOCH + 5: signal.SIGTERM}

    def send(self: Progress, row: Row, steps: int) -> None:
        if number := sent.pop(row.update, None):
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Progress, "after_update", send)
    out = tmp_path / "run"
    result = run("train", whole / "book.txt", *GIVEN, "--out", out)
    assert result.exit_code == 130, result.stderr
    assert "interrupted in epoch 2; the best model so far (epoch 1)" in result.stderr
    assert f"go on with: throughtime resume {out}" in result.stderr
    assert json.loads(result.stdout)["training"]["stopped"] == "interrupted"
    LanguageModel.load(out)
    result = run("resume", out, "--json")
    assert (result.exit_code, result.stdout) == (143, "")  # it does not wait for results
    assert "interrupted in epoch 3" in result.stderr
    result = run("resume", out, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["training"]["stopped"] == "finished"
    assert ended(out) == ended(whole / "whole")


def test_what_cannot_be_gone_on_with_is_refused(whole: Path, tmp_path: Path) -> None:
    out, book = tmp_path / "run", whole / "book.txt"
    shutil.copytree(whole / "whole", out)
    over = run("resume", out)
    assert over.exit_code == 2
    assert f"{out} is finished after 3 epochs; its schedule, cosine, was planned" in over.stderr
    planned = run("resume", out, "--epochs", "4")
    assert "the schedule 'cosine' was planned for 3 epochs" in planned.stderr
    (tmp_path / "other.txt").write_text(TEXT.replace("be;", "bee;", 1))
    changed = run("resume", out, "--data", tmp_path / "other.txt")
    assert changed.exit_code == 2
    assert f"is not what {out} was trained on: it, or its encoding, has changed" in changed.stderr
    config = json.loads((out / "config.json").read_text())
    config["data"]["source"] = "-"
    (out / "config.json").write_text(json.dumps(config))
    piped = run("resume", out)
    assert piped.exit_code == 2
    assert "trained on standard input, which cannot be read again" in piped.stderr
    assert f"{out} is finished" in run("resume", out, "--data", book).stderr
    config["training"]["learning_rate"] = 0.5
    (out / "config.json").write_text(json.dumps(config))
    assert "do not belong together" in run("resume", out).stderr
