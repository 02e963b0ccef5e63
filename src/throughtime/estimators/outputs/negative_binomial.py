"""The negative binomial distribution: for counts (Salinas et al. 2020, DeepAR, equation 3)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import NegativeBinomial as Distribution
from torch.nn.functional import softplus

from throughtime.estimators.outputs.output import Output

_LEAST = 1e-4
"""Of mean and shape: at 0 the distribution has no density elsewhere."""


class NegativeBinomial(Output):
    """Mean and shape a; the variance of a count of mean m is m + a m^2."""

    parameters: ClassVar[int] = 2
    counts: ClassVar[bool] = True
    activation: ClassVar[str] = "softplus"

    def loss(self, given: Tensor, value: Tensor, size: Tensor | None = None) -> Tensor:
        """Give the negative log likelihood of the counts, in nats."""
        count = value if size is None else value * size
        loss: Tensor = -_distribution(given, size).log_prob(count.round())  # type: ignore[no-untyped-call]
        return loss

    def center(self, given: Tensor) -> Tensor:
        """Give the mean."""
        return softplus(given[..., 0])

    def draw(self, given: Tensor, size: Tensor | None = None) -> Tensor:
        """Draw from the distribution."""
        counts: Tensor = _distribution(given, size).sample()  # type: ignore[no-untyped-call]
        return counts if size is None else counts / size


def _distribution(given: Tensor, size: Tensor | None) -> Distribution:
    mean, shape = (softplus(part) + _LEAST for part in given.unbind(-1))
    if size is not None:
        mean = mean * size
    total = 1 / shape
    # The odds of one more are mean * shape: mean = total * odds.
    return Distribution(total, logits=torch.log(mean * shape), validate_args=False)
