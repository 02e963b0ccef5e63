"""Training, forecasts and scores of series on disk: the bits of those in memory."""

from __future__ import annotations

import datetime
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor

from tests.data.stored.conftest import every_table_is_large
from throughtime.data import DataError, Dataset, load, read_series
from throughtime.data.drawn import DrawnRows
from throughtime.data.scaling import Scaling
from throughtime.data.windows import HeldRows
from throughtime.estimators import Comparison, SeriesModel, Settings, SettingsError, compare
from throughtime.estimators.series_training import SeriesTraining
from throughtime.estimators.simulation import simulate

quick = Settings(hidden=4, epochs=3, learning_rate=0.05, window=30, stride=3)


@pytest.fixture
def shops(tmp_path: Path) -> Path:
    """Shops of unlike size and length, one shorter than a window, in the order of time."""
    draw = random.Random(0)
    rows = [
        (day, shop, level * (2 + math.sin(day * 0.6) + draw.gauss(0, 0.1)), draw.random(), day % 7)
        for day in range(90)
        for shop, level, first in (("a", 1.0, 0), ("b", 40.0, 30), ("c", 900.0, 45), ("d", 1, 61))
        if day >= first
    ]
    names = ["day", "shop", "sold", "rain", "weekday"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(tmp_path / "shops.parquet")
    return tmp_path / "shops.parquet"


def both(path: Path, series: str | None = "shop") -> tuple[Dataset, Dataset]:
    whole = load(path, "sold", series=series)
    with every_table_is_large():
        parts = load(path, "sold", series=series)
    assert parts.stored
    assert not whole.stored
    return whole, parts


def trained(dataset: Dataset, settings: Settings) -> tuple[list[Tensor], SeriesModel]:
    forecaster = SeriesModel.for_dataset(dataset, settings)
    forecaster.fit(dataset)
    return [p.detach().clone() for p in forecaster.network.parameters()], forecaster


def compared(dataset: Dataset, forecaster: SeriesModel) -> Comparison:
    predicted = forecaster.predict_many([member.series for member in dataset.members])
    return compare(dataset, [forecasts for forecasts, _ in predicted])


SETTINGS = {
    "with patience": quick,
    "without": replace(quick, patience=None),
    "few windows": replace(quick, windows_per_epoch=10),
    "transformed": replace(quick, transform="log1p"),
    "in float64": replace(quick, dtype="float64", batch_size=5),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_weights_forecasts_and_scores_are_the_same_bits(
    case: str, shops: Path, tmp_path: Path
) -> None:
    settings = SETTINGS[case]
    whole, parts = both(shops)
    if settings.patience is None:
        whole, parts = whole.without_validation(), parts.without_validation()
    weights, forecaster = trained(whole, settings)
    other, another = trained(parts, settings)
    assert forecaster.scaling == another.scaling
    assert all(map(torch.equal, weights, other))
    first, second = compared(whole, forecaster), compared(parts, another)
    assert first.scores() == second.scores()
    first.write(tmp_path / "a.csv")
    second.write(tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_other_rows_give_other_weights(shops: Path) -> None:
    whole, _ = both(shops)
    pl.read_parquet(shops).with_columns(pl.col("rain").reverse()).write_parquet(shops)
    _, parts = both(shops)
    weights, _ = trained(whole, quick)
    other, _ = trained(parts, quick)
    assert not all(map(torch.equal, weights, other))


def test_one_series_is_trained_on_alike(shops: Path) -> None:
    frame = pl.read_parquet(shops).filter(pl.col("shop") == "a").drop("shop")
    frame.write_parquet(shops)
    whole, parts = both(shops, None)
    assert whole.variance == parts.variance
    assert all(map(torch.equal, trained(whole, quick)[0], trained(parts, quick)[0]))


def test_a_forecast_of_a_stored_series_is_that_of_one_in_memory(shops: Path) -> None:
    whole, parts = both(shops)
    _, forecaster = trained(whole, quick)
    for one, other in zip(whole.members, parts.members, strict=True):
        (rows, following), (others, after) = map(forecaster.predict, (one.series, other.series))
        assert torch.equal(rows[1:], others[1:])
        assert rows[0].isnan()
        assert others[0].isnan()
        assert following == after


def test_what_a_transform_does_not_take_is_found_before_anything_is_learned(shops: Path) -> None:
    frame = pl.read_parquet(shops).with_columns(
        sold=pl.when((pl.col("day") == 89) & (pl.col("shop") == "b")).then(-1.0).otherwise("sold")
    )
    frame.write_parquet(shops)  # in a row to test on
    for dataset in both(shops):
        forecaster = SeriesModel.for_dataset(dataset, replace(quick, transform="sqrt"))
        with pytest.raises(DataError, match="has -1 in row 60 of the series; the sqrt transform"):
            forecaster.fit(dataset)


def test_rows_are_drawn_as_they_are_held() -> None:
    series = [torch.rand(rows, 3, dtype=torch.float64) for rows in (9, 4, 30)]
    held = HeldRows(series)
    drawn = DrawnRows(
        list(map(len, series)), lambda place, rows: series[place][rows.start : rows.stop]
    )
    assert drawn.lengths == held.lengths
    rows = torch.tensor([[0, 9, 10, 38], [1, 10, 11, 39], [2, 11, 12, 40], [3, 12, 12, 41]])
    assert torch.equal(drawn.take(rows), held.take(rows))
    assert not torch.equal(drawn.take(rows), held.take(rows.flip(1)))


@pytest.mark.parametrize(
    "changed",
    [
        {"difference": 1, "calendar": "week", "known": ("price",), "output": "gaussian"},
        {"difference": 7, "transform": "log1p", "output": "quantiles"},
        {"joint": False, "output": "student_t"},
    ],
)
def test_changes_calendars_and_distributions_come_to_the_same(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    path = tmp_path / "shops.parquet"
    days = [datetime.date(2020, 1, 1) + datetime.timedelta(day) for day in range(60)]
    draw = np.random.default_rng(0)
    pl.concat(
        pl.DataFrame({"day": days, "shop": shop, "sold": 5 + draw.random(60),
                      "price": draw.random(60)})
        for shop in "abc"
    ).sample(fraction=1, shuffle=True, seed=1).sort("day").write_parquet(path)  # fmt: skip
    found = []
    for dataset in both(path):
        assert [one.series.clock is None for one in dataset.members] == [False] * 3
        settings = replace(quick, **changed)
        model = SeriesModel.for_dataset(dataset, settings)
        model.fit(dataset)
        series = [member.series for member in dataset.members]
        known = [torch.full((4, 1), 0.5).double()] * 3 if settings.known else None
        ways = simulate(model, series, 4 if settings.joint else 1, known, paths=3)
        rows = [forecasts for forecasts, _ in model.predict_many(series)]
        parts = [one.part(range(10, 20)) for one in series]
        assert [part.times for part in parts] == [tuple(map(str, days[10:20]))] * 3
        found.append([*model.network.state_dict().values(), *ways, *rows])
    assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(*found, strict=True))


def test_an_epoch_draws_as_many_windows_as_are_asked_for_each_time_others(shops: Path) -> None:
    whole, _ = both(shops)
    seen: list[int] = []
    settings = replace(quick, windows_per_epoch=10, batch_size=4)
    forecaster = SeriesModel.for_dataset(whole, settings)
    batches = SeriesTraining(forecaster, whole).batches

    class Counted:
        def __len__(self) -> int:
            return 40

        def batch(self, chosen: Tensor) -> tuple[Tensor, None]:
            seen.extend(chosen.tolist())
            return torch.zeros(2, len(chosen), 3), None

    sizes = [batch.inputs.shape[1] for batch in batches(Counted())]  # type: ignore[arg-type]
    assert sizes == [4, 4, 2]
    list(batches(Counted()))  # type: ignore[arg-type]
    assert len(set(seen[:10])) == 10
    assert set(seen[:10]) != set(seen[10:])


@pytest.mark.parametrize("wrong", [0, -3, 2.5, True])
def test_windows_per_epoch_is_a_whole_number(wrong: object) -> None:
    with pytest.raises(SettingsError, match="windows_per_epoch must be a whole number of at least"):
        Settings(windows_per_epoch=wrong)  # type: ignore[arg-type]


def test_mean_and_spread_of_parts_are_those_of_all_rows() -> None:
    parts = [torch.randn(rows, 3, dtype=torch.float64) * 7 + 1e4 for rows in (5, 40, 1, 80, 33)]
    parts = [torch.cat([part, torch.full((len(part), 1), 0.1).double()], 1) for part in parts]
    rows = torch.cat(parts)
    whole = Scaling.fit(rows, range(len(rows)))
    assert Scaling.fit_parts(iter(parts)) == whole
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("throughtime.data.scaling.AT_ONCE", 100)
        apart = Scaling.fit_parts(iter(parts))
    assert apart != whole
    assert apart.scale[3] == 1.0
    torch.testing.assert_close(torch.tensor(apart.center), torch.tensor(whole.center))
    numbers = [torch.tensor(one.scale, dtype=torch.float64) for one in (apart, whole)]
    torch.testing.assert_close(*numbers, rtol=1e-12, atol=0)
    with pytest.raises(ValueError, match="no rows to measure"):
        Scaling.fit_parts([])


def test_a_series_of_a_stored_table_outlives_the_others(shops: Path) -> None:
    with every_table_is_large():
        frame = pl.read_parquet(shops).filter(pl.col("shop") == "a").drop("shop")
        frame.write_parquet(shops)
        kept = read_series(shops, "sold").values[:5].clone()
        assert torch.equal(read_series(shops, "sold").values[:5], kept)
