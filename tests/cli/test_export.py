"""Run folders of every kind as files, on the command line: about five seconds."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.cli.conftest import run
from tests.estimators import older
from tests.export.compiled import Header, answers, needs_compiler
from throughtime.data import load as load_series
from throughtime.data import read_series
from throughtime.estimators import (
    LanguageModel,
    SequenceClassifier,
    SequenceRegressor,
    SeriesModel,
    Settings,
    load,
    save,
)

RUNS = Path(older.__file__).parent / "format-1"
"""Run folders of `throughtime train`, one of each kind."""


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


def exported(name: str, out: Path, *options: str) -> dict[str, Any]:
    if "--c" not in options:
        pytest.importorskip("onnx", reason="onnx is not installed")
    result = run("export", RUNS / name, *options, "--out", out, "--json")
    assert result.exit_code == 0, result.stderr
    told: dict[str, Any] = json.loads(result.stdout)
    assert (told["file"], told["bytes"]) == (str(out), out.stat().st_size)
    return told


def asked(name: str) -> Any:
    """Give what `answers.json` of a run asks."""
    return json.loads((RUNS / name / "answers.json").read_text("utf-8"))["asked"]


class TestGraphs:
    """What onnxruntime makes of the files, beside what the loaded model answers."""

    def session(self, path: Path) -> Any:
        onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
        return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def notes(self, path: Path) -> dict[str, str]:
        return dict(self.session(path).get_modelmeta().custom_metadata_map)

    def test_a_language_model(self, tmp_path: Path) -> None:
        told = exported("text_of_characters", tmp_path / "book.onnx")
        assert told["of"] == "language model"
        assert told["inputs"] == {"input": ["time", "batch"], "state_h": [1, "batch", 2]}
        assert told["outputs"]["output"] == ["time", "batch", 18]
        notes = self.notes(tmp_path / "book.onnx")
        symbols = json.loads(notes["symbols"])
        text = asked("text_of_characters")
        numbers = np.array([[symbols.index(c) if c in symbols else 0] for c in text], np.int64)
        given = {"input": numbers, "state_h": np.zeros((1, 1, 2), np.float32)}
        found = self.session(tmp_path / "book.onnx").run(["output"], given)[0][:, 0]
        bits = -found[np.arange(len(text) - 1), numbers[1:, 0]].astype(np.float64) / np.log(2)
        model = LanguageModel.load(RUNS / "text_of_characters")
        price = model.vocabulary_.unknown_bits * int((numbers[1:] == 0).sum())
        assert bits.sum() + price == pytest.approx(model.evaluate(text).bits, rel=1e-5)

    @pytest.mark.parametrize("name", ["recordings", "recordings_forward"])
    def test_a_classifier_of_recordings(self, name: str, tmp_path: Path) -> None:
        told = exported(name, tmp_path / "tones.onnx", "--lengths")
        assert told["of"] == "classifier"
        assert told["inputs"] == {"input": ["time", "batch", 40], "sequence_lens": ["batch"]}
        assert told["outputs"] == {"output": ["batch", 3]}
        long, short = (np.array(rows) for rows in asked(name))
        x = np.full((len(long), 2, 40), np.nan)
        x[:, 0], x[: len(short), 1] = long, short
        lengths = np.array([len(long), len(short)], np.int32)
        given = {"input": x, "sequence_lens": lengths}
        found = self.session(tmp_path / "tones.onnx").run(None, given)[0]
        expected = SequenceClassifier.load(RUNS / name).predict_proba([long, short])
        np.testing.assert_allclose(found, expected, atol=1e-5)
        notes = self.notes(tmp_path / "tones.onnx")
        assert json.loads(notes["classes"]) == ["high", "low", "mid"]
        features = json.loads(notes["features"])
        assert (features["rate"], features["bands"], features["hop"]) == (8000, 40, 80)

    def test_a_regressor_of_a_pair(self, tmp_path: Path) -> None:
        told = exported("pair", tmp_path / "amplifier.onnx", "--streaming")
        assert told["of"] == "regressor"
        assert told["inputs"]["input"] == ["batch", 1]
        assert self.notes(tmp_path / "amplifier.onnx")["rate"] == "8000"
        x = np.array(asked("pair")[0])
        session = self.session(tmp_path / "amplifier.onnx")
        state = {"state_h": np.zeros((1, 1, 2), np.float32)}
        state["state_c"] = state["state_h"]
        found = []
        for sample in x:
            y, *after = session.run(None, {"input": sample[None], **state})
            state = dict(zip(state, after, strict=True))
            found.append(y[0, 0])
        expected = SequenceRegressor.load(RUNS / "pair").predict([x])[0]
        np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_one_of_several_series(self, tmp_path: Path) -> None:
        told = exported("several_series", tmp_path / "dover.onnx", "--series", "Dover")
        assert told["of"] == "forecaster"
        assert told["inputs"]["input"] == ["time", "batch", 2]


@needs_compiler
def test_headers_of_each_kind(tmp_path: Path) -> None:
    headers, expected = [], []
    told = exported("text_of_characters", tmp_path / "book.h", "--c")
    assert told["functions"] == [
        "book_start(state)", "book_step(state, symbol, output)", "book_number(code)",
    ]  # fmt: skip
    for name, stem in (("pair", "wet"), ("recordings_forward", "tones")):
        assert exported(name, tmp_path / f"{stem}.h", "--c")["name"] == stem
        sequences = [np.array(rows) for rows in asked(name)]
        text = (tmp_path / f"{stem}.h").read_text("utf-8")
        made = ("float64", "float32")[stem == "tones"]
        headers.append(Header(stem, text, sequences, 1 + 2 * (stem == "tones"), made))
    expected.append(SequenceRegressor.load(RUNS / "pair").predict(headers[0].sequences))
    classifier = SequenceClassifier.load(RUNS / "recordings_forward")
    expected.append(classifier.predict_proba(headers[1].sequences))
    assert "rate: 8000" in headers[0].text
    assert 'features: {"name": "log-mel", "rate": 8000' in headers[1].text
    amplified, told_apart = answers(headers, tmp_path / "program")
    for found, wanted in zip(amplified, expected[0], strict=True):
        np.testing.assert_allclose(found[:, 0], wanted, atol=1e-5)
    found = np.stack([probabilities[-1] for probabilities in told_apart])
    np.testing.assert_allclose(found, expected[1], atol=1e-5)


def test_files_are_named_after_what_was_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("pair", "text_of_bytes", "recordings_forward", "series"):
        result = run("export", RUNS / name, "--c")
        assert result.exit_code == 0, result.stderr
    assert "tides_step(state, input, output)" in result.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"wet.h", "book.h", "tones.h", "tides.h"}
    # A model that an estimator saved by itself has no name, and says nothing of recordings.
    shutil.copytree(RUNS / "recordings_forward", tmp_path / "saved")
    path = tmp_path / "saved" / "config.json"
    config = json.loads(path.read_text())
    SequenceClassifier.load(tmp_path / "saved").save(tmp_path / "again")
    assert "name" in config
    assert run("export", tmp_path / "again", "--c").exit_code == 0
    assert "features" not in (tmp_path / "network.h").read_text()


def test_forms_that_cannot_be_are_refused(tmp_path: Path) -> None:
    for name, options, expected in (
        ("recordings", ["--streaming"], "a streaming graph goes forward in time"),
        ("recordings", ["--c"], "a C header goes forward in time"),
        ("regressor", ["--c"], "export it as ONNX for whole sequences, or train one"),
        ("text_of_bytes", ["--streaming", "--lengths"], "one step has no lengths"),
        ("text_of_bytes", ["--series", "Dover"], "has learned no series; leave --series out"),
        ("pair", ["--series", "Dover"], "has learned no series; leave --series out"),
        ("series", ["--series", "Dover"], "has learned one series; leave --series out"),
        ("several_series", ["--c"], "name the one to export (series): Calais, Dover"),
    ):
        result = run("export", RUNS / name, *options, "--out", tmp_path / "x")
        assert result.exit_code == 2
        assert expected in " ".join(result.stderr.split())
        assert "Traceback" not in result.stderr
        assert result.stdout == ""
    assert not (tmp_path / "x").exists()


def test_a_run_that_says_what_cannot_be_is_refused(tmp_path: Path) -> None:
    for name, key, value, expected in (
        ("recordings_forward", "features", {"rate": -1}, "is of no recordings"),
        ("pair", "rate", "fast", "does not say at what rate"),
        ("pair", "estimator", "Oracle", "an estimator 'Oracle'"),
    ):
        folder = tmp_path / f"{name}-{key}"
        shutil.copytree(RUNS / name, folder)
        config = json.loads((folder / "config.json").read_text())
        config[key] = value
        del config["sealed"]
        (folder / "config.json").write_text(json.dumps(config))
        unsealed(folder)
        result = run("export", folder, "--c", "--out", tmp_path / "x")
        assert result.exit_code == 2
        assert expected in " ".join(result.stderr.split())


def unsealed(folder: Path) -> None:
    """Leave the weights without the digest that would tell of any change at once."""
    from safetensors.torch import load_file, save_file

    save_file(load_file(folder / "model.safetensors"), folder / "model.safetensors")
