import math

import pytest
import torch

from throughtime.data import Dataset, Series, dataset


def series(T: int = 80, covariate: bool = True) -> Series:
    """A noisy oscillation, and a covariate that runs ahead of it."""
    generator = torch.Generator().manual_seed(3)
    t = torch.arange(T, dtype=torch.float64)
    target = 5 + 2 * torch.sin(t * 2 * math.pi / 11)
    target += 0.1 * torch.randn(T, generator=generator, dtype=torch.float64)
    columns = [target, target.roll(-1) * 100] if covariate else [target]
    return Series(
        name="tide",
        target="level",
        covariates=("wind",) if covariate else (),
        time_name="hour",
        times=tuple(str(hour) for hour in range(T)),
        values=torch.stack(columns, 1),
        source="made for a test",
    )


@pytest.fixture
def tide() -> Dataset:
    return dataset(series())
