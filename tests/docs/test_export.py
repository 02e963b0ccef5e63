"""The programs of the page on exports do what the page says: about four seconds."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import throughtime as tt
from tests.cli.conftest import run
from tests.data.audio.tones import write_tones
from throughtime.data import load
from throughtime.data.audio import read_labelled
from throughtime.estimators import SeriesModel, Settings
from throughtime.export.models import describe
from throughtime.export.onnx_model.operators import OPERATORS

PAGE = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
NUMBERS = [5.0, 11.0, 16.0, 23.0, 36.0, 58.0]


def snippet(language: str, file: str) -> str:
    """Give the program of a language that takes a file."""
    programs = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (found,) = (program for program in programs if f'"{file}"' in program)
    return str(found)


def compiled(program: str, folder: Path, given: bytes = b"") -> bytes:
    """Give what a program of C prints."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    (folder / "main.c").write_text(program)
    command = ["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "main.c", "-o", "main", "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    ran = subprocess.run([folder / "main"], input=given, capture_output=True, check=True)
    return ran.stdout


def written(model: Any, path: str) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    streaming = "streaming" in path
    Path(path).write_bytes(tt.export.to_onnx(model, streaming=streaming).SerializeToString())


@pytest.fixture(scope="module")
def forecaster() -> SeriesModel:
    sunspots = load("sunspots")
    return SeriesModel.for_dataset(sunspots, Settings(**sunspots.settings))


@pytest.fixture
def expected(forecaster: SeriesModel) -> list[float]:
    series = load("sunspots").series
    first = replace(
        series,
        times=series.times[: len(NUMBERS)],
        values=torch.tensor(NUMBERS, dtype=torch.float64)[:, None],
    )
    forecasts, following = forecaster.predict(first)
    return [*forecasts[1:].tolist(), following]


def test_the_c_program(forecaster: SeriesModel, expected: list[float], tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    (tmp_path / "sunspots.h").write_text(tt.export.to_c(forecaster, "sunspots"))
    (tmp_path / "main.c").write_text(snippet("c", "sunspots.h"))
    (command,) = re.findall(r"^cc .*$", PAGE, re.MULTILINE)
    ran = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert [float(line) for line in ran.stdout.split()] == pytest.approx(expected, abs=1e-3)


def test_the_python_program(
    forecaster: SeriesModel,
    expected: list[float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    written(forecaster, "sunspots.onnx")
    exec(snippet("python", "sunspots.onnx"), {})
    assert float(capsys.readouterr().out) == pytest.approx(expected[-1], abs=1e-3)


@pytest.fixture(scope="module")
def book() -> tt.LanguageModel:
    model = tt.LanguageModel(hidden=16, window=20, batch_size=4, epochs=6, learning_rate=0.03)
    return model.fit("to be or not to be, that is the question: " * 20)


def test_a_text_is_written_on_in_python(
    book: tt.LanguageModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    written(book, "book-streaming.onnx")
    exec(snippet("python", "book-streaming.onnx"), {})
    expected = "to be" + book.generate(21, prompt="to be", temperature=0)
    assert capsys.readouterr().out == f"{expected}\n"


def test_a_text_is_written_on_in_c(book: tt.LanguageModel, tmp_path: Path) -> None:
    (tmp_path / "book.h").write_text(tt.export.to_c(book, "book"))
    expected = "to be" + book.generate(20, prompt="to be", temperature=0)
    assert compiled(snippet("c", "book.h"), tmp_path).decode() == expected


def test_a_recording_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data = read_labelled(write_tones(tmp_path / "recordings", each=4))
    trained = run("train", "recordings", "--hidden", "8", "--epochs", "20", "--out", "run")
    assert trained.exit_code == 0, trained.stderr
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    exported = run("export", "run")
    assert exported.exit_code == 0, exported.stderr
    classifier = tt.SequenceClassifier.load("run")
    capsys.readouterr()
    for file in data.files:
        waveform, _ = soundfile.read(tmp_path / "recordings" / file)
        wanted = data.features(torch.from_numpy(waveform)).numpy()
        names: dict[str, Any] = {"waveform": waveform}
        exec(snippet("python", "recordings.onnx"), names)
        np.testing.assert_allclose(names["features"], wanted, atol=1e-9)
        expected = classifier.predict_proba([wanted])
        np.testing.assert_allclose(names["probabilities"], expected, atol=1e-5)
        assert capsys.readouterr().out == f"{classifier.predict([wanted])[0]}\n"


def test_an_amplifier_plays(tmp_path: Path) -> None:
    dry = np.random.default_rng(0).normal(0, 0.2, 800).astype(np.float32)
    model = tt.SequenceRegressor(per="step", cell="lstm", hidden=4, epochs=2)
    model.fit([dry], [np.tanh(3 * dry)])
    (tmp_path / "wet.h").write_text(tt.export.to_c(model, "wet"))
    played = compiled(snippet("c", "wet.h"), tmp_path, dry.tobytes())
    found = np.frombuffer(played, np.float32)
    np.testing.assert_allclose(found, model.predict([dry])[0], atol=1e-5)


def test_all_that_is_told_with_a_file_is_on_the_page(book: tt.LanguageModel) -> None:
    (table,) = re.findall(r"^\| key \|.*?\n\n", PAGE, re.MULTILINE | re.DOTALL)
    keys = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|(.*?)\|", table, re.MULTILINE))))
    sequences, y = [np.ones((3, 1)), np.zeros((4, 1))], [0, 1]
    regressor = tt.SequenceRegressor(epochs=1, hidden=2).fit(sequences, y)
    classifier = tt.SequenceClassifier(epochs=1, hidden=2).fit(sequences, y)
    forecaster = SeriesModel.for_dataset(load("sunspots"), Settings(hidden=2))
    told = {"cell", "features", "rate", "tokenizer"}
    for model in (book, regressor, classifier, forecaster):
        told |= {*describe(model).notes}
    assert keys == told


def test_the_cells_with_an_operator_are_named() -> None:
    (_, rows) = PAGE.split("| cell | over a sequence |")
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", rows, re.MULTILINE)[:3]))
    assert named == [*OPERATORS]
