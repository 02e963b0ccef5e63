import csv
from pathlib import Path

import pytest
import torch

from throughtime.data import Dataset, sunspots
from throughtime.estimators import compare


def test_the_baselines_of_the_literature() -> None:
    data = sunspots()
    scores = compare(data, [data.series.values[:, 0] + 10.0]).scores()
    period = {name: by_period["1921-1955"] for name, by_period in scores.items()}
    assert list(period) == ["model", "ar9", "persistence"]
    arv = {name: score["arv"] for name, score in period.items() if score}
    assert arv["persistence"] == pytest.approx(0.416, abs=5e-4)
    assert arv["ar9"] == pytest.approx(0.123, abs=5e-4)
    naive = float(data.series.values[:221, 0].diff().abs().mean())  # of 1700-1920
    assert period["model"] == {
        "arv": pytest.approx(100 / 1535), "mse": pytest.approx(100.0),
        "mae": pytest.approx(10.0), "mase": pytest.approx(10.0 / naive), "count": 35,
    }  # fmt: skip


def test_without_a_forecast_there_is_no_score(tide: Dataset) -> None:
    scores = compare(tide, [torch.full((80,), torch.nan)]).scores()
    assert scores["model"] == {"test": None}
    assert scores["persistence"]["test"] is not None


def test_the_file_has_every_row_and_forecaster(tide: Dataset, tmp_path: Path) -> None:
    forecast = tide.series.values[:, 0].clone()
    forecast[0] = torch.nan
    compare(tide, [forecast]).write(tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["hour", "part", "observed", "model", "ar9", "persistence"]
    assert rows[0]["model"] == rows[0]["ar9"] == rows[0]["persistence"] == ""
    assert rows[1]["persistence"] == rows[0]["observed"]
    assert [row["hour"] for row in rows] == [str(hour) for hour in range(80)]
    assert {row["part"] for row in rows} == {"train", "validation", "test"}
