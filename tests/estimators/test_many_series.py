"""One forecaster of many series; about a second."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.estimators.conftest import series
from throughtime.data import DataError, Dataset, Member, Series, panel
from throughtime.estimators import SavedError, SeriesModel, Settings, compare, load, save
from throughtime.estimators.saved import CONFIG
from throughtime.estimators.series_flow import flow_of, walk_of
from throughtime.export import ExportError, to_c

quick = Settings(hidden=4, epochs=5, learning_rate=0.05, window=30, stride=3, dtype="float64")


def named(name: str, T: int, scale: float = 1.0) -> Series:
    found = series(T)
    values = found.values.clone()
    values[:, 0] *= scale
    return replace(found, name=name, values=values)


@pytest.fixture
def tides() -> Dataset:
    return panel([named("west", 80), named("east", 100), named("low", 34)], "tides", "place")


def changed(dataset: Dataset, change: Callable[[Member], torch.Tensor]) -> Dataset:
    members = (Member(replace(m.series, values=change(m)), m.split) for m in dataset.members)
    return replace(dataset, members=tuple(members))


def weights(dataset: Dataset, settings: Settings = quick) -> list[torch.Tensor]:
    forecaster = SeriesModel.for_dataset(dataset, settings)
    forecaster.fit(dataset)
    return [p.detach().clone() for p in forecaster.network.parameters()]


def test_training_lowers_the_validation_loss(tides: Dataset) -> None:
    outcome = SeriesModel.for_dataset(tides, replace(quick, epochs=12)).fit(tides)
    first = outcome.history[0].validation_loss
    assert first is not None
    assert outcome.best_validation_loss is not None
    assert outcome.best_validation_loss < 0.5 * first


def test_test_rows_of_no_series_are_learned_from(tides: Dataset) -> None:
    def louder_tests(member: Member) -> torch.Tensor:
        values = member.series.values.clone()
        values[member.split.train.stop :] *= 1000
        return values

    other = changed(tides, louder_tests)
    assert all(map(torch.equal, weights(tides), weights(other)))


def test_training_rows_of_every_series_are_learned_from(tides: Dataset) -> None:
    for place in range(3):
        members = list(tides.members)
        one, split = members[place].series, members[place].split
        values = one.values.clone()
        values[split.fit.start + 5, 0] += 1
        members[place] = Member(replace(one, values=values), split)
        other = replace(tides, members=tuple(members))
        assert not torch.equal(weights(tides)[0], weights(other)[0])


def test_a_large_series_counts_no_more_than_a_small_one() -> None:
    # Each target is scaled by itself: the same network is learned, whatever their units.
    alike = panel([named("a", 60), named("b", 80)], "tides", "place")
    unlike = panel([named("a", 60, 1024.0), named("b", 80, 0.125)], "tides", "place")
    for one, other in zip(weights(alike), weights(unlike), strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-9)
    models = [SeriesModel.for_dataset(data, quick) for data in (alike, unlike)]
    for member, large, factor in zip(alike.members, unlike.members, (1024.0, 0.125), strict=True):
        expected, _ = models[0].predict(member.series)
        found, _ = models[1].predict(large.series)
        assert torch.allclose(found[1:], factor * expected[1:], rtol=1e-9)


def test_series_side_by_side_are_forecast_as_each_alone(
    tides: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    forecaster = SeriesModel.for_dataset(tides, quick)
    all_of_them = [member.series for member in tides.members]
    for at_once in (1, 200, 10_000):
        monkeypatch.setattr("throughtime.estimators.side_by_side.STEPS_AT_ONCE", at_once)
        together = forecaster.predict_many(all_of_them)
        for one, (forecasts, following) in zip(all_of_them, together, strict=True):
            alone, after = forecaster.predict(one)
            assert forecasts[0].isnan()
            assert torch.allclose(forecasts[1:], alone[1:], rtol=1e-12)
            assert following == pytest.approx(after, rel=1e-12)
    assert forecaster.predict_many([]) == []


def test_an_unseen_series_is_refused(tides: Dataset) -> None:
    forecaster = SeriesModel.for_dataset(tides, quick)
    with pytest.raises(DataError, match="not trained on the series 'north', whose scale") as caught:
        forecaster.predict_many([named("west", 40), named("north", 40)])
    assert "it knows 'west', 'east', 'low'" in str(caught.value)


def test_one_scaling_serves_any_series_under_any_name(tide: Dataset) -> None:
    forecaster = SeriesModel.for_dataset(tide, quick)
    (first, _), (second, _) = forecaster.predict_many([named("north", 40), named("south", 40)])
    assert torch.equal(first[1:], second[1:])


def test_it_is_saved_and_comes_back(tides: Dataset, tmp_path: Path) -> None:
    forecaster = SeriesModel.for_dataset(tides, quick)
    save(forecaster, tides, tmp_path, "0")
    again, config = load(tmp_path)
    assert (config["series"], config["name"]) == ("place", "tides")
    for member in tides.members:
        expected, found = forecaster.predict(member.series), again.predict(member.series)
        assert torch.equal(expected[0][1:], found[0][1:])


@pytest.mark.parametrize("change", [{"series": None}, {"scaling": {}}, {"scaling": {"series": 1}}])
def test_a_damaged_configuration_is_refused(
    tides: Dataset, tmp_path: Path, change: dict[str, Any]
) -> None:
    save(SeriesModel.for_dataset(tides, quick), tides, tmp_path, "0")
    config = json.loads((tmp_path / CONFIG).read_text()) | change
    (tmp_path / CONFIG).write_text(json.dumps(config))
    with pytest.raises(SavedError, match=CONFIG.replace(".", r"\.")):
        load(tmp_path)


def test_what_a_series_is_scaled_by_is_sealed(tides: Dataset, tmp_path: Path) -> None:
    save(SeriesModel.for_dataset(tides, quick), tides, tmp_path, "0")
    config = json.loads((tmp_path / CONFIG).read_text())
    config["scaling"]["series"]["east"][0] += 1.0
    (tmp_path / CONFIG).write_text(json.dumps(config))
    with pytest.raises(SavedError, match="do not belong together"):
        load(tmp_path)


def test_it_is_exported_for_one_series_at_a_time(tides: Dataset) -> None:
    forecaster = SeriesModel.for_dataset(tides, quick)
    with pytest.raises(ExportError, match=r"name the one to export \(series\): west, east, low"):
        to_c(forecaster, "tides")
    east = forecaster.for_series("east")
    assert to_c(east, "tides") != to_c(forecaster.for_series("west"), "tides")
    one = named("east", 50)
    assert torch.equal(east.predict(one)[0][1:], forecaster.predict(one)[0][1:])
    with pytest.raises(DataError, match="'north'"):
        forecaster.for_series("north")


def test_flow_and_walk_look_at_the_longest(tides: Dataset) -> None:
    forecaster = SeriesModel.for_dataset(tides, quick)
    assert tides.series.name == "east"
    assert walk_of(forecaster, tides).labels[-1] == tides.series.times[tides.split.train.stop - 1]
    assert flow_of(forecaster, tides).layers[0].median[0] == 1.0


def test_scores_are_over_all_rows_and_mase_over_the_series() -> None:
    small, large = named("small", 80), named("large", 100, 100.0)
    data = panel([small, large, replace(small, name="flat", values=0 * small.values)], "n", "place")
    off = [1.0, 100.0, 5.0]
    forecasts = [
        member.series.values[:, 0] + error for member, error in zip(data.members, off, strict=True)
    ]
    score = compare(data, forecasts).scores()["model"]["test"]
    assert score is not None
    counts = [len(member.split.tests["test"]) for member in data.members]
    assert score["count"] == sum(counts)
    weighted = list(zip(off, counts, strict=True))
    assert score["mae"] == pytest.approx(sum(e * n for e, n in weighted) / sum(counts))
    assert score["mse"] == pytest.approx(sum(e * e * n for e, n in weighted) / sum(counts))
    naive = [
        float(m.series.values[: m.split.train.stop, 0].diff().abs().mean()) for m in data.members
    ]
    assert naive[2] == 0  # persistence is never wrong there: no measure of other errors
    assert score["mase"] == pytest.approx((1 / naive[0] + 100 / naive[1]) / 2)
    assert "arv" not in score
