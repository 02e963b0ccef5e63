"""Series gone on with, against the same done by hand: forecast, append, forecast again."""

import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
import torch

from tests.estimators.conftest import series
from throughtime.data import Dataset, Member, Series, Split
from throughtime.data.calendar import season_of
from throughtime.data.clock import read_clock
from throughtime.data.future import following
from throughtime.estimators import SeriesModel, Settings
from throughtime.estimators.horizon_forecast import forecast
from throughtime.estimators.simulation import NoSpreadError, simulate

exact = Settings(
    hidden=5, layers=2, cell="lstm", epochs=3, window=12, stride=5, patience=None, dtype="float64"
)


def dated(T: int = 70, covariates: int = 0) -> Series:
    """Months of a positive series, with covariates beside it."""
    texts = [str(date(2000 + i // 12, i % 12 + 1, 1)) for i in range(T)]
    plain = series(T, covariate=False)
    draw = torch.Generator().manual_seed(5)
    others = 3 + torch.randn(T, covariates, generator=draw, dtype=torch.float64)
    return replace(
        plain,
        covariates=tuple(f"c{number}" for number in range(covariates)),
        values=torch.cat([plain.values, others], 1),
        times=tuple(texts),
        time_name="month",
        clock=read_clock(pl.Series(texts)),
    )


def whole(*members: Series) -> Dataset:
    several = None if len(members) == 1 else "shop"
    return Dataset(
        "made", tuple(Member(m, Split.whole(len(m), 0.0)) for m in members), series_column=several
    )


def trained(dataset: Dataset, settings: Settings) -> SeriesModel:
    model = SeriesModel.for_dataset(dataset, settings)
    model.fit(dataset)
    return model


def grown(one: Series, row: list[float]) -> Series:
    """Append a row, dated as it would be."""
    clock, times = following(one.clock, one.times, 1)
    assert one.clock is not None
    positions = np.append(one.clock.positions, clock.positions)
    return replace(
        one,
        values=torch.cat([one.values, torch.tensor([row], dtype=torch.float64)]),
        times=(*one.times, *times),
        clock=replace(one.clock, positions=positions),
    )


@pytest.mark.parametrize("transform", ["none", "sqrt", "log1p"])
@pytest.mark.parametrize("difference", [0, 1, 12])
@pytest.mark.parametrize("calendar", ["none", "year"])
def test_what_errs_nowhere_is_the_next_row_over_and_over(
    transform: str, difference: int, calendar: str
) -> None:
    one = dated()
    settings = replace(exact, transform=transform, difference=difference, calendar=calendar)
    model = trained(whole(one), settings)
    (found,) = simulate(model, [one], 15, paths=0)
    by_hand, expected = one, []
    for _ in range(15):
        _, next_value = model.predict(by_hand)
        expected.append(next_value)
        by_hand = grown(by_hand, [next_value])
    assert torch.allclose(found[0], torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-9)


def test_covariates_that_are_not_known_are_forecast_too() -> None:
    one = dated(covariates=2)
    model = trained(whole(one), exact)
    (found,) = simulate(model, [one], 6, paths=0)
    rows = model.scaled(one)
    with torch.no_grad():
        for _ in range(6):
            outputs, _ = model.network(rows[:, None])
            rows = torch.cat([rows, outputs[-1]])  # a number a column, in their order
    expected = model.scaling.for_series("tide").invert(rows)[-6:, 0]
    assert torch.allclose(found[0], expected, rtol=0, atol=1e-9)


def test_covariates_that_are_known_are_read_for_the_row_that_is_forecast() -> None:
    one = dated(covariates=2)
    model = trained(whole(one), replace(exact, known=("c1",)))
    known = torch.tensor([[1.0], [7.0], [-3.0]]).double()
    (found,) = simulate(model, [one], 3, [known], paths=0)
    by_hand, expected = one, []
    for step in range(3):
        # The last row's own numbers are not read, but for what is known of it.
        coming = grown(by_hand, [0.0, 0.0, float(known[step])])
        ahead, _ = model.predict(coming)
        expected.append(float(ahead[-1]))
        rows = model.scaled(coming)[:, None]
        outputs = model.network(model.rows.read(rows))[0][-1, 0].detach()
        c0 = float(outputs[1] * model.scaling.for_series("tide").scale[1])
        c0 += model.scaling.for_series("tide").center[1]
        by_hand = grown(by_hand, [float(ahead[-1]), c0, float(known[step])])
    assert torch.allclose(found[0], torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-9)
    (other,) = simulate(model, [one], 3, [known + 1], paths=0)
    assert not torch.allclose(found, other, atol=1e-6)


def test_a_known_covariate_helps_as_much_as_it_says() -> None:
    one = dated(120, covariates=1)
    values = one.values.clone()
    values[:, 1] = torch.randn(120, generator=torch.Generator().manual_seed(1)).double()
    values[:, 0] = 10 + values[:, 1]  # what nothing before can tell
    told = replace(one, values=values)
    settings = replace(exact, epochs=60, learning_rate=0.02, hidden=8, layers=1)
    rows = slice(100, 120)
    errors = []
    for known in ((), ("c0",)):
        model = trained(whole(told.part(range(100))), replace(settings, known=known))
        ahead, _ = model.predict(told)
        errors.append(float((ahead - values[:, 0])[rows].square().mean()))
    assert errors[1] < 0.05 * errors[0]


def test_several_series_at_once_are_each_as_alone() -> None:
    several = [replace(dated(T), name=str(T)) for T in (40, 55, 70)]
    model = trained(whole(*several), replace(exact, difference=1, calendar="year"))
    together = simulate(model, several, 8, paths=0)
    for one, found in zip(several, together, strict=True):
        (alone,) = simulate(model, [one], 8, paths=0)
        assert torch.allclose(found, alone, rtol=0, atol=1e-9)


def test_ways_are_drawn_from_what_the_network_says() -> None:
    one = dated()
    model = trained(whole(one), replace(exact, output="gaussian"))
    (ways,) = simulate(model, [one], 2, paths=20_000)
    with torch.no_grad():
        outputs, _ = model.network(model.scaled(one)[:, None])
    mean, spread = outputs[-1, 0, 0], torch.nn.functional.softplus(outputs[-1, 0, 1]) + 1e-3
    scaling = model.scaling.for_series("tide")
    first = ways[:, 0]
    assert float(first.mean()) == pytest.approx(float(scaling.invert_target(mean)), abs=0.05)
    assert float(first.std()) == pytest.approx(float(spread) * scaling.scale[0], rel=0.03)


def test_counts_stay_counts() -> None:
    counts = torch.poisson(torch.full((70, 1), 4.0), torch.Generator().manual_seed(0)).double()
    one = replace(dated(), values=counts)
    model = trained(whole(one), replace(exact, output="negative_binomial"))
    (ways,) = simulate(model, [one], 5, paths=300)
    assert torch.equal(ways, ways.round())
    (said,) = forecast(model, [one], 5, paths=300)
    ends = torch.stack([said.predicted, *said.interval(80), *said.interval(95)])
    assert torch.equal(ends, ends.round())
    assert float(ways.min()) >= 0


def test_numbers_alone_err_as_they_did_on_rows_held_out() -> None:
    one = dated(100)
    dataset = Dataset("made", (Member(one, Split.whole(100, 0.3)),))
    model = SeriesModel.for_dataset(dataset, replace(exact, patience=5))
    with pytest.raises(NoSpreadError, match="train again"):
        simulate(model, [one], 3, paths=10)
    model.fit(dataset)
    ahead, following = model.predict(one)
    scale = model.scaling.for_series("tide").scale[0]
    errors = (one.values[70:, 0] - ahead[70:]) / scale
    assert model.residuals is not None
    assert torch.allclose(
        model.residuals[:, 0].sort().values, (errors - errors.mean()).sort().values, atol=1e-9
    )
    (ways,) = simulate(model, [one], 1, paths=4000)
    off = ((ways[:, 0] - following) / scale).unique()
    distance = (off[:, None] - model.residuals[:, 0]).abs().min(1).values
    assert float(distance.max()) < 1e-9


def test_the_seed_decides_and_torchs_numbers_are_left_alone() -> None:
    one = dated()
    model = trained(whole(one), replace(exact, output="quantiles"))
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    a = simulate(model, [one], 4, paths=5, seed=1)[0]
    assert torch.equal(torch.rand(2), expected)
    assert torch.equal(a, simulate(model, [one], 4, paths=5, seed=1)[0])
    assert not torch.equal(a, simulate(model, [one], 4, paths=5, seed=2)[0])


def test_weekly_data_of_a_leap_year_keep_their_place() -> None:
    texts = [str(date(2019, 1, 5) + timedelta(7 * week)) for week in range(120)]
    clock = read_clock(pl.Series(texts))
    assert season_of(clock) == 52
    later, _ = following(clock, texts, 52)
    assert math.isclose(later.positions[-1] - later.positions[0], 51 * 7 * 86400)
