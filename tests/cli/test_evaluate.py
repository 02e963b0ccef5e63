"""`throughtime evaluate` of forecasters: the errors that `predict`'s forecasts have."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import QUICK, run


@pytest.fixture
def trained(tide_csv: Path, tmp_path: Path) -> Path:
    out = tmp_path / "run"
    given = ["--target", "level", "--window", "20", *QUICK]
    assert run("train", tide_csv, *given, "--out", out).exit_code == 0
    return out


def forecasts(trained: Path, file: Path, tmp_path: Path) -> list[tuple[float, float]]:
    """Observations and forecasts of a file, its last row's successor left out."""
    place = tmp_path / "predictions.csv"
    assert run("predict", trained, file, "--out", place).exit_code == 0
    with place.open(newline="") as opened:
        rows = [row for row in csv.DictReader(opened) if row["observed"]]
    return [(float(row["observed"]), float(row["predicted"] or "nan")) for row in rows]


@pytest.mark.parametrize("last", [None, 15])
def test_scores_are_those_of_the_forecasts(
    last: int | None, trained: Path, tide_csv: Path, tmp_path: Path
) -> None:
    options = [] if last is None else ["--last", str(last)]
    result = run("evaluate", trained, tide_csv, *options, "--json")
    assert result.exit_code == 0, result.stderr
    scores: dict[str, Any] = json.loads(result.stdout)["scores"]
    pairs = forecasts(trained, tide_csv, tmp_path)
    start = 1 if last is None else len(pairs) - last
    errors = [observed - predicted for observed, predicted in pairs[start:]]
    assert scores["model"]["count"] == len(errors)
    assert scores["model"]["mae"] == pytest.approx(sum(map(abs, errors)) / len(errors))
    assert scores["model"]["mse"] == pytest.approx(sum(e * e for e in errors) / len(errors))
    naive = [pairs[t][0] - pairs[t - 1][0] for t in range(start, len(pairs))]
    assert scores["persistence"]["mse"] == pytest.approx(sum(e * e for e in naive) / len(naive))
    shown = run("evaluate", trained, tide_csv, *options).stdout
    assert f"{len(errors)} rows of level" in shown
    assert f"{scores['model']['mae']:.4g}" in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--encoding", "utf-8"], "--encoding means nothing for series"),
        (["--time", "when"], "no column 'when'"),
        (["--last", "100000"], "--last 100000 is more rows than can be scored: the series has "),
    ],
)
def test_what_does_not_fit(options: list[str], said: str, trained: Path, tide_csv: Path) -> None:
    result = run("evaluate", trained, tide_csv, *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "forecasts 'level'" in run("evaluate", trained, "sunspots").stderr


def test_a_built_in_series(tmp_path: Path) -> None:
    out = tmp_path / "sun"
    assert run("train", "sunspots", *QUICK, "--out", out).exit_code == 0
    assert "308 rows of sunspots" in run("evaluate", out, "sunspots").stdout
    assert "--time means nothing" in run("evaluate", out, "sunspots", "--time", "year").stderr
