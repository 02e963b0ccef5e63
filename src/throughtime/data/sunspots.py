"""The yearly sunspot numbers, the benchmark series of forecasting with networks."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import as_file, files

from throughtime.data.reading import read_series
from throughtime.data.series import Dataset, Split

SOURCE = (
    "National Geophysical Data Center, yearly sunspot numbers, as in statsmodels; public domain"
)

FIRST_YEAR = 1700
VALIDATION_YEARS = range(1885, 1921)
"""The last of the training years, on which settings are chosen."""

TEST_YEARS = {
    "1921-1955": range(1921, 1956),
    "1956-1979": range(1956, 1980),
    "1980-2008": range(1980, 2009),
}
"""The two test periods of the literature, and the years that have come since."""

VARIANCE = 1535.0
"""What Weigend, Huberman & Rumelhart (1990) and others since divide mean squared errors by."""


SETTINGS = {
    "transform": "sqrt",
    "hidden": 8,
    "window": 30,
    "stride": 4,
    "learning_rate": 0.003,
    "epochs": 300,
    "patience": None,
}
"""Chosen by validation inside 1700-1920, see docs/sunspots.md; all of these years are fitted."""


def sunspots() -> Dataset:
    """Load the yearly sunspot numbers from 1700 to 2008 with the split of the literature.

    Networks are trained on 1700-1920 and tested on 1921-1955 and 1956-1979, errors being divided by
    a variance of 1535 (Weigend, Huberman & Rumelhart 1990, "Predicting the future: a connectionist
    approach", Int. J. Neural Systems 1). The years since, 1980-2008, are a third test.

    Source: the data set "sunspots" of statsmodels, compiled by the National Geophysical Data
    Center; public domain. These are the sunspot numbers as they were before the revision of 2015.

    Returns:
        309 years of one column, "sunspots"; values are [309, 1].
    """
    with as_file(files("throughtime.data") / "sunspots.csv") as path:
        series = read_series(path, target="sunspots", time="year")
    split = Split(
        fit=_rows(range(FIRST_YEAR, VALIDATION_YEARS.start)),
        validation=_rows(VALIDATION_YEARS),
        tests={name: _rows(years) for name, years in TEST_YEARS.items()},
    )
    series = replace(series, source=SOURCE)
    source = "Weigend, Huberman & Rumelhart (1990)"
    return Dataset.of(series, split, VARIANCE, source, settings=SETTINGS)


def _rows(years: range) -> range:
    return range(years.start - FIRST_YEAR, years.stop - FIRST_YEAR)
