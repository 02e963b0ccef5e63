"""The forecaster as its users have it: scikit-learn's conventions, intervals, files."""

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone, is_regressor
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import throughtime as tt
from throughtime.data import DataError
from throughtime.estimators import Forecaster, NotFittedError, SavedError, SettingsError
from throughtime.estimators.outputs import registry

QUICK: dict[str, Any] = {"hidden": 6, "epochs": 30, "learning_rate": 0.02, "window": 20}
DRAW = np.random.default_rng(0)
WAVE = 5 + np.sin(np.arange(200) * 2 * np.pi / 10) + 0.1 * DRAW.normal(size=200)


def shops() -> pd.DataFrame:
    """Three years of weeks of two shops; what is sold hangs on the price of the same week."""
    weeks = pd.date_range("2019-01-05", periods=160, freq="7D")
    parts = []
    for name, size in (("north", 100.0), ("south", 20.0)):
        price = 1 + 0.3 * DRAW.random(160)
        season = 1 + 0.3 * np.sin(2 * np.pi * weeks.day_of_year / 365)
        sold = size * season * (2 - price) * (1 + 0.02 * DRAW.normal(size=160))
        parts.append(pd.DataFrame({"week": weeks, "shop": name, "sold": sold, "price": price}))
    return pd.concat(parts)


def test_it_is_one_of_scikit_learns() -> None:
    forecaster = Forecaster(**QUICK, known=["price"], output="student_t")
    assert is_regressor(forecaster)
    copy = clone(forecaster)
    assert copy.get_params() == forecaster.get_params()
    assert repr(Forecaster(hidden=3)) == "Forecaster(hidden=3)"
    fitted = Forecaster(**QUICK)
    assert fitted.fit(WAVE) is fitted
    assert not hasattr(clone(fitted), "model_")


def test_cross_validation_forecasts_the_rows_after_those_learned_from() -> None:
    X = np.column_stack([np.sin(np.arange(200) * 2 * np.pi / 10), DRAW.normal(size=200)])
    y = 5 + X[:, 0] + 0.5 * X[:, 1]
    forecaster = Forecaster(**{**QUICK, "epochs": 150}, patience=None)
    scores = cross_val_score(forecaster, X, y, cv=TimeSeriesSplit(3, test_size=20))
    assert min(scores) > 0.9
    noise = cross_val_score(forecaster, DRAW.normal(size=(200, 1)), y, cv=TimeSeriesSplit(2))
    assert max(noise) < 0.9  # the covariates were what told


def test_a_grid_search_in_a_pipeline() -> None:
    X = DRAW.normal(size=(150, 2)) * [1, 1000]
    y = X[:, 0] + X[:, 1] / 1000
    pipeline = make_pipeline(StandardScaler(), Forecaster(**QUICK))
    search = GridSearchCV(pipeline, {"forecaster__hidden": [2, 8]}, cv=TimeSeriesSplit(2))
    search.fit(X, y)
    assert search.best_params_["forecaster__hidden"] in (2, 8)
    assert search.predict(X[:7]).shape == (7,)


@pytest.mark.parametrize("output", [name for name in registry if not registry[name].counts])
def test_intervals_hold_what_they_say(output: str) -> None:
    noise = np.random.default_rng(2).normal(size=600)
    forecaster = Forecaster(**QUICK, output=output, batch_size=16).fit(noise)
    found = forecaster.predict(1, level=[80, 95], paths=4000)
    assert found.columns == ["row", "predicted", "lower-80", "upper-80", "lower-95", "upper-95"]
    assert abs(found["upper-80"][0] - found["lower-80"][0] - 2 * 1.28) < 0.6
    assert abs(found["upper-95"][0] - found["lower-95"][0] - 2 * 1.96) < 1.0


def test_a_wave_goes_on() -> None:
    forecaster = Forecaster(**{**QUICK, "epochs": 150}).fit(WAVE)
    found = forecaster.predict(20)
    expected = 5 + np.sin(np.arange(200, 220) * 2 * np.pi / 10)
    assert np.abs(found["predicted"].to_numpy() - expected).max() < 0.35
    assert found["row"].to_list() == [str(row) for row in range(201, 221)]
    assert found.equals(forecaster.predict(20))
    assert not found.equals(forecaster.predict(20, seed=1))


def test_frames_of_several_series_with_what_is_known_of_the_weeks_to_come() -> None:
    frame = shops()
    past = frame[frame.week < "2021-12-01"]
    ahead = frame[frame.week >= "2021-12-01"]
    forecaster = Forecaster(
        **{**QUICK, "epochs": 200, "hidden": 16, "learning_rate": 0.01},
        target="sold", time="week", series="shop", known=["price"],
    ).fit(past)  # fmt: skip
    assert forecaster.model_.settings.calendar == "year"
    assert forecaster.dataset_.columns == ("sold", "price")
    found = forecaster.predict(6, level=95, future=ahead.drop(columns="sold"))
    assert found.columns == ["shop", "week", "predicted", "lower-95", "upper-95"]
    first = ahead.groupby("shop").head(6)
    assert found["shop"].to_list() == first["shop"].to_list()
    assert found["week"].to_list() == [str(day.date()) for day in first["week"]]
    relative = found["predicted"].to_numpy() / first["sold"].to_numpy()
    assert np.abs(relative - 1).mean() < 0.12
    dearer = forecaster.predict(6, future=ahead.assign(price=ahead.price + 0.3))
    assert float((dearer["predicted"] / found["predicted"]).mean()) < 0.9
    assert forecaster.score(first) > 0.8
    with pytest.raises(DataError, match="depends on price of the rows to come"):
        forecaster.predict(2)
    with pytest.raises(DataError, match="3 are to be forecast"):
        forecaster.predict(3, future=ahead.groupby("shop").head(2))


def test_covariates_that_nobody_knows_yet_are_forecast() -> None:
    frame = shops().query("shop == 'north'").drop(columns="shop")
    forecaster = Forecaster(**QUICK, target="sold").fit(frame)
    assert forecaster.predict(4, level=[80]).height == 4
    with pytest.raises(SettingsError, match="no covariate is known"):
        forecaster.predict(2, future=frame)


def test_a_drifting_level_is_followed() -> None:
    y = 0.5 * np.arange(240) + np.sin(np.arange(240) * 2 * np.pi / 12)
    found = {}
    for difference in (0, 12, "auto"):
        forecaster = Forecaster(**{**QUICK, "epochs": 60}, difference=difference)
        scores = forecaster.backtest(y, horizon=12, windows=3, season=12, paths=50).scores()
        found[difference] = scores["model"]["mae"] / scores["seasonal-naive"]["mae"]
    assert found[12] < 0.2 < found[0]
    assert found["auto"] < 0.5 * found[0]
    assert Forecaster(**QUICK).fit(y).model_.settings.difference == 1
    assert Forecaster(**QUICK).fit(WAVE).model_.settings.difference == 0


def test_counts() -> None:
    y = np.random.default_rng(3).poisson(4 + 3 * np.sin(np.arange(300) * 2 * np.pi / 10))
    forecaster = Forecaster(**QUICK, output="negative_binomial").fit(y)
    found = forecaster.predict(10, level=[90])
    assert bool((found["lower-90"] >= 0).all())
    with pytest.raises(DataError, match=r"target has 1\.5 in row 2.*whole numbers"):
        Forecaster(**QUICK, output="negative_binomial").fit(np.array([1, 1.5] * 40))
    with pytest.raises(SettingsError, match="is of counts as they are"):
        Forecaster(output="negative_binomial", transform="sqrt").fit(y)


def test_it_is_saved_and_loaded(tmp_path: Path) -> None:
    frame = shops()
    forecaster = Forecaster(
        **QUICK, target="sold", series="shop", known=["price"], difference=1, output="quantiles"
    ).fit(frame)
    forecaster.save(tmp_path / "saved")
    loaded = Forecaster.load(tmp_path / "saved")
    ahead = pd.DataFrame(
        {
            "week": list(pd.date_range("2022-01-29", periods=3, freq="7D")) * 2,
            "shop": ["north"] * 3 + ["south"] * 3,
            "price": 1.1,
        }
    )
    expected = forecaster.predict(3, level=[80], future=ahead)
    assert loaded.predict(3, level=[80], X=frame, future=ahead).equals(expected)
    assert loaded.get_params()["known"] == ["price"]
    with pytest.raises(NotFittedError, match=r"give the rows to go on from"):
        loaded.predict(3, future=ahead)
    with pytest.raises(SavedError):
        Forecaster.load(tmp_path)


def test_a_forecaster_of_covariates_is_one_again(tmp_path: Path) -> None:
    X, y = DRAW.normal(size=(80, 2)), DRAW.normal(size=80)
    forecaster = Forecaster(**QUICK, validation=0.3).fit(X[:70], y[:70])
    forecaster.save(tmp_path / "saved")
    loaded = Forecaster.load(tmp_path / "saved")
    assert (loaded.n_features_in_, loaded.validation) == (2, 0.3)
    before = np.column_stack([y, X])[:70]
    assert np.array_equal(loaded.predict(X[70:], X=before), forecaster.predict(X[70:]))


@pytest.mark.parametrize(
    ("X", "y"),
    [(None, WAVE), (pd.DataFrame({"y": WAVE, "b": 1.0}), pd.Series(WAVE)), (pd.Series(WAVE), None)],
)
@pytest.mark.filterwarnings("error")
def test_what_people_have_is_taken(X: Any, y: Any) -> None:
    forecaster = Forecaster(**QUICK).fit(X, y)
    if y is None:
        assert forecaster.predict(2).height == 2
        return
    ahead = np.zeros((3, 0)) if X is None else X[:3]
    assert forecaster.predict(ahead).shape == (3,)
    assert forecaster.score(ahead, y[:3]) <= 1


def test_residuals_are_saved_with_numbers_alone(tmp_path: Path) -> None:
    forecaster = Forecaster(**QUICK, output="point").fit(WAVE)
    forecaster.save(tmp_path / "saved")
    loaded = Forecaster.load(tmp_path / "saved")
    assert loaded.predict(4, [90], X=WAVE).equals(forecaster.predict(4, [90]))
    plain = loaded.predict(4, X=WAVE)
    assert plain.columns == ["row", "predicted"]


def test_a_data_set_keeps_its_test_rows_to_itself(tmp_path: Path) -> None:
    dates = [datetime.date(2020, 1, 1) + datetime.timedelta(day) for day in range(200)]
    path = tmp_path / "wave.csv"
    pl.DataFrame({"date": dates, "level": WAVE}).write_csv(path)
    dataset = tt.data.load(path)
    forecaster = Forecaster(**QUICK).fit(dataset)
    assert forecaster.predict(1)["date"].to_list() == [str(dates[160])]
    whole = Forecaster(**QUICK, target="level").fit(path)
    assert whole.predict(1)["date"].to_list() == ["2020-07-19"]
    assert whole.dataset_.name == "wave"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"output": "cauchy"}, "unknown output 'cauchy'; known are point, gaussian"),
        ({"difference": -1}, "difference must be a whole number"),
        ({"difference": 190}, "has 170 rows to learn from, and of these 0 with a change over 190"),
        ({"calendar": "moon"}, "a calendar is made of day, week, year"),
        ({"calendar": "year"}, "its times have no place in the year"),
        ({"known": "price"}, "known must be the names of columns"),
        ({"known": ["price"]}, "known in the future are to be 'price', which is no covariate"),
        ({"validation": 1.0}, "validation must be at least 0 and below 1"),
        ({"validation": 0}, "patience waits for a better validation loss"),
        ({"transform": "log1p"}, "the log1p transform takes values of at least"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], message: str) -> None:
    y = WAVE - 20 if "transform" in settings else WAVE
    with pytest.raises((SettingsError, DataError), match=message):
        Forecaster(**{**QUICK, **settings}).fit(y)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"horizon": 0}, "horizon must be a whole number of at least 1"),
        ({"horizon": True}, "horizon must be a whole number of at least 1"),
        ({"horizon": WAVE}, "horizon is how many rows to forecast"),
        ({"level": [0]}, "a level is a number of percent between 0 and 100"),
        ({"level": ["95"]}, "a level is a number of percent"),
        ({"level": "95"}, "a level is a number of percent between 0 and 100.*; got '95'"),
        ({"seed": "a"}, "seed must be a whole number of at least 0, got 'a'"),
        ({"level": [95], "paths": 1}, "an interval needs ways to be drawn"),
        ({"paths": -1}, "paths must be a whole number of at least 0"),
        ({"paths": 100_001}, "paths must be at most 100,000, got 100,001"),
        ({"horizon": 400_000}, "are 200,000,000 values, more than 20,000,000; take fewer ways"),
        ({"seed": 2**70}, "seed must be at most"),
        ({"seed": 1.5}, "seed must be a whole number"),
    ],
)
def test_forecasts_that_cannot_be_made_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        FITTED.predict(**{"horizon": 3, **arguments})


@pytest.mark.parametrize("patience", [20, None])
@pytest.mark.parametrize("rows", [1, 2])
def test_series_too_short_to_learn_from_are_named(rows: int, patience: int | None) -> None:
    forecaster = Forecaster(**QUICK, patience=patience)
    series = [WAVE, WAVE[:rows]]
    if rows == 2 and patience is None:
        assert forecaster.fit(series).predict(1).height == 2
        return
    with pytest.raises(DataError, match=rf"too short: '1' \({rows}\)"):
        forecaster.fit(series)


@pytest.mark.parametrize("time", ["date", "predicted", "window"])
@pytest.mark.parametrize("series", ["shop", "lower-80", "step", "observed", "model"])
def test_no_column_takes_the_place_of_another(time: str, series: str) -> None:
    days = [datetime.date(2020, 1, 1) + datetime.timedelta(day) for day in range(40)]
    frame = pl.DataFrame({time: days * 2, series: ["a"] * 40 + ["b"] * 40, "y": DRAW.random(80)})
    forecaster = Forecaster(hidden=2, epochs=1, target="y", time=time, series=series)
    found = forecaster.fit(frame).predict(2, level=[80])
    assert len(found.columns) == 5
    assert found[:, 0].to_list() == ["a", "a", "b", "b"]
    assert found[:, 1].to_list() == ["2020-02-10", "2020-02-11"] * 2
    tried = forecaster.backtest(frame, horizon=2, windows=1, level=[80], paths=5).frame()
    assert len(tried.columns) == 10
    assert tried[:, 0].to_list() == ["a", "a", "b", "b"]


def test_levels_are_told_apart_and_may_be_numpys() -> None:
    found = FITTED.predict(2, level=np.array([80, 95]))
    assert found.equals(FITTED.predict(2, level=[95.0, 80]))
    assert FITTED.predict(2, level=np.int64(80)).columns[2:] == ["lower-80", "upper-80"]
    near = FITTED.predict(2, level=[80, 80.0000001, 99.99999]).columns
    assert len(near) == 8
    assert "upper-99.99999" in near


def test_columns_are_found_by_name_in_the_rows_to_come() -> None:
    X = pd.DataFrame({"a": DRAW.normal(size=80), "b": DRAW.normal(size=80)})
    forecaster = Forecaster(**QUICK).fit(X, X["a"] - X["b"])
    expected = forecaster.predict(X[:3])
    assert np.array_equal(forecaster.predict(X[["b", "a"]][:3]), expected)
    assert np.array_equal(forecaster.predict(X[:3].to_numpy()), expected)
    assert np.array_equal(forecaster.predict(pl.DataFrame(X[:3].to_dict("list"))), expected)
    with pytest.raises(DataError, match=r"lack the column\(s\) b that were learned from"):
        forecaster.predict(X.rename(columns={"b": "c"})[:3])


def test_a_score_is_of_rows_that_follow() -> None:
    days = [datetime.date(2020, 1, 1) + datetime.timedelta(day) for day in range(100)]
    frame = pl.DataFrame({"day": days, "y": WAVE[:100]})
    forecaster = Forecaster(**{**QUICK, "epochs": 100}).fit(frame.head(90))
    assert forecaster.score(frame.tail(10)) > 0.5
    with pytest.raises(DataError, match="'2020-03-31' follows '2020-03-30'"):
        forecaster.score(frame.head(10))


def test_constants_and_forecasts_without_bound_are_refused() -> None:
    with pytest.raises(DataError, match="target 'y' is constant in every series"):
        Forecaster(**QUICK).fit(np.full(50, 3.0))
    growing = Forecaster(**QUICK, transform="log1p", difference=1)
    growing.fit(np.exp(2.0 * np.arange(120) + 0.01 * DRAW.normal(size=120)))
    with pytest.raises(SettingsError, match=r"grows beyond all numbers from step \d+ on"):
        growing.predict(1000, paths=3)
    years = pl.DataFrame({"day": [f"{year}-12-31" for year in range(1960, 2020)], "y": WAVE[:60]})
    with pytest.raises(DataError, match="reach beyond the year 9999"):
        Forecaster(**{**QUICK, "epochs": 1}).fit(years).predict(9000, paths=1)


def test_a_fit_that_fails_leaves_what_was_learned() -> None:
    forecaster = Forecaster(**QUICK).fit(WAVE)
    with pytest.raises(DataError):
        forecaster.fit(np.ones((5, 1)), np.ones(4))
    assert forecaster.predict(2).height == 2
    with pytest.raises(SettingsError, match="horizon is how many rows"):
        forecaster.predict(np.ones((2, 1)))


def test_nothing_is_forecast_before_it_has_learned() -> None:
    with pytest.raises(NotFittedError, match="call fit first"):
        Forecaster().predict(3)


FITTED = Forecaster(**{**QUICK, "epochs": 1}).fit(WAVE)
