"""Student's t distribution: for series with outliers, whose tails it learns (Lange et al. 1989)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.distributions import StudentT as Distribution
from torch.nn.functional import softplus

from throughtime.estimators.outputs.gaussian import NARROWEST
from throughtime.estimators.outputs.output import Output

_FEWEST_DEGREES = 2.0
"""Of freedom: with fewer there is no variance."""


class StudentT(Output):
    """Location, scale and degrees of freedom."""

    parameters: ClassVar[int] = 3

    def loss(self, given: Tensor, value: Tensor, size: Tensor | None = None) -> Tensor:
        """Give the negative log likelihood, in nats."""
        loss: Tensor = -_distribution(given).log_prob(value)  # type: ignore[no-untyped-call]
        return loss

    def center(self, given: Tensor) -> Tensor:
        """Give the location."""
        return given[..., 0]

    def draw(self, given: Tensor, size: Tensor | None = None) -> Tensor:
        """Draw from the distribution."""
        drawn: Tensor = _distribution(given).sample()
        return drawn


def _distribution(given: Tensor) -> Distribution:
    location, scale, degrees = given.unbind(-1)
    return Distribution(
        _FEWEST_DEGREES + softplus(degrees),
        location,
        softplus(scale) + NARROWEST,
        validate_args=False,
    )
