from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from throughtime.data import Autoregression, DataError, Dataset, persistence, sunspots


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def relative_errors(forecasts: Tensor, dataset: Dataset) -> dict[str, float]:
    """The average relative variance on each test period."""
    errors = (forecasts - dataset.series.values[:, 0]) ** 2
    return {
        name: float(errors[rows.start : rows.stop].mean()) / dataset.variance
        for name, rows in dataset.split.tests.items()
    }


# Measured in float64. On 1921-1955 the figures often quoted are 0.416 and 0.123.
SUNSPOTS = {
    "persistence": {"1921-1955": 0.41584, "1956-1979": 0.93991, "1980-2008": 0.55154},
    "AR(9)": {"1921-1955": 0.12325, "1956-1979": 0.34162, "1980-2008": 0.16961},
}


@pytest.mark.parametrize("baseline", SUNSPOTS)
def test_errors_on_sunspots(baseline: str) -> None:
    dataset = sunspots()
    values = dataset.series.values[:, 0]
    if baseline == "persistence":
        forecasts = persistence(values)
    else:
        forecasts = Autoregression.fit(values, dataset.split.train, 9).predict(values)
    # The figures above are rounded to five places.
    assert relative_errors(forecasts, dataset) == pytest.approx(SUNSPOTS[baseline], abs=6e-6)


def test_persistence() -> None:
    forecasts = persistence(torch.tensor([3.0, 1.0, 2.0]))
    assert forecasts[0].isnan()
    assert forecasts[1:].tolist() == [3, 1]
    assert persistence(torch.empty(0)).shape == (0,)


@given(order=st.integers(1, 5), start=st.integers(0, 20), level=st.sampled_from([0.0, 1e6]))
@settings(deadline=None)
def test_least_squares(order: int, start: int, level: float) -> None:
    values = level + random(120, seed=order)
    rows = range(start, 100)
    forecasts = Autoregression.fit(values, rows, order).predict(values)
    assert forecasts[:order].isnan().all()
    targets = torch.arange(start + order, 100)
    residuals = (values - forecasts)[targets]
    # At the optimum, residuals are orthogonal to everything that forecasts are made from.
    tolerance = 1e-9 * max(1.0, level)  # a level of 1e6 costs as many digits
    assert abs(residuals.sum()) < tolerance
    for lag in range(1, order + 1):
        assert abs(residuals @ (values[targets - lag] - level)) < tolerance


def test_exact_coefficients() -> None:
    values = torch.empty(30, dtype=torch.float64)
    values[:2] = torch.tensor([1.0, -2.0])
    for row in range(2, 30):
        values[row] = 0.5 + 1.2 * values[row - 1] - 0.9 * values[row - 2]
    model = Autoregression.fit(values, range(30), 2)
    assert model.intercept == pytest.approx(0.5, abs=1e-9)
    assert model.coefficients == pytest.approx((1.2, -0.9), abs=1e-9)
    assert model.order == 2


def test_nothing_leaks_from_outside_the_rows() -> None:
    values = random(60)
    spoiled = values.clone()
    spoiled[:10] = torch.nan
    spoiled[40:] = torch.nan
    assert Autoregression.fit(spoiled, range(10, 40), 3) == Autoregression.fit(
        values, range(10, 40), 3
    )


def test_a_forecast_sees_only_the_past() -> None:
    values = random(40)
    model = Autoregression.fit(values, range(40), 3)
    changed = values.clone()
    changed[20:] += 5
    torch.testing.assert_close(
        model.predict(changed)[:21], model.predict(values)[:21], rtol=0, atol=0, equal_nan=True
    )
    assert model.predict(changed)[21] != model.predict(values)[21]


@pytest.mark.parametrize(
    ("values", "order"),
    [
        (torch.full((30,), 0.1, dtype=torch.float64), 1),
        (torch.arange(30, dtype=torch.float64), 2),
        (torch.arange(40, dtype=torch.float64).mul(0.5).sin(), 3),
        (1e6 + torch.arange(30, dtype=torch.float64), 2),
    ],
)
def test_dependent_lags(values: Tensor, order: int) -> None:
    with pytest.raises(DataError, match="no unique fit"):
        Autoregression.fit(values, range(len(values)), order)


def test_too_few_rows() -> None:
    with pytest.raises(DataError, match=r"order 9 needs at least 19 rows.*there are 18") as caught:
        Autoregression.fit(random(50), range(18), 9)
    assert "at most 8" in str(caught.value)
    Autoregression.fit(random(50), range(17), 8)
    Autoregression.fit(random(50), range(19), 9)


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="order must be at least 1, but is 0"):
        Autoregression.fit(random(50), range(18), 0)
    for rows in (range(51), range(-1, 5), range(0), range(0, 40, 2)):
        with pytest.raises(ValueError, match="rows must be consecutive"):
            Autoregression.fit(random(50), rows, 2)
    for values in (random(5, 1), torch.arange(5)):
        with pytest.raises(ValueError, match="vector of floating-point"):
            persistence(values)
