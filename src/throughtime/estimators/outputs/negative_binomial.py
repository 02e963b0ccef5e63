"""The negative binomial distribution: for counts (Salinas et al. 2020, DeepAR, equation 3)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import NegativeBinomial as Distribution
from torch.nn.functional import softplus

from throughtime.estimators.outputs.likelihood import Likelihood

_LEAST = 1e-4
"""Of mean and shape: at 0 the distribution has no density elsewhere."""


class NegativeBinomial(Likelihood):
    """Mean and shape a; the variance of a count of mean m is m + a m^2."""

    parameters: ClassVar[int] = 2
    counts: ClassVar[bool] = True
    activation: ClassVar[str] = "softplus"

    def distribution_of(self, given: Tensor, size: Tensor | None) -> Distribution:
        """Give the negative binomial distribution of the counts."""
        mean, shape = (softplus(part) + _LEAST for part in given.unbind(-1))
        if size is not None:
            mean = mean * size
        # The odds of one more are mean * shape: mean = total * odds.
        return Distribution(1 / shape, logits=torch.log(mean * shape), validate_args=False)

    def center(self, given: Tensor) -> Tensor:
        """Give the mean."""
        return softplus(given[..., 0])
