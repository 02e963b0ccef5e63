"""A normal distribution, learned by its likelihood (Nix & Weigend 1994)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.distributions import Normal
from torch.nn.functional import softplus

from throughtime.estimators.outputs.likelihood import Likelihood

NARROWEST = 1e-3
"""Of a deviation, scaled: a likelihood without bound would be had from rows that repeat."""


class Gaussian(Likelihood):
    """Mean and standard deviation."""

    parameters: ClassVar[int] = 2

    def distribution_of(self, given: Tensor, size: Tensor | None) -> Normal:
        """Give the normal distribution."""
        return Normal(given[..., 0], softplus(given[..., 1]) + NARROWEST, validate_args=False)

    def center(self, given: Tensor) -> Tensor:
        """Give the mean."""
        return given[..., 0]
