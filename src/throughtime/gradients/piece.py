"""Some steps of a network, run in one call, and their way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.engine import any_nan

Passing = Callable[[list[Tensor | None], "Piece"], list[Tensor | None]]


@dataclass
class Piece:
    """Steps run in one call.

    Attributes:
        steps: Which.
        before: The tensors carried in, cut from what came before.
        reset: For each of `before`, which rows start anew with the first step: truth values that
            broadcast to it. None for none.
        outputs: [steps, B, ...]
        after: The tensors carried out.
    """

    steps: range
    before: list[Tensor]
    reset: Sequence[Tensor] | None
    outputs: Tensor
    after: list[Tensor]

    def back(
        self, d_outputs: Tensor | None, d_after: Sequence[Tensor | None], keep: bool
    ) -> list[Tensor | None]:
        """Add the piece's part of the gradient to `.grad`.

        Args:
            d_outputs: dE/dY of its steps; None for nothing.
            d_after: dE/dS by what it carries out; None for nothing.
            keep: Whether the piece will be differentiated again.

        Returns:
            dE/dS by what was carried in, rows that start anew cut off.

        Raises:
            FloatingPointError: What flows back is NaN; steps and a row are named.
        """
        pairs = [
            (tensor, gradient)
            for tensor, gradient in zip(
                (self.outputs, *self.after), (d_outputs, *d_after), strict=True
            )
            if gradient is not None and tensor.requires_grad
        ]
        for tensor in self.before:
            tensor.grad = None
        if pairs:
            results, gradients = zip(*pairs, strict=True)
            torch.autograd.backward(results, gradients, retain_graph=keep)
        found = [tensor.grad for tensor in self.before]
        for tensor in self.before:
            tensor.grad = None
        return self.handed_on(found)

    def kept(self) -> list[Tensor]:
        """Give what is kept for the way back beside what autograd keeps."""
        return []

    def handed_on(self, found: Sequence[Tensor | None]) -> list[Tensor | None]:
        """Give dE/dS by what was carried in as it goes on: rows that start anew cut off.

        Raises:
            FloatingPointError: It is NaN; steps and a row are named.
        """
        for gradient in found:
            if gradient is not None and any_nan(gradient):
                self._refuse(gradient)
        if self.reset is None:
            return list(found)
        return [
            None if gradient is None else gradient.masked_fill(rows, 0)
            for gradient, rows in zip(found, self.reset, strict=True)
        ]

    def _refuse(self, gradient: Tensor) -> None:
        place = [int(i) for i in gradient.isnan().nonzero()[0]]
        where = f"step {self.steps[0]}"
        if len(self.steps) > 1:
            where = f"steps {self.steps[0]} to {self.steps[-1]}"
        raise FloatingPointError(
            f"the gradient that flows back through {where} is not a number (in the state at "
            f"{place}); no weight was changed by it; lower the learning rate or clip the gradient"
        )
