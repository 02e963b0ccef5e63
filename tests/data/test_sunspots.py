from __future__ import annotations

from importlib.resources import files

import torch

from throughtime.data import sunspots


def test_years_and_numbers() -> None:
    series = sunspots().series
    assert series.columns == ("sunspots",)
    assert series.times == tuple(map(str, range(1700, 2009)))
    assert series.values.shape == (309, 1)
    assert series.values.dtype == torch.float64
    by_year = dict(zip(series.times, series.values[:, 0].tolist(), strict=True))
    assert by_year["1700"] == 5
    assert by_year["1957"] == 190.2  # the highest
    assert max(by_year.values()) == 190.2
    assert by_year["2008"] == 2.9


def test_split_is_that_of_the_literature() -> None:
    dataset = sunspots()
    times, split = dataset.series.times, dataset.split
    assert (times[split.train.start], times[split.train.stop - 1]) == ("1700", "1920")
    assert (times[split.validation.start], times[split.validation.stop - 1]) == ("1885", "1920")
    for name, rows in split.tests.items():
        assert name == f"{times[rows.start]}-{times[rows.stop - 1]}"
    parts = [split.fit, split.validation, *split.tests.values()]
    assert [row for part in parts for row in part] == list(range(309))
    assert dataset.variance == 1535


def test_file_is_plain() -> None:
    import polars as pl

    text = (files("throughtime.data") / "sunspots.csv").read_bytes()
    frame = pl.read_csv(text)
    assert dict(frame.schema) == {"year": pl.Int64, "sunspots": pl.Float64}
    assert len(frame) == 309
