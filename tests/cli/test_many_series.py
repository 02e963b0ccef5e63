"""A network of many series from file to forecast, in Parquet; about two seconds."""

from __future__ import annotations

import csv
import json
import math
import random
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.cli.conftest import QUICK, run
from throughtime.data import load
from throughtime.estimators import SeriesModel, Settings, save
from throughtime.report import read_predictions

ASKED = ["--target", "sold", "--series", "shop"]


def shops() -> pl.DataFrame:
    """Three shops of unlike size and length, their rows in the order of time."""
    draw = random.Random(0)
    rows = [
        (day, shop, level * (2 + math.sin(day * 0.6) + draw.gauss(0, 0.1)))
        for day in range(90)
        for shop, level, first in (("north", 1.0, 0), ("mid", 40.0, 30), ("south", 900.0, 45))
        if day >= first
    ]
    return pl.DataFrame(rows, schema=["day", "shop", "sold"], orient="row")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shops")
    shops().write_parquet(folder / "shops.parquet")
    result = run("train", folder / "shops.parquet", *ASKED, *QUICK, "--out", folder / "run")
    assert result.exit_code == 0, result.stderr
    assert "3 series of 195 rows together" in result.stderr
    assert "Mean absolute scaled" in result.stdout
    return folder


def test_the_run_records_every_series(trained: Path) -> None:
    metrics = json.loads((trained / "run" / "metrics.json").read_text())
    assert metrics["series"] == 3
    assert metrics["scores"]["persistence"]["test"]["count"] == 18 + 12 + 9
    config = json.loads((trained / "run" / "config.json").read_text())
    assert (config["series"], config["covariates"]) == ("shop", [])
    with (trained / "run" / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    header = ["shop", "day", "part", "observed", "model", "ar9", "persistence"]
    assert list(rows[0]) == header
    assert [row["shop"] for row in rows] == ["north"] * 90 + ["mid"] * 60 + ["south"] * 45


def test_the_report_shows_the_longest(trained: Path) -> None:
    shown = read_predictions(trained / "run" / "predictions.csv")
    assert (shown.series, shown.count, len(shown), shown.time_name) == ("north", 3, 90, "day")
    page = (trained / "run" / "report.html").read_text()
    assert "sold, north" in page
    assert "the longest of 3 series" in page


def test_predictions_are_those_of_training_in_any_order_of_rows(
    trained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "p.csv"
    shops().sort("shop", "day").write_csv(tmp_path / "sorted.csv")
    result = run("predict", trained / "run", tmp_path / "sorted.csv", "--out", out, "--json")
    assert result.exit_code == 0, result.stderr
    printed = json.loads(result.stdout)
    assert (printed["rows"], printed["series"]) == (
        192,
        3,
    )  # the first row of each has none before it
    found, known = pl.read_csv(out), pl.read_csv(trained / "run" / "predictions.csv")
    assert found.columns == ["shop", "day", "observed", "predicted"]
    following = found.filter(pl.col("day") == "next")
    assert dict(following.select("shop", "predicted").iter_rows()) == pytest.approx(printed["next"])
    kept = found.filter(pl.col("day") != "next").with_columns(pl.col("day").cast(pl.Int64))
    both = known.join(kept, on=["shop", "day"])
    assert both.height == 195
    gone = both["model"] - both["predicted"]
    assert gone.null_count() == 3
    assert float((gone / both["observed"]).abs().max()) < 1e-5  # float32, batched otherwise


def test_series_shorter_than_what_is_to_be_scored_are_told(trained: Path) -> None:
    asked = ("evaluate", trained / "run", trained / "shops.parquet", "--json", "--last")
    result = run(*asked, "50")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["scores"]["model"]["count"] == 50 + 50 + 44
    assert "1 of 3 series have fewer than 50 rows to score" in result.stderr
    assert run(*asked, "44").stderr == ""
    refused = run(*asked, "90")
    assert refused.exit_code == 2
    assert "the longest series has 89 with rows before them" in refused.stderr


def test_unseen_series_are_refused_and_nothing_is_written(trained: Path, tmp_path: Path) -> None:
    shops().with_columns(shop=pl.col("shop").replace("mid", "east")).write_ipc(
        tmp_path / "new.feather"
    )
    result = run("predict", trained / "run", tmp_path / "new.feather", "--out", tmp_path / "p.csv")
    assert result.exit_code == 2
    assert "new.feather: the model was not trained on the series 'east'" in result.stderr
    assert "it knows 'north', 'mid', 'south'" in result.stderr
    assert not (tmp_path / "p.csv").exists()
    alone = shops().filter(pl.col("shop") == "mid").drop("shop")
    alone.write_csv(tmp_path / "alone.csv")
    result = run("predict", trained / "run", tmp_path / "alone.csv", "--out", tmp_path / "p.csv")
    assert result.exit_code == 2
    assert "no column 'shop' to take as the series" in result.stderr


def test_it_goes_on_from_its_folder(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "run", tmp_path / "run")
    result = run("resume", tmp_path / "run", "--epochs", "4", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["training"]["epochs"] == 4


@pytest.mark.thorough
def test_it_goes_on_to_the_same_weights(trained: Path, tmp_path: Path) -> None:
    once = ["--epochs", "1", "--out", tmp_path / "run"]
    run("train", trained / "shops.parquet", *ASKED, *QUICK[2:], *once)
    assert run("resume", tmp_path / "run", "--epochs", "3").exit_code == 0
    found, known = (
        (folder / "run" / "model.safetensors").read_bytes() for folder in (tmp_path, trained)
    )
    assert found == known


def test_flow_explain_and_export_of_one_of_them(trained: Path, tmp_path: Path) -> None:
    data = ["--data", trained / "shops.parquet"]
    result = run("flow", trained / "run", *data)
    assert result.exit_code == 0, result.stderr
    noted, read = run("explain", trained / "run"), run("explain", trained / "run", *data)
    assert noted.exit_code == 0, noted.stderr
    assert noted.stdout == read.stdout
    assert "87 to 89" in noted.stdout  # of the longest
    header = ["export", trained / "run", "--c", "--out", tmp_path / "s.h"]
    result = run(*header)
    assert result.exit_code == 2
    assert "name the one to export (series): north, mid, south" in result.stderr
    assert run(*header, "--series", "mid").exit_code == 0
    assert "mid_step(" in (tmp_path / "s.h").read_text()
    result = run(*header, "--series", "east")
    assert result.exit_code == 2
    assert "not trained on the series 'east'" in result.stderr


def test_a_run_of_one_series_forecasts_several(tide_csv: Path, tmp_path: Path) -> None:
    dataset = load(tide_csv, "level")
    (tmp_path / "run").mkdir()
    save(SeriesModel.for_dataset(dataset, Settings(hidden=3)), dataset, tmp_path / "run", "0")
    tide = pl.read_csv(tide_csv)
    both = pl.concat([tide.with_columns(port=pl.lit(port)) for port in ("a", "b")])
    both.write_csv(tmp_path / "both.csv")
    asked = ["predict", tmp_path / "run", tmp_path / "both.csv", "--series", "port"]
    assert run(*asked, "--out", tmp_path / "p.csv").exit_code == 0
    found = pl.read_csv(tmp_path / "p.csv")
    a, b = (found.filter(pl.col("port") == port)["predicted"] for port in ("a", "b"))
    assert a.equals(b)
    result = run("export", tmp_path / "run", "--c", "--series", "a", "--out", tmp_path / "s.h")
    assert result.exit_code == 2
    assert "has learned one series; leave --series out" in result.stderr
