"""What every registered data source must hold."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from throughtime.data import Dataset, Member, load, sources
from throughtime.estimators import Settings


def check_source(name: str, source: Callable[[], Dataset]) -> None:
    """Hold a source to the contract: whole numbers of even steps, split in order of time."""
    dataset = source()
    series, split = dataset.series, dataset.split
    T = len(series)
    assert series.name == name
    assert series.source
    assert series.values.shape == (T, len(series.columns))
    assert series.values.dtype == torch.float64
    assert series.values.isfinite().all()
    assert len(set(series.times)) == T
    assert len(set(series.columns)) == len(series.columns)

    parts = [split.fit, split.validation, *split.tests.values()]
    assert all(len(part) >= 2 for part in parts)
    assert [row for part in parts for row in part] == sorted(
        {row for part in parts for row in part}
    )
    assert parts[0].start == 0
    assert parts[-1].stop <= T
    assert split.tests

    assert dataset.variance > 0
    assert dataset.variance_source
    Settings(**dataset.settings)

    again = source()
    assert torch.equal(again.series.values, series.values)
    assert again.split == split


@pytest.mark.parametrize("name", sources)
def test_every_source_holds_the_contract(name: str) -> None:
    check_source(name, sources[name])
    check_source(name, lambda: load(name))


def _leaking(dataset: Dataset) -> Dataset:
    tests = {"all": range(dataset.split.validation.stop - 1, len(dataset.series))}
    return replace(dataset, members=(Member(dataset.series, replace(dataset.split, tests=tests)),))


def _with_a_gap(dataset: Dataset) -> Dataset:
    values = dataset.series.values.clone()
    values[3] = torch.nan
    return replace(
        dataset, members=(Member(replace(dataset.series, values=values), dataset.split),)
    )


def _with_unknown_settings(dataset: Dataset) -> Dataset:
    return replace(dataset, settings={"hidden": -1})


@pytest.mark.parametrize("wrong", [_leaking, _with_a_gap, _with_unknown_settings])
def test_the_contract_fails_on_a_wrong_source(wrong: Callable[[Dataset], Dataset]) -> None:
    with pytest.raises((AssertionError, ValueError)):
        check_source("sunspots", lambda: wrong(sources["sunspots"]()))
