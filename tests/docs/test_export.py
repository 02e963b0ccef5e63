"""The two programs of the page on exports do what the page says: a second."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import throughtime as tt
from throughtime.data import load
from throughtime.estimators import SeriesModel, Settings
from throughtime.export.onnx_model.operators import OPERATORS

PAGE = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
NUMBERS = [5.0, 11.0, 16.0, 23.0, 36.0, 58.0]


def snippet(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


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
    (tmp_path / "main.c").write_text(snippet("c"))
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
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    monkeypatch.chdir(tmp_path)
    Path("sunspots.onnx").write_bytes(tt.export.to_onnx(forecaster).SerializeToString())
    exec(snippet("python"), {})
    assert float(capsys.readouterr().out) == pytest.approx(expected[-1], abs=1e-3)


def test_the_cells_with_an_operator_are_named() -> None:
    (_, rows) = PAGE.split("| cell | over a sequence |")
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", rows, re.MULTILINE)[:3]))
    assert named == [*OPERATORS]
