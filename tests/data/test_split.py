from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from throughtime.data import DataError, Series, chronological, dataset


def series_of(values: Tensor) -> Series:
    times = tuple(str(row) for row in range(1, len(values) + 1))
    return Series("rain", "v", (), "row", times, values.double()[:, None], "a test")


@given(
    rows=st.integers(0, 400),
    validation=st.floats(0.01, 0.98),
    test=st.floats(0.01, 0.98),
)
@settings(deadline=None)
def test_parts_follow_each_other_or_the_split_is_refused(
    rows: int, validation: float, test: float
) -> None:
    series = series_of(torch.arange(rows))
    try:
        split = chronological(series, validation, test)
    except DataError:
        assert rows < max(20 / max(1e-9, 1 - validation - test), 2 / validation, 2 / test) + 1
        return
    parts = [split.fit, split.validation, split.tests["test"]]
    assert [row for part in parts for row in part] == list(range(rows))
    assert len(split.fit) >= 20
    assert min(len(split.validation), len(split.tests["test"])) >= 2
    assert abs(len(split.validation) - validation * rows) <= 1
    assert abs(len(split.tests["test"]) - test * rows) <= 1


def test_sizes() -> None:
    split = chronological(series_of(torch.arange(100)), validation=0.29, test=0.1)
    assert split.fit == range(61)
    assert split.validation == range(61, 90)
    assert split.tests == {"test": range(90, 100)}


def test_too_few_rows_says_how_many_are_needed() -> None:
    with pytest.raises(DataError, match="has 20 rows, too few to split: 13 to fit") as caught:
        chronological(series_of(torch.arange(20)))
    assert "29 rows or more" in str(caught.value)
    with pytest.raises(DataError):
        chronological(series_of(torch.arange(28)))
    for rows in range(29, 90):
        assert len(chronological(series_of(torch.arange(rows))).fit) >= 20


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan"), float("inf")])
def test_fractions_outside_their_bounds(fraction: float) -> None:
    with pytest.raises(DataError, match="The validation fraction is"):
        chronological(series_of(torch.arange(100)), validation=fraction)
    with pytest.raises(DataError, match="The test fraction is"):
        chronological(series_of(torch.arange(100)), test=fraction)


def test_fractions_that_leave_nothing() -> None:
    with pytest.raises(DataError, match="leave none to fit"):
        chronological(series_of(torch.arange(100)), validation=0.5, test=0.5)


def test_variance_is_that_of_the_training_part_alone() -> None:
    values = torch.randn(100, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = float(((values[:80] - values[:80].mean()) ** 2).mean())
    found = dataset(series_of(values))
    assert found.split.train == range(80)
    assert found.variance == pytest.approx(expected, rel=1e-12)
    assert "training part" in found.variance_source
    values[80:] = 1e6
    assert dataset(series_of(values)).variance == found.variance


@pytest.mark.parametrize("constant", [0.1, 1e-200])
def test_constant_training_part(constant: float) -> None:
    values = torch.full((100,), constant, dtype=torch.float64)
    values[:80:2] *= 1 if constant == 0.1 else 2  # whose variance underflows
    values[80:] = torch.arange(20)
    with pytest.raises(DataError, match=r"'v' is constant .* over the training part \(1 to 80\)"):
        dataset(series_of(values))
