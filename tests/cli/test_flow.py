import json
from pathlib import Path

import pytest

from tests.cli.conftest import QUICK, run
from throughtime.data import sunspots
from throughtime.estimators import load
from throughtime.estimators.series_flow import flow_of


def test_a_network_at_its_start() -> None:
    result = run("flow", "sunspots", "--cell", "elman", "--hidden", "4")
    assert result.exit_code == 0
    for said in ("elman of 4 units", "layer 0", "falls to 1 % after", "discards"):
        assert said in result.stdout


def test_a_run_is_measured_on_what_it_was_trained_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run("train", "sunspots", *QUICK, "--out", out)
    found = json.loads(run("flow", out, "--json").stdout)
    forecaster, _ = load(out)
    assert found == json.loads(json.dumps(flow_of(forecaster, sunspots()).as_dict()))
    recorded = json.loads((out / "flow.json").read_text())
    assert found["layers"][0]["median"] == recorded["layers"][0]["median"]
    assert recorded["over_training"][0]["update"] == 1


def test_a_run_on_a_file_of_ones_own(tide_csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run("train", tide_csv, "--target", "level", *QUICK, "--out", out)
    again = run("flow", out, "--json")  # on what it was trained on
    assert again.exit_code == 0, again.stderr
    figures = tmp_path / "figures.json"
    result = run("flow", out, "--data", tide_csv, "--fraction", "0.5", "--out", figures)
    assert result.exit_code == 0
    assert "falls to 50 % after" in result.stdout
    assert json.loads(figures.read_text())["fraction"] == 0.5
    moved = tide_csv.rename(tmp_path / "moved.csv")
    refused = run("flow", out)
    assert refused.exit_code == 2
    assert "tide.csv: no such file" in refused.stderr
    assert run("flow", out, "--data", moved).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.csv"], "nowhere.csv"),
        (["sunspots", "--cell", "gruu"], "unknown cell 'gruu'"),
        (["sunspots", "--hidden", "0"], "hidden must be"),
        (["sunspots", "--fraction", "1"], "between 0 and 1"),
        (["sunspots", "--hidden", "2", "--out", "/nowhere/at/all.json"], "cannot be written"),
    ],
)
def test_what_cannot_be_measured_is_said(arguments: list[str], said: str) -> None:
    result = run("flow", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_empty_folder_is_no_run(tmp_path: Path) -> None:
    result = run("flow", tmp_path)
    assert result.exit_code == 2
    assert "is no run folder" in result.stderr
