"""Student's t distribution: for series with outliers, whose tails it learns (Lange et al. 1989)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.distributions import StudentT as Distribution
from torch.nn.functional import softplus

from throughtime.estimators.outputs.gaussian import NARROWEST
from throughtime.estimators.outputs.likelihood import Likelihood

_FEWEST_DEGREES = 2.0
"""Of freedom: with fewer there is no variance."""


class StudentT(Likelihood):
    """Location, scale and degrees of freedom."""

    parameters: ClassVar[int] = 3

    def distribution_of(self, given: Tensor, size: Tensor | None) -> Distribution:
        """Give Student's t distribution."""
        location, scale, degrees = given.unbind(-1)
        spread = softplus(scale) + NARROWEST
        return Distribution(
            _FEWEST_DEGREES + softplus(degrees), location, spread, validate_args=False
        )

    def center(self, given: Tensor) -> Tensor:
        """Give the location."""
        return given[..., 0]
