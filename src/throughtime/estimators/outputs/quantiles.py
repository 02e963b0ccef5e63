"""Quantiles, learned by the pinball loss (Koenker & Bassett 1978): no shape is assumed."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from throughtime.estimators.outputs.output import Output

LEVELS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99)
"""What shares of values lie below each quantile."""
_MEDIAN = LEVELS.index(0.5)


class Quantiles(Output):
    """The median, and how far each quantile is from the one before it on the way to the median.

    So no two of them can cross. Their mean pinball loss, doubled, is nearly the continuous ranked
    probability score.
    """

    parameters: ClassVar[int] = len(LEVELS)

    def loss(self, given: Tensor, value: Tensor, size: Tensor | None = None) -> Tensor:
        """Give twice the mean pinball loss of the quantiles."""
        levels = given.new_tensor(LEVELS)
        above = value[..., None] - _quantiles(given)  # [..., Q]
        return 2 * torch.maximum(levels * above, (levels - 1) * above).mean(-1)

    def center(self, given: Tensor) -> Tensor:
        """Give the median."""
        return given[..., 0]

    def draw(self, given: Tensor, size: Tensor | None = None) -> Tensor:
        """Draw from the distribution that is linear between quantiles and beyond the outer ones."""
        quantiles = _quantiles(given)  # [..., Q]
        levels = given.new_tensor(LEVELS)
        share = torch.rand(given.shape[:-1], dtype=given.dtype, device=given.device)[..., None]
        after = torch.searchsorted(levels, share).clamp(1, len(LEVELS) - 1)
        low, high = quantiles.gather(-1, after - 1), quantiles.gather(-1, after)
        at, span = levels[after - 1], levels[after] - levels[after - 1]
        return (low + (high - low) * (share - at) / span)[..., 0]


def _quantiles(given: Tensor) -> Tensor:
    """Give the quantiles in order, [..., Q]."""
    median, steps = given[..., :1], softplus(given[..., 1:])
    below, above = steps[..., :_MEDIAN], steps[..., _MEDIAN:]
    return torch.cat([median - below.cumsum(-1).flip(-1), median, median + above.cumsum(-1)], -1)
