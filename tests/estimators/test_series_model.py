from dataclasses import replace

import pytest
import torch

from tests.estimators.conftest import series
from throughtime.data import DataError, Dataset, Member, dataset
from throughtime.estimators import SeriesModel, Settings, SettingsError
from throughtime.estimators.series_flow import flow_of

quick = Settings(hidden=4, epochs=15, learning_rate=0.05, window=20, stride=3)


def weights(forecaster: SeriesModel) -> list[torch.Tensor]:
    return [p.detach().clone() for p in forecaster.network.parameters()]


def test_training_lowers_the_validation_loss(tide: Dataset) -> None:
    forecaster = SeriesModel.for_dataset(tide, replace(quick, epochs=60))
    outcome = forecaster.fit(tide)
    first = outcome.history[0].validation_loss
    assert first is not None
    assert outcome.best_validation_loss is not None
    assert outcome.best_validation_loss < 0.3 * first


@pytest.mark.parametrize("cell", ["gru", "elman", "lstm_peephole"])
def test_the_same_seed_gives_the_same_bits_whatever_was_drawn_before(
    tide: Dataset, cell: str
) -> None:
    results = []
    for drawn in (1, 5):
        torch.rand(drawn)
        forecaster = SeriesModel.for_dataset(tide, replace(quick, cell=cell, seed=7))
        forecaster.fit(tide)
        results.append(weights(forecaster))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
    other = SeriesModel.for_dataset(tide, replace(quick, cell=cell, seed=8))
    assert not torch.equal(results[0][0], weights(other)[0])


def test_it_leaves_the_callers_random_numbers_alone(tide: Dataset) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    SeriesModel.for_dataset(tide, quick).fit(tide)
    assert torch.equal(torch.rand(3), expected)


def test_test_rows_are_never_learned_from(tide: Dataset) -> None:
    results = []
    for scale in (1.0, 1000.0):
        values = tide.series.values.clone()
        values[tide.split.train.stop :] *= scale
        changed = replace(tide, members=(Member(replace(tide.series, values=values), tide.split),))
        forecaster = SeriesModel.for_dataset(changed, quick)
        outcome = forecaster.fit(changed)
        results.append([*weights(forecaster), torch.tensor(outcome.best_validation_loss)])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_a_forecast_depends_on_earlier_rows_alone(tide: Dataset) -> None:
    forecaster = SeriesModel.for_dataset(tide, quick)
    forecasts, following = forecaster.predict(tide.series)
    assert forecasts.shape == (80,)
    assert forecasts[0].isnan()
    assert forecasts[1:].isfinite().all()
    values = tide.series.values.clone()
    values[76] += 1.0
    changed, changed_following = forecaster.predict(replace(tide.series, values=values))
    assert torch.equal(changed[1:77], forecasts[1:77])
    assert not torch.equal(changed[77:], forecasts[77:])
    assert changed_following != following


def test_the_next_row_is_forecast_as_it_will_be_when_it_is_there(tide: Dataset) -> None:
    forecaster = SeriesModel.for_dataset(tide, quick)
    whole, _ = forecaster.predict(tide.series)
    shorter = replace(tide.series, values=tide.series.values[:50], times=tide.series.times[:50])
    _, following = forecaster.predict(shorter)
    assert following == pytest.approx(float(whole[50]), rel=1e-6)


def test_columns_are_found_by_name_and_others_left_out() -> None:
    known = dataset(series(covariate=False))
    forecaster = SeriesModel.for_dataset(known, quick)
    more = series(covariate=True)
    assert torch.equal(forecaster.predict(more)[0][1:], forecaster.predict(known.series)[0][1:])
    needs_wind = SeriesModel.for_dataset(dataset(more), quick)
    with pytest.raises(DataError, match=r"lacks the column\(s\) wind .* it has level"):
        needs_wind.predict(known.series)


def test_covariates_are_used(tide: Dataset) -> None:
    # The covariate is the next target: with it the forecast can be far better than without.
    alone = dataset(series(covariate=False))
    long = replace(quick, epochs=150)
    with_it, without = SeriesModel.for_dataset(tide, long), SeriesModel.for_dataset(alone, long)
    a, b = with_it.fit(tide).best_validation_loss, without.fit(alone).best_validation_loss
    assert a is not None
    assert b is not None
    assert a < b


def test_a_window_longer_than_the_rows_is_the_whole_of_them(tide: Dataset) -> None:
    forecaster = SeriesModel.for_dataset(tide, replace(quick, window=10_000, epochs=2))
    assert forecaster.fit(tide).stopped == "finished"


def test_flow_looks_at_the_last_steps_of_a_long_series(monkeypatch: pytest.MonkeyPatch) -> None:
    long = dataset(series(1000))
    forecaster = SeriesModel.for_dataset(long, quick)
    seen = {}

    def note(network: object, inputs: torch.Tensor, *others: object) -> None:
        seen["inputs"], seen["state"] = inputs, others[-1]

    monkeypatch.setattr("throughtime.estimators.series_flow.flow", note)
    flow_of(forecaster, long)
    known = forecaster.scaled(long.series)[: long.split.train.stop]
    assert torch.equal(seen["inputs"][:, 0], known[-301:-1])
    _, state = forecaster.network(known[:-301, None])
    assert torch.equal(seen["state"], state)


def test_weight_decay_is_passed_on_only_where_there_is_any(tide: Dataset) -> None:
    assert SeriesModel.for_dataset(tide, replace(quick, optimizer="rprop")).fit(tide).best_epoch
    with pytest.raises(SettingsError, match="'rprop' has no weight_decay"):
        replace(quick, optimizer="rprop", weight_decay=0.1)
    decayed = SeriesModel.for_dataset(tide, replace(quick, weight_decay=5.0, optimizer="adamw"))
    plain = SeriesModel.for_dataset(tide, replace(quick, optimizer="adamw"))
    decayed.fit(tide)
    plain.fit(tide)
    assert not torch.equal(weights(decayed)[0], weights(plain)[0])


def test_flow_has_a_layer_for_each_layer(tide: Dataset) -> None:
    forecaster = SeriesModel.for_dataset(tide, replace(quick, layers=2))
    flow = flow_of(forecaster, tide)
    assert [layer.name for layer in flow.layers] == ["layer 0", "layer 1"]
    assert flow.layers[1].median[0] == 1.0
