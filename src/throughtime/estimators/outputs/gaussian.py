"""A normal distribution, learned by its likelihood (Nix & Weigend 1994)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.distributions import Normal
from torch.nn.functional import softplus

from throughtime.estimators.outputs.output import Output

NARROWEST = 1e-3
"""Of a deviation, scaled: a likelihood without bound would be had from rows that repeat."""


class Gaussian(Output):
    """Mean and standard deviation."""

    parameters: ClassVar[int] = 2

    def loss(self, given: Tensor, value: Tensor, size: Tensor | None = None) -> Tensor:
        """Give the negative log likelihood, in nats."""
        loss: Tensor = -_distribution(given).log_prob(value)  # type: ignore[no-untyped-call]
        return loss

    def center(self, given: Tensor) -> Tensor:
        """Give the mean."""
        return given[..., 0]

    def draw(self, given: Tensor, size: Tensor | None = None) -> Tensor:
        """Draw from the distribution."""
        drawn: Tensor = _distribution(given).sample()  # type: ignore[no-untyped-call]
        return drawn


def _distribution(given: Tensor) -> Normal:
    return Normal(given[..., 0], softplus(given[..., 1]) + NARROWEST, validate_args=False)
