"""Text on the command line: learned, written, scored; two seconds, and two more for a process."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.cli.conftest import run
from throughtime.cli.app import app
from throughtime.estimators import LanguageModel

TEXT = "to be or not to be; " * 60
QUICK = ["--hidden", "8", "--window", "10", "--rows", "4", "--epochs", "2"]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="module")
def learned(book: Path) -> Path:
    out = book.parent / "run"
    result = run("train", book, *QUICK, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "1,200 characters; learned from the first 1,080, scored on the rest" in result.stderr
    assert "epoch 2/2  loss" in result.stderr
    assert "held out, 119 characters:" in result.stdout
    assert f"throughtime generate {out}" in result.stdout
    return out


def test_training_leaves_a_whole_run_folder(learned: Path) -> None:
    assert {path.name for path in learned.iterdir()} == {
        "config.json", "history.csv", "metrics.json", "model.safetensors", "flow.json",
        "walk.json", "checkpoint.safetensors", "report.html",
    }  # fmt: skip
    metrics = json.loads((learned / "metrics.json").read_text())
    score = metrics["scores"]["model"]["held-out text"]
    found = LanguageModel.load(learned).bits_per_character(TEXT[1080:])
    assert score["bits_per_character"] == pytest.approx(found)
    assert metrics["scores"]["xz"]["held-out text"]["bits_per_character"] < 2
    assert metrics["training"]["epochs"] == 2


def test_it_writes_on(learned: Path) -> None:
    options = ["--prompt", "to be", "--length", "20", "--seed", "1", "--temperature", "0.5"]
    first = run("generate", learned, *options, "--top-k", "3", "--top-p", "0.9")
    assert first.exit_code == 0
    assert first.stdout.startswith("to be")
    assert len(first.stdout) == len("to be") + 20 + 1
    again = run("generate", learned, *options, "--top-k", "3", "--top-p", "0.9", "--json")
    assert json.loads(again.stdout) == {"prompt": "to be", "text": first.stdout[5:-1]}
    strange = run("generate", learned, "--prompt", "bß", "--length", "3")
    assert strange.exit_code == 0
    assert "never learned, 'ß'" in strange.stderr


def test_it_scores_a_text(learned: Path, book: Path, tmp_path: Path) -> None:
    shown = run("evaluate", learned, book)
    assert f"{book}, 1,199 characters: " in shown.stdout
    score = json.loads(run("evaluate", learned, book, "--json").stdout)
    assert f"{score['bits_per_character']:.3f} bits a character" in shown.stdout
    (tmp_path / "x.txt").write_text(TEXT + "XYZ")
    strange = run("evaluate", learned, tmp_path / "x.txt")
    assert strange.exit_code == 0
    assert "3 characters were never learned, 'XYZ'" in strange.stderr


def test_folders_standard_input_and_bytes(
    tmp_path: Path, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run("train", book.parent, *QUICK, "--vocabulary", "bytes", "--out", tmp_path / "a")
    assert result.exit_code == 0, result.stderr
    assert "1,200 bytes" in result.stderr
    monkeypatch.chdir(tmp_path)
    arguments = ["train", "-", *QUICK, "--json", "--epochs", "1", "--patience", "0"]
    piped = CliRunner().invoke(app, arguments, input=TEXT)
    assert piped.exit_code == 0, piped.stderr
    found = json.loads(piped.stdout)
    assert found["run"].startswith("runs/standard-input-")
    assert found["training"]["best_validation_loss"] is None


def test_its_gradient_flow_is_measured_and_told(learned: Path, book: Path, tmp_path: Path) -> None:
    recorded = json.loads((learned / "flow.json").read_text())
    assert recorded["over_training"][0]["layers"]
    page = (learned / "report.html").read_text()
    assert "the network&#39;s bits per character is" in page
    assert "What the loss of \N{OPEN BOX} hears most" in page
    found = json.loads(run("flow", learned, "--json").stdout)
    for name in ("lag", "median"):
        assert found["layers"][0][name] == pytest.approx(recorded["layers"][0][name], rel=1e-3)
    (tmp_path / "x.txt").write_text("not to be; " * 8)
    other = run("flow", learned, "--data", tmp_path / "x.txt")
    assert other.exit_code == 0, other.stderr
    assert "x: lstm of 8 units, 1 layer(s)" in other.stdout
    for option in ("--time", "--series"):
        assert f"{option} means nothing for a text" in run("flow", learned, option, "day").stderr


WRONG = {
    "empty": (b"", [], "is empty"),
    "undecodable": (b"fine\n\xff", [], "byte 5 (line 2), 0xff"),
    "too short": (b"to be", [], "would be held out"),
    "shorter than a window": (b"to be or not to be; ", ["--window", "50"], "a window of 50 steps"),
    "a column": (TEXT.encode(), ["--target", "x"], "--target"),
    "a share": (TEXT.encode(), ["--test-share", "1.5"], "--test-share is 1.5"),
    "both shares": (
        TEXT.encode(), ["--test-share", "0.5", "--validation-share", "0.5"], "together"
    ),
    "an absurd size": (TEXT.encode(), ["--hidden", "300000"], "not enough memory"),
    "no such tokenizer": (TEXT.encode(), ["--vocabulary", "none.json"], "none.json"),
    "no such vocabulary": (TEXT.encode(), ["--vocabulary", "words"], "unknown vocabulary"),
    "encoded bytes": (
        TEXT.encode(), ["--vocabulary", "bytes", "--encoding", "utf-8"], "bytes have no encoding"
    ),
    "a task": (TEXT.encode(), ["--task", "poetry"], "unknown task 'poetry'"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_learned_is_refused_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    content, options, message = WRONG[name]
    (tmp_path / "a.txt").write_bytes(content)
    result = run("train", tmp_path / "a.txt", *options, "--out", tmp_path / "runs" / "a")
    assert result.exit_code == 2, result.stderr
    assert message in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_what_means_nothing_for_a_series_is_refused(tide_csv: Path) -> None:
    result = run("train", tide_csv, "--rows", "3", "--pattern", "*.csv")
    assert result.exit_code == 2
    assert "--pattern, --rows mean nothing for a series" in result.stderr


def test_runs_of_the_other_kind_are_told_apart(learned: Path, book: Path, tmp_path: Path) -> None:
    series = run("predict", learned, book)
    assert series.exit_code == 2
    assert "holds a language model of a text, and" in series.stderr
    said = "`throughtime generate`, `evaluate`, `flow` and `export` take models of text"
    assert said in series.stderr
    (tmp_path / "config.json").write_text("{}")
    text = run("generate", tmp_path)
    assert text.exit_code == 2
    assert "holds a forecaster of a series, and a language model of a text" in text.stderr
    assert "`backtest`, `flow` and `export` take forecasters" in text.stderr


def test_ctrl_c_ends_the_writing_cleanly(learned: Path) -> None:
    command = [sys.executable, "-c", "from throughtime.cli import main; main()", "generate"]
    options = [str(learned), "--prompt", "to be", "--length", "100000000"]
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        assert isinstance(process.stdout, io.BufferedReader)
        written = process.stdout.read(200)  # it has begun
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    assert written.startswith(b"to be")
    assert rest.endswith(b"\n")
    assert errors == b""
    assert process.returncode == 130
