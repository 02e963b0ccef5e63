"""What every output of a forecaster can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor


class Output(ABC):
    """How the numbers that a network gives for the next value of a column are read.

    Values are scaled ones. Of counts, `size` is what one of them stands for: a count divided by it
    is the scaled value. [..., 1] or [...] of one shape with the values; other outputs ignore it.
    """

    parameters: ClassVar[int]
    """How many numbers the network gives for a value, P; the first is, but for `activation`, the
    value that is forecast."""
    counts: ClassVar[bool] = False
    """Whether values are counts: whole, none below 0, scaled by their mean alone."""
    activation: ClassVar[str] = "identity"
    """What the first number goes through to be the forecast."""
    distribution: ClassVar[bool] = True
    """Whether the network itself says how values are distributed."""

    @abstractmethod
    def loss(self, given: Tensor, value: Tensor, size: Tensor | None = None) -> Tensor:
        """Give the loss of what was said of values that have come.

        Args:
            given: What the network gave. [..., P]
            value: What came. [...]
            size: Of a count, scaled.

        Returns:
            [...]
        """

    @abstractmethod
    def center(self, given: Tensor) -> Tensor:
        """Give the forecast, [..., P] to [...]: the mean of counts, the median of all else."""

    @abstractmethod
    def draw(self, given: Tensor, size: Tensor | None = None) -> Tensor:
        """Draw a value from each distribution, [..., P] to [...], by torch's generator."""
