from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from throughtime.data import DataError, Scaling, ScalingBySeries

SMALL = torch.tensor([[1.0, 10], [3, 10], [5, 10], [100, 10]], dtype=torch.float64)
LARGE = torch.tensor([[1000.0, 40], [3000, 40], [9999, 40]], dtype=torch.float64)
FITTED = [("small", SMALL, range(3)), ("large", LARGE, range(2))]


def test_targets_by_their_own_rows_and_covariates_by_all() -> None:
    scaling = ScalingBySeries.fit(FITTED)
    small, large = scaling.for_series("small"), scaling.for_series("large")
    assert (small.center[0], large.center[0]) == (3.0, 2000.0)
    assert small.scale[0] == pytest.approx((8 / 3) ** 0.5)
    assert large.scale[0] == 1000.0
    # Constant in each series, the second column still tells them apart.
    assert small.center[1] == large.center[1] == pytest.approx((3 * 10 + 2 * 40) / 5)
    assert small.apply(SMALL)[0, 1] == pytest.approx(-((2 / 3) ** 0.5))
    assert large.apply(LARGE)[0, 1] == pytest.approx((3 / 2) ** 0.5)


def test_no_row_outside_the_training_part_is_looked_at() -> None:
    changed = SMALL.clone()
    changed[3] = 1e9
    assert ScalingBySeries.fit([("small", changed, range(3)), FITTED[1]]) == ScalingBySeries.fit(
        FITTED
    )


def test_without_covariates_a_series_is_scaled_as_alone() -> None:
    found = ScalingBySeries.fit([("small", SMALL[:, :1], range(4))], "sqrt").for_series("small")
    assert found == Scaling.fit(SMALL[:, :1], range(4), "sqrt")


def test_a_series_that_was_not_there_is_refused() -> None:
    scaling = ScalingBySeries.fit(FITTED)
    with pytest.raises(DataError, match="not trained on the series 'medium', 'tiny'") as caught:
        scaling.check(["small", "medium", "tiny"], "shops.csv")
    assert str(caught.value).startswith("shops.csv: ")
    assert "it knows 'small', 'large'." in str(caught.value)
    with pytest.raises(DataError, match="'medium'"):
        scaling.for_series("medium")


def test_a_value_that_the_transform_does_not_take_is_placed_in_its_series() -> None:
    with pytest.raises(DataError, match=r"series 'low': The target has -1 in row 2"):
        ScalingBySeries.fit([("low", torch.tensor([[1.0], [-1.0]]), range(2))], "sqrt")


def test_it_is_rebuilt_from_json() -> None:
    scaling = ScalingBySeries.fit(FITTED, "log1p")
    assert ScalingBySeries.from_dict(json.loads(json.dumps(scaling.as_dict()))) == scaling


@pytest.mark.parametrize(
    "change",
    [
        {"series": {}}, {"series": {"small": [1.0]}}, {"series": {"small": [1.0, 0.0]}},
        {"series": {"small": [1.0, "2"]}}, {"series": [1.0, 2.0]}, {"transform": "cube"},
        {"covariates": None}, {"covariates": {"center": [1.0], "scale": []}},
        {"covariates": {"center": 1.0, "scale": 1.0}}, {"more": 1},
        {"series": {"small": [float("nan"), 1.0]}},
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="malformed"):
        ScalingBySeries.from_dict(ScalingBySeries.fit(FITTED).as_dict() | change)
