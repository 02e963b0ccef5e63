"""A distribution of a known form, learned by its likelihood."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor
from torch.distributions import Distribution

from throughtime.estimators.outputs.output import Output


class Likelihood(Output):
    """The network gives the parameters of a distribution, of scaled values or of counts."""

    @abstractmethod
    def distribution_of(self, given: Tensor, size: Tensor | None) -> Distribution:
        """Give the distribution for numbers of the network, [..., P] to [...]."""

    def loss(self, given: Tensor, value: Tensor, size: Tensor | None = None) -> Tensor:
        """Give the negative log likelihood, in nats."""
        seen = (value * size).round() if self.counts and size is not None else value
        likelihood: Tensor = self.distribution_of(given, size).log_prob(seen)
        return -likelihood

    def draw(self, given: Tensor, size: Tensor | None = None) -> Tensor:
        """Draw from the distribution."""
        drawn: Tensor = self.distribution_of(given, size).sample()
        return drawn / size if self.counts and size is not None else drawn
