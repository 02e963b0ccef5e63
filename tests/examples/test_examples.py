import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_own_cell(capsys: pytest.CaptureFixture[str]) -> None:
    assert load("own_cell").main() < 0.2
    assert "d.tau = " in capsys.readouterr().out


def test_forecast(capsys: pytest.CaptureFixture[str]) -> None:
    scores = load("forecast").main(epochs=60)
    assert scores["model"] < 0.8 * scores["seasonal-naive"]
    assert "2030-01-01" in capsys.readouterr().out


def test_own_training_loop(capsys: pytest.CaptureFixture[str]) -> None:
    assert load("own_training_loop").main(epochs=1) < 0.4
    assert "epoch 1: 250 updates" in capsys.readouterr().out


def test_drop_in(capsys: pytest.CaptureFixture[str]) -> None:
    before, after = load("drop_in").main(updates=5)
    assert after == pytest.approx(before, rel=1e-4)
    assert "the same from the same file" in capsys.readouterr().out


def test_gradient_reach() -> None:
    horizons = load("gradient_reach").main()
    assert horizons["elman"] is not None
    assert horizons["elman"] < 15
    assert horizons["elman_relu"] is None or horizons["elman_relu"] > 50


def test_gradient_flow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = load("gradient_flow").main(tmp_path)
    assert before is not None
    assert after is None or after > 3 * before
    assert "start with tt.nn.init.forget_bias_" in capsys.readouterr().out
    assert len(list(tmp_path.glob("*.png"))) == 8


def test_itemised_gradient(capsys: pytest.CaptureFixture[str]) -> None:
    assert load("itemised_gradient").main() < 1e-14
    assert "% of the gradient" in capsys.readouterr().out


def test_characters(capsys: pytest.CaptureFixture[str]) -> None:
    assert load("characters").main(characters=8000, hidden=16, epochs=3) < 5.5
    assert "bits a character of the 800 that follow" in capsys.readouterr().out


def test_streaming(capsys: pytest.CaptureFixture[str]) -> None:
    assert load("streaming").main() < 1e-5
    assert "microseconds" in capsys.readouterr().out


def test_deployed(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    assert max(load("deployed").main(tmp_path).values()) < 1e-5


def test_cliff(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load("cliff").main(tmp_path, points=9)
    assert (tmp_path / "cliff.png").is_file()
    assert "clipped at 0.1: longest step 0.05" in capsys.readouterr().out


def test_classify_tones(capsys: pytest.CaptureFixture[str]) -> None:
    assert load("classify_tones").main() > 0.8  # a third, by chance
    assert "told right" in capsys.readouterr().out


def test_amplifier(capsys: pytest.CaptureFixture[str]) -> None:
    ratio, factor = load("amplifier").main(seconds=1.0, epochs=8, hidden=6)
    assert ratio < 0.5  # silence would have 1
    assert factor > 0
    assert "error-to-signal ratio on other strings" in capsys.readouterr().out


def test_every_example_is_run_by_a_test() -> None:
    written = {path.stem for path in FOLDER.glob("*.py")}
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert written <= tested
