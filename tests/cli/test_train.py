import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import QUICK, run
from throughtime.estimators import load
from throughtime.flow import NoFlowError

FILES = {
    "checkpoint.safetensors", "config.json", "flow.json", "forecast.png", "history.csv",
    "metrics.json", "model.safetensors", "predictions.csv", "report.html",
    "walk.json",
}  # fmt: skip


def test_a_built_in_series_leaves_a_whole_run_folder(tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = run("train", "sunspots", *QUICK, "--out", out)
    assert result.exit_code == 0
    assert {path.name for path in out.iterdir()} == FILES
    metrics = json.loads((out / "metrics.json").read_text())
    assert list(metrics["scores"]) == ["model", "ar9", "persistence"]
    assert metrics["scores"]["persistence"]["1921-1955"]["arv"] == pytest.approx(0.416, abs=5e-4)
    assert "model" in result.stdout
    assert f"{out}/report.html" in result.stdout
    assert "epoch 3/3  loss" in result.stderr
    assert (out / "report.html").stat().st_size < 400_000
    with (out / "history.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 3
    forecaster, config = load(out)
    assert (forecaster.settings.hidden, config["target"]) == (3, "sunspots")


def test_what_is_fitted_is_said_truly(tmp_path: Path) -> None:
    result = run("train", "sunspots", *QUICK, "--out", tmp_path / "all")
    assert "fitted on 1700 to 1920, tested on what comes after" in result.stderr
    assert "validation" not in (tmp_path / "all" / "predictions.csv").read_text()
    result = run("train", "sunspots", *QUICK, "--patience", "5", "--out", tmp_path / "part")
    assert "fitted on 1700 to 1884, validated to 1920, tested on" in result.stderr
    rows = (tmp_path / "part" / "predictions.csv").read_text().splitlines()
    assert sum(",validation," in row for row in rows) == 36


def test_shares_of_a_file(tide_csv: Path, tmp_path: Path) -> None:
    shares = ["--validation-share", "0.3", "--test-share", "0.1"]
    run("train", tide_csv, "--target", "level", *QUICK, *shares, "--out", tmp_path / "run")
    rows = (tmp_path / "run" / "predictions.csv").read_text().splitlines()
    parts = [row.split(",")[1] for row in rows]
    assert (parts.count("validation"), parts.count("test")) == (27, 9)


def test_json_is_all_that_standard_output_holds(tmp_path: Path) -> None:
    result = run("train", "sunspots", *QUICK, "--json", "--out", tmp_path / "run")
    printed = json.loads(result.stdout)
    assert printed.pop("run") == str(tmp_path / "run")
    assert printed == json.loads((tmp_path / "run" / "metrics.json").read_text())


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    weights = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        run("train", "sunspots", *QUICK, "--seed", seed, "--out", tmp_path / name)
        weights.append((tmp_path / name / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


def test_every_option_is_used(tmp_path: Path) -> None:
    options = {
        "--cell": "lstm", "--hidden": "5", "--layers": "2", "--epochs": "2",
        "--learning-rate": "0.03", "--optimizer": "rmsprop", "--clip": "0.5", "--seed": "9",
        "--device": "cpu", "--dtype": "float64", "--transform": "log1p", "--schedule": "cosine",
        "--window": "20", "--patience": "7",
    }  # fmt: skip
    arguments = [part for pair in options.items() for part in pair]
    assert run("train", "sunspots", *arguments, "--out", tmp_path / "run").exit_code == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    used = config["training"] | config["network"]
    for option, value in options.items():
        assert str(used[option.strip("-").replace("-", "_")]) == value
    run("train", "sunspots", *QUICK, "--clip", "0", "--patience", "0", "--out", tmp_path / "free")
    used = json.loads((tmp_path / "free" / "config.json").read_text())["training"]
    assert (used["clip"], used["patience"]) == (None, None)


def test_a_file_of_ones_own(tide_csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = run("train", tide_csv, "--target", "level", *QUICK, "--out", out)
    assert result.exit_code == 0, result.stderr
    config = json.loads((out / "config.json").read_text())
    assert (config["time"], config["target"], config["covariates"]) == ("day", "level", ["wind"])
    assert list(json.loads((out / "metrics.json").read_text())["scores"]["model"]) == ["test"]


def test_the_default_place_is_named_after_the_series(
    tide_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("train", tide_csv, "--target", "level", *QUICK)
    (place,) = (tmp_path / "runs").iterdir()
    assert place.name.startswith("tide-")
    assert f"runs/{place.name}/report.html" in result.stdout


CORRECT = "day,level\n" + "".join(f"{t},{t % 7}.5\n" for t in range(90))

BAD_FILES = {
    "empty": ("", "empty"),
    "header alone": ("day,level\n", "row"),
    "no numbers": ("day,level\n1,a\n2,b\n3,c\n", "level"),
    "gap": (CORRECT.replace("\n12,5.5\n", "\n12,\n"), "line 14.*'level'.*empty"),
    "text": (CORRECT.replace("\n12,5.5\n", "\n12,five\n"), "line 14.*'level'.*'five'"),
    "nan": (CORRECT.replace("\n12,5.5\n", "\n12,nan\n"), "line 14.*'level'.*'nan'"),
    "missing row": (CORRECT.replace("\n12,5.5\n", "\n"), "line 13.*'11'.*|missing"),
    "too few": ("day,level\n1,1\n2,3\n3,2\n", "too few"),
    "constant": ("day,level\n" + "".join(f"{t},4\n" for t in range(90)), "constant|same"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_one_message_and_no_run_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content, expected = BAD_FILES[name]
    (tmp_path / "bad.csv").write_text(content)
    result = run("train", "bad.csv", "--target", "level")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "bad.csv" in result.stderr
    assert "Traceback" not in result.stderr
    assert re.search(expected, result.stderr, re.DOTALL), result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere.csv"], "no such file"),
        (["sunspot"], "Did you mean 'sunspots'"),
        (["sunspots", "--cell", "gruu"], "unknown cell 'gruu'; known are elman"),
        (["sunspots", "--optimizer", "adm"], "unknown optimizer 'adm'; known are"),
        (["sunspots", "--hidden", "0"], "hidden must be"),
        (["sunspots", "--hidden", "many"], "Invalid value for '--hidden'"),
        (["sunspots", "--learning-rate", "-1"], "learning_rate must be positive"),
        (["sunspots", "--device", "gpu"], "device 'gpu' cannot be used here"),
        (["sunspots", "--dtype", "float8"], "unknown dtype 'float8'"),
        (["sunspots", "--target", "moon"], "has 'sunspots' as its target, not 'moon'"),
        (["sunspots", "--out", "file/run"], "cannot be written"),
        (["sunspots", "--out", "taken"], "is not an empty folder"),
        (["sunspots", "--epoch", "3"], "No such option"),
        (["sunspots", "--device", "meta"], "device 'meta' cannot be used here"),
        (["sunspots", "--hidden", "1000000"], "not enough memory for a network of this size"),
        (["sunspots", "--learning-rate", "1e38"], "learning_rate must be positive and at most"),
        (["sunspots", "--test-share", "0.1"], "comes with its own split"),
        ([], "Missing argument"),
    ],
)
def test_a_users_error_is_one_message_and_status_2(
    arguments: list[str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine").write_text("mine")
    result = run("train", *arguments)
    assert result.exit_code == 2
    assert expected in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken"]


def test_training_that_diverges_says_so_and_keeps_the_best(tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ["--optimizer", "sgd", "--learning-rate", "1e30", "--clip", "0", "--epochs", "20"]
    options[3] = "1e5"
    result = run("train", "sunspots", "--cell", "elman_relu", *options, "--out", out)
    assert result.exit_code == 2
    assert "training failed before there was a model worth saving" in result.stderr
    assert "lower the learning rate" in result.stderr
    assert "nothing is saved" in result.stderr  # the first step has ruined the weights
    assert list(tmp_path.iterdir()) == []


def test_training_that_diverges_later_keeps_the_best(tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = [
        "--cell", "elman_relu", "--optimizer", "sgd", "--learning-rate", "10", "--clip", "0",
        "--schedule", "one_cycle", "--epochs", "40", "--patience", "39",
    ]  # fmt: skip
    result = run("train", "sunspots", *options, "--out", out)
    assert result.exit_code == 2
    assert f"is saved in {out}" in result.stderr
    load(out)


def test_a_network_without_any_gradient_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_flow(*_: object) -> None:
        raise NoFlowError("every sampled loss has a gradient of zero")

    monkeypatch.setattr("throughtime.estimators.series_flow.flow", no_flow)
    result = run("train", "sunspots", *QUICK, "--out", tmp_path / "run")
    assert result.exit_code == 0
    assert "No gradient flows back" in result.stdout
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES - {
        "flow.json",
        "walk.json",
    }


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("loading", marks=pytest.mark.thorough),
        pytest.param("before the first epoch", marks=pytest.mark.thorough),
        "later",
        pytest.param("twice", marks=pytest.mark.thorough),
    ],
)
def test_ctrl_c_leaves_the_best_model_so_far(moment: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    program = "from throughtime.cli import main, sys; print('ready', file=sys.stderr); main()"
    command = [sys.executable, "-u", "-c", program]
    options = ["train", "sunspots", "--epochs", "100000", "--out", str(out)]
    if moment == "before the first epoch":
        options += ["--hidden", "1000", "--layers", "4"]  # an epoch takes seconds
    environment = {**os.environ, "COLUMNS": "200"}
    with subprocess.Popen(
        [*command, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stderr is not None
        awaited = {"loading": "ready", "before the first epoch": "sunspots"}.get(moment, "epoch")
        while not process.stderr.readline().startswith(awaited):
            assert process.poll() is None
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        if moment == "twice":
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
        message = process.stderr.read()
        assert process.wait(timeout=60) == 130
    assert "Traceback" not in message
    assert "throughtime: interrupted" in message
    if moment in ("loading", "before the first epoch"):
        assert list(tmp_path.iterdir()) == []
        return
    assert f"is saved in {out}" in message
    load(out)
    if moment == "later":
        assert "the best model so far (epoch" in message
        assert {path.name for path in out.iterdir()} == FILES
        assert (
            json.loads((out / "metrics.json").read_text())["training"]["stopped"] == "interrupted"
        )


def test_a_full_disk_behind_standard_output_is_reported(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from throughtime.cli import main; main()", "cells"]
    with Path("/dev/full").open("w") as full:
        finished = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert finished.returncode == 1
    assert "the output cannot be written: No space left on device" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_gradient_method_by_name(tide_csv: Path, tmp_path: Path) -> None:
    given = ["train", tide_csv, "--target", "level", *QUICK]
    whole, cut = (
        run(*given, "--method", method, "--out", tmp_path / method[0])
        for method in ("bptt", "tbptt:5")
    )
    assert whole.exit_code == cut.exit_code == 0
    assert "backpropagation through" in whole.stderr
    assert "tbptt:5 through" in cut.stderr
    histories = [(tmp_path / name / "history.csv").read_text() for name in "bt"]
    assert len(histories[0].splitlines()) < len(histories[1].splitlines())
    config = json.loads((tmp_path / "t" / "config.json").read_text())
    assert config["training"]["method"] == "tbptt:5"


def test_a_method_that_does_not_take_the_network(tide_csv: Path, tmp_path: Path) -> None:
    result = run(
        "train", tide_csv, "--target", "level", *QUICK, "--method", "rflo", "--out", tmp_path / "r"
    )
    assert result.exit_code == 2
    assert "method 'rflo' does not take this network" in result.stderr
    assert not (tmp_path / "r").exists()
