"""Backpropagation through time over the whole sequence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from throughtime.gradients.chain import Chain
from throughtime.gradients.method import Loss, Update
from throughtime.gradients.through_time import ThroughTime


class BPTT(ThroughTime):
    """Full backpropagation through time (Rumelhart, Hinton & Williams 1986; Werbos 1990).

    One update covers the whole sequence; its gradient is exact. Nothing flows back beyond the first
    step, except into a state that is a leaf of its own.

    Args:
        reduce: "mean" averages the loss over all valid elements, "sum" adds them up as the textbook
            does, `E = sum_t (d_t - Y_t)^2`.
        clip: See `ThroughTime`.

    Raises:
        ValueError: The reduction is unknown.

    Example:
        >>> import torch, throughtime as tt
        >>> model = tt.Network("elman", input_size=1, hidden_size=4, output_size=1)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> x, d = torch.zeros(10, 2, 1), torch.ones(10, 2, 1)
        >>> for update in BPTT()(model, x, d, torch.nn.MSELoss(reduction="none")):
        ...     optimizer.step()
        ...     optimizer.zero_grad()
        >>> update.steps
        range(0, 10)
    """

    def __call__(
        self,
        model: nn.Module,
        inputs: Tensor,
        targets: Tensor,
        loss: Loss,
        state: Any = None,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
    ) -> Iterator[Update]:
        """Yield once, with the gradient of the whole sequence; see `GradientMethod`."""
        chain = Chain(model, inputs, targets, loss, state, lengths, reset)
        pieces = chain.run(len(inputs), each=1 if self.step_by_step else None)
        total, limited = self.differentiate(chain, pieces, len(pieces))
        yield self.complete(chain, 0, total, limited, {})

    def __repr__(self) -> str:
        return self._shown()
