"""Forecasters to export, with a column whose name C's comments must not stumble over."""

from dataclasses import replace

import torch

from tests.estimators.conftest import series
from throughtime.data import Series, dataset
from throughtime.estimators import SeriesModel, Settings

TOLERANCE = 1e-5
"""Of a forecast, over the spread of the target: float32 in the network, float64 around it."""

OF_TRANSFORMS = {"none": "slstm", "sqrt": "gru", "log1p": "leaky"}
"""A cell to go with each transform of the target."""


def far_off(transform: str) -> Series:
    """A series whose columns float32 could not hold: a large mean and a small spread."""
    tide = series()
    values = tide.values.clone()
    if transform == "none":
        values[:, 0] += 1e6
    values[:, 1] += 1e7
    return replace(tide, values=values, covariates=("wind */ /* ??/ é",))


def made(transform: str) -> tuple[SeriesModel, Series]:
    """Make an untrained forecaster and the series that its scaling comes from."""
    given = far_off(transform)
    settings = Settings(
        cell=OF_TRANSFORMS[transform], hidden=5, layers=2, transform=transform, patience=None
    )
    return SeriesModel.for_dataset(dataset(given), settings), given


def distance(forecaster: SeriesModel, given: Series, outputs: torch.Tensor) -> float:
    """Give how far outputs [T] are from `predict`'s, over the spread of the target."""
    forecasts, following = forecaster.predict(given)
    expected = torch.cat([forecasts[1:], torch.tensor([following], dtype=torch.float64)])
    return float((outputs - expected).abs().max() / given.values[:, 0].std())
