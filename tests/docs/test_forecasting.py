"""docs/forecasting.md does what it says; about two seconds."""

import re
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.model_selection import GridSearchCV

from throughtime.estimators import Forecaster
from throughtime.estimators.horizon_forecast import PATHS
from throughtime.estimators.outputs import registry
from throughtime.estimators.outputs.quantiles import LEVELS
from throughtime.estimators.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "forecasting.md").read_text(encoding="utf-8")
FIRST, SECOND = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def shops(rows: int) -> pl.DataFrame:
    days = [(shop, day, (day % 7) * (1.5 + place), 1.0 + day % 3)
            for place, shop in enumerate("ab") for day in range(rows)]  # fmt: skip
    return pl.DataFrame(days, schema=["shop", "day", "sold", "price"], orient="row")


def test_the_first_snippet_runs() -> None:
    whole = shops(97)
    known = whole.filter(pl.col("day") < 90)
    coming = whole.filter(pl.col("day") >= 90).drop("sold")
    names: dict[str, object] = {"frame": known, "coming": coming}
    exec(FIRST.replace("difference=7", "difference=7, epochs=2, hidden=4"), names)
    assert set(eval('tried.scores()["model"]', names)) == {
        "mae", "rmse", "mase", "crps", "coverage",
    }  # fmt: skip


def test_the_search_runs() -> None:
    X = np.random.default_rng(0).normal(size=(80, 1))
    short = SECOND.replace("Forecaster()", "Forecaster(epochs=1)").replace("[16, 32]", "[2, 4]")
    names: dict[str, object] = {"Forecaster": Forecaster, "X": X, "y": X[:, 0]}
    exec(short, names)
    assert isinstance(names["search"], GridSearchCV)


def test_the_outputs_are_those_there_are() -> None:
    told = re.findall(r"^\| `([a-z_]+)` \|", PAGE, re.MULTILINE)
    assert set(registry) <= set(told)
    assert f"{PATHS} ways" in PAGE
    assert f"{len(LEVELS)} quantiles" in PAGE
    assert Forecaster.output == "gaussian"
    assert Settings.output == "point"
