import json
import sys
from pathlib import Path

import pytest
import torch

from tests.cli.conftest import run
from throughtime.data import load as load_series
from throughtime.data import read_series
from throughtime.estimators import SeriesModel, Settings, load, save


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    lines = [f"{t},{5 + t % 7},{t % 3}" for t in range(60)]
    (folder / "tide.csv").write_text("\n".join(["day,level,wind", *lines]))
    tide = load_series(str(folder / "tide.csv"), "level")
    (folder / "run").mkdir()
    forecaster = SeriesModel.for_dataset(tide, Settings(hidden=3))
    save(forecaster, tide, folder / "run", "0.0.0")
    return folder / "run"


def test_a_graph_forecasts_what_predict_does(saved: Path, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    out = tmp_path / "tide.onnx"
    result = run("export", saved, "--out", out, "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["file"] == str(out)
    assert told["inputs"] == {"input": ["time", "batch", 2], "state_h": [1, "batch", 3]}
    series = read_series(saved.parent / "tide.csv", "level")
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    zeros = torch.zeros(1, 1, 3).numpy()
    given = {"input": series.values[:, None].numpy(), "state_h": zeros}
    found = torch.from_numpy(session.run(["output"], given)[0][:, 0, 0])
    forecasts, following = load(saved)[0].predict(series)
    torch.testing.assert_close(found[:-1], forecasts[1:], rtol=1e-5, atol=1e-5)
    assert float(found[-1]) == pytest.approx(following, abs=1e-5)


def test_files_are_named_after_the_series(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed")
    monkeypatch.chdir(tmp_path)
    for options in ([], ["--streaming"], ["--c"], ["--c"]):  # a file is written over
        result = run("export", saved, *options)
        assert result.exit_code == 0, result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {
        "tide.onnx", "tide-streaming.onnx", "tide.h",
    }  # fmt: skip
    assert "tide_step(state, input, output)" in result.stdout
    assert "input[1]   wind" in (tmp_path / "tide.h").read_text()
    assert run("export", saved, "--c", "--name", "sea").exit_code == 0
    assert "sea_step(" in (tmp_path / "tide.h").read_text()


def test_users_errors(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (saved / "config.json").read_bytes()
    monkeypatch.setitem(sys.modules, "onnx", None)
    for arguments, expected in (
        (["nowhere"], "is no run folder"),
        ([saved], 'pip install "throughtime[export]"'),
        ([saved, "--c", "--streaming"], "leave out --streaming"),
        ([saved, "--c", "--lengths"], "leave out --lengths"),
        ([saved, "--name", "sea"], "give --c too"),
        ([saved, "--c", "--name", "rough sea"], "C takes letters"),
        ([saved, "--c", "--out", tmp_path], "cannot be written"),
        ([saved, "--c", "--out", saved / "config.json"], "is a file of the run"),
    ):
        result = run(
            "export", *arguments, *(() if "--out" in arguments else ("--out", tmp_path / "x"))
        )
        assert result.exit_code == 2
        assert expected in " ".join(result.stderr.split())
        assert result.stdout == ""
    assert not (tmp_path / "x").exists()
    assert (saved / "config.json").read_bytes() == before
