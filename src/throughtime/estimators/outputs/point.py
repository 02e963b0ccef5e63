"""A number alone, learned by its squared error."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from throughtime.estimators.outputs.output import Output


class Point(Output):
    """The mean; what may come around it is known from residuals alone, which others keep."""

    parameters: ClassVar[int] = 1
    distribution: ClassVar[bool] = False

    def loss(self, given: Tensor, value: Tensor, size: Tensor | None = None) -> Tensor:
        """Give the squared error."""
        return (given[..., 0] - value).square()

    def center(self, given: Tensor) -> Tensor:
        """Give the number."""
        return given[..., 0]

    def draw(self, given: Tensor, size: Tensor | None = None) -> Tensor:
        """Give the number: nothing around it is known here."""
        return given[..., 0]
