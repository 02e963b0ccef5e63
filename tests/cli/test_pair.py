"""One recording learned from another on the command line; about two seconds."""

import csv
import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.cli.conftest import run
from throughtime.estimators import SequenceRegressor
from throughtime.report import write_report
from throughtime.report.numerals import percent
from throughtime.train import Row
from throughtime.train.progress import Progress

RATE = 8000
UNLIKE = {"seconds": "", "resumed": ""}
"""What in a history differs between a training that was stopped and one that was not."""
QUICK = [
    "--epochs", "8", "--hidden", "4", "--window", "200", "--warm-up", "20", "--rows", "4",
    "--method", "tbptt:64", "--learning-rate", "0.03", "--json",
]  # fmt: skip


def written(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pair")
    dry = np.random.default_rng(0).normal(0, 0.2, 3000)
    written(folder / "dry.wav", dry)
    written(folder / "wet.wav", np.tanh(3 * np.convolve(dry, [0.3, 0.7])[:3000]))
    return folder


def train(pair: Path, out: Path, *more: str) -> list[str | Path]:
    return ["train", pair / "dry.wav", "--target", pair / "wet.wav", *QUICK, *more, "--out", out]


@pytest.fixture(scope="module")
def trained(pair: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "run"
    result = run(*train(pair, place))
    assert result.exit_code == 0, result.stderr
    return place


def test_train_leaves_a_run_folder(trained: Path, pair: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == [
        "checkpoint.safetensors", "config.json", "flow.json", "history.csv", "metrics.json",
        "model.safetensors", "played.json", "predictions.wav", "report.html", "walk.json",
    ]  # fmt: skip
    metrics = json.loads((trained / "metrics.json").read_text())
    scores = {name: score["held-out samples"] for name, score in metrics["scores"].items()}
    model, level = scores["model"], scores["input at its best level"]
    assert model["error_to_signal"] < level["error_to_signal"] / 2
    assert model["count"] == 600
    played, rate = soundfile.read(trained / "predictions.wav")
    wet, _ = soundfile.read(pair / "wet.wav")
    assert rate == RATE
    ratio = np.sum((wet[2400:] - played) ** 2) / np.sum(wet[2400:] ** 2)
    assert ratio == pytest.approx(model["error_to_signal"], rel=1e-4)
    listed = json.loads(run("runs", trained.parent, "--json").stdout)
    assert listed[0]["measure"] == "error to signal held-out samples"


def test_the_report_has_what_was_recorded(trained: Path, pair: Path) -> None:
    page = (trained / "report.html").read_text()
    metrics = json.loads((trained / "metrics.json").read_text())
    ratio = metrics["scores"]["model"]["held-out samples"]["error_to_signal"]
    assert f"error-to-signal ratio is {percent(ratio)}; the input at its best level has" in page
    for title in ("As it is played", "Which loss reaches which state", "The network unrolled"):
        assert f">{title}</h2>" in page
    wet, _ = soundfile.read(pair / "wet.wav")
    played, _ = soundfile.read(trained / "predictions.wav")
    drawn = json.loads((trained / "played.json").read_text())
    for one in drawn["excerpts"]:
        first, count = one["start"], len(one["target"])
        assert first >= 2400  # none of it was learned from
        np.testing.assert_allclose(one["target"], wet[first : first + count], atol=1e-5)
        heard = played[first - 2400 : first - 2400 + count]
        np.testing.assert_allclose(one["played"], heard, atol=1e-5)
    walk = json.loads((trained / "walk.json").read_text())
    assert walk["labels"] == [str(sample) for sample in range(2336, 2400)]
    flow = json.loads((trained / "flow.json").read_text())
    assert flow["over_training"][0]["update"] == 1
    assert metrics["gradient_horizon"]["steps_by_layer"] == [flow["layers"][0]["horizon"]]


def test_flow_of_a_run(trained: Path, pair: Path, tmp_path: Path) -> None:
    dry, wet = pair / "dry.wav", pair / "wet.wav"
    found = json.loads(run("flow", trained, "--json").stdout)
    recorded = json.loads((trained / "flow.json").read_text())
    del recorded["over_training"]
    assert found == recorded
    other = json.loads(run("flow", trained, "--data", dry, "--target", wet, "--json").stdout)
    assert other["layers"][0]["median"] != found["layers"][0]["median"]  # of the whole, it is
    fast = written(tmp_path / "fast.wav", np.ones(10), 44100)
    refused: list[tuple[list[str | Path], str]] = [
        (["--data", dry], "give both, or neither"),
        (["--target", wet], "give both, or neither"),
        (["--data", dry, "--target", fast], "10 samples; dry.wav has 3000"),
        (["--time", "t"], "--time means nothing for recordings"),
    ]
    for options, said in refused:
        result = run("flow", trained, *options)
        assert result.exit_code == 2, options
        assert said in result.stderr
    noise = np.random.default_rng(1).normal(0, 0.1, 3000)
    for name in ("dry", "wet"):
        written(tmp_path / f"{name}.wav", noise, 44100)
    unlike = run("flow", trained, "--data", tmp_path / "dry.wav", "--target", tmp_path / "wet.wav")
    assert "44100 Hz; the network was trained at 8000 Hz" in unlike.stderr
    moved = Path(shutil.copytree(trained, tmp_path / "moved"))
    config = json.loads((moved / "config.json").read_text())
    config["data"] |= {"source": "/nowhere/dry.wav", "target": "/nowhere/wet.wav"}
    (moved / "config.json").write_text(json.dumps(config))
    for command in ("flow", "resume"):
        assert run(command, moved).exit_code == 2
    assert "where there is nothing; name where they are now" in run("flow", moved).stderr


def test_a_run_of_before_is_used_and_gone_on_with(
    trained: Path, pair: Path, tmp_path: Path
) -> None:
    """A folder without what is drawn of it, as it was left before there were reports of pairs."""
    old = Path(shutil.copytree(trained, tmp_path / "old"))
    written_since = ("flow.json", "walk.json", "played.json", "report.html")
    for name in written_since:
        (old / name).unlink()
    metrics = json.loads((old / "metrics.json").read_text())
    del metrics["gradient_horizon"]
    (old / "metrics.json").write_text(json.dumps(metrics))
    dry, wet = pair / "dry.wav", pair / "wet.wav"
    assert run("predict", old, dry, "--out", tmp_path / "out.wav").exit_code == 0
    assert run("evaluate", old, dry, "--target", wet).exit_code == 0
    assert run("flow", old).exit_code == 0
    bare = write_report(old).read_text()
    assert "As it is played" not in bare
    (old / "report.html").unlink()
    result = run("resume", old)  # nothing is left to be learned, but results are to be written
    assert result.exit_code == 0, result.stderr
    assert (old / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()
    assert "everything about this run" in result.stdout
    assert "a gradient falls to 1 % of itself" in result.stdout
    assert all((old / name).is_file() for name in written_since)
    for name in ("walk.json", "played.json"):
        assert (old / name).read_bytes() == (trained / name).read_bytes(), name
    assert "As it is played" in (old / "report.html").read_text()
    assert f"{old} is finished after 8 epochs" in run("resume", old).stderr


def test_evaluate_and_predict(trained: Path, pair: Path, tmp_path: Path) -> None:
    dry, wet, out = pair / "dry.wav", pair / "wet.wav", tmp_path / "out.wav"
    scores = json.loads(run("evaluate", trained, dry, "--target", wet, "--json").stdout)["scores"]
    assert scores["model"]["count"] == 3000
    said = run("evaluate", trained, dry, "--target", wet).stdout
    assert f"ratio on 0.375 s: {scores['model']['error_to_signal']:.3%}" in said
    result = run("predict", trained, dry, "--out", out)
    assert result.exit_code == 0, result.stderr
    played, _ = soundfile.read(out)
    samples, _ = soundfile.read(dry)
    expected = SequenceRegressor.load(trained).predict([samples.astype(np.float32)])[0]
    np.testing.assert_allclose(played, expected, rtol=0, atol=1e-6)


def test_a_signal_and_then_the_same_end(
    trained: Path, pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(self: Progress, row: Row, steps: int) -> None:
        if row.epoch == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Progress, "after_update", send)
        result = run(*train(pair, out))
    assert result.exit_code == 143, result.stderr
    moved = Path(shutil.copytree(pair, tmp_path / "moved"))
    result = run("resume", out, "--data", moved / "dry.wav", "--json")
    assert result.exit_code == 0, result.stderr
    for name in ("model.safetensors", "predictions.wav", "played.json", "walk.json"):
        assert (out / name).read_bytes() == (trained / name).read_bytes(), name
    with (out / "history.csv").open() as ours, (trained / "history.csv").open() as theirs:
        for row, other in zip(csv.DictReader(ours), csv.DictReader(theirs), strict=True):
            assert {**row, **UNLIKE} == {**other, **UNLIKE}
    assert f"{out} is finished after 8 epochs" in run("resume", out).stderr
    written(moved / "wet.wav", np.random.default_rng(1).normal(0, 0.1, 3000))
    changed = run("resume", out, "--data", moved / "dry.wav")
    assert changed.exit_code == 2
    assert f"is not what {out} was trained on: a file has been changed" in changed.stderr
    config = json.loads((out / "config.json").read_text())
    for name, value in (("target", 3), ("test", 2.0)):
        (out / "config.json").write_text(
            json.dumps(config | {"data": config["data"] | {name: value}})
        )
        assert "were parted is malformed" in run("resume", out).stderr


def test_patience_waits_for_the_last_samples_that_are_learned(pair: Path, tmp_path: Path) -> None:
    result = run(*train(pair, tmp_path / "run", "--patience", "2", "--epochs", "2"))
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["training"]["best_validation_loss"] is not None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pooling", "mean"], "--pooling means nothing for a pair"),
        (["--warm-up", "-1"], "warm_up must be a whole number of at least 0"),
        (["--warm-up", "2400"], "none after the warm-up of 2400"),
        (["--test-share", "1.5"], "--test-share is 1.5"),
        (["--test-share", "0.0001"], "3000 would be left"),
        (["--cell", "gruu"], "gru"),
    ],
)
def test_what_cannot_be_asked(options: list[str], said: str, pair: Path, tmp_path: Path) -> None:
    result = run(*train(pair, tmp_path / "run", *options))
    assert result.exit_code == 2
    assert said in result.stderr
    assert not list(tmp_path.iterdir())


def test_recordings_that_do_not_fit_are_named(pair: Path, tmp_path: Path) -> None:
    dry, out = pair / "dry.wav", tmp_path / "run"
    samples, _ = soundfile.read(pair / "wet.wav")
    for wet, said in (
        (written(tmp_path / "rate.wav", samples, 44100), "44100 Hz; dry.wav has 8000 Hz"),
        (written(tmp_path / "short.wav", samples[:-1]), "2999 samples; dry.wav has 3000"),
        (written(tmp_path / "both.wav", np.stack([samples] * 2, 1)), "2 channels; one was"),
        (written(tmp_path / "silent.wav", samples * 0), "silence: all 3000 samples are 0"),
        (written(tmp_path / "ends.wav", samples * (np.arange(3000) < 2400)), "silence after 0.3 s"),
        (tmp_path / "none.wav", "none.wav: not there"),
    ):
        result = run("train", dry, "--target", wet, "--out", out)
        assert result.exit_code == 2
        assert said in result.stderr
        assert "Traceback" not in result.stderr
        assert not out.exists()
    assert "name with --target" in run("train", dry, "--task", "pair").stderr
    assert "name with --target" in run("train", dry).stderr


def test_a_run_takes_what_it_has_learned(trained: Path, pair: Path, tmp_path: Path) -> None:
    dry, wet = pair / "dry.wav", pair / "wet.wav"
    fast = written(tmp_path / "fast.wav", np.ones(10), 44100)
    before = dry.read_bytes()
    refused: list[tuple[list[str | Path], str]] = [
        (["predict", trained, fast], "44100 Hz; the network was trained at 8000 Hz"),
        (["predict", trained, dry, wet], "one recording a call; 2 files"),
        (["predict", trained, dry, "--out", dry], "is a file that is read"),
        (["predict", trained, dry, "--time", "t"], "no time column"),
        (["evaluate", trained, dry], "name with --target"),
        (["evaluate", trained, dry, "--target", fast], "10 samples; dry.wav has 3000"),
    ]
    for command, said in refused:
        result = run(*command)
        assert result.exit_code == 2, command
        assert said in result.stderr
    assert dry.read_bytes() == before
    in_python = tmp_path / "model"
    x = [np.arange(9.0)]
    SequenceRegressor(per="step", epochs=1, hidden=2).fit(x, x).save(in_python)
    assert "does not say at what rate" in run("predict", in_python, dry).stderr


def test_init_writes_what_a_pair_takes(pair: Path, tmp_path: Path) -> None:
    out = tmp_path / "pair.toml"
    assert run("init", pair / "dry.wav", "--out", out).exit_code == 0
    text = out.read_text()
    assert "1000" in text
    assert "tbptt:2048" in text
    assert "pooling" not in text
