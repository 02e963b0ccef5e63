"""The loss of a sequence at weights that a model does not have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.gradients.chain import Chain
from throughtime.gradients.form import check_module, on_weights
from throughtime.gradients.method import Loss
from throughtime.gradients.objective import Reduction
from throughtime.gradients.state import carried, cut, layers_first, mapped


class Candidates:
    """What a network would lose at other points: other weights, and another start if it is learned.

    Args:
        model: As for `GradientMethod`, like all that follows.
        inputs: [T, B, ...]
        targets: [T, B, ...]
        loss: Elementwise.
        state: What the network carries before the first step; its leaves that require a gradient
            are part of the point.
        lengths: Valid steps of each row, [B].
        reset: Rows that start anew before a step, [T, B].
        reduce: "mean" or "sum".
        finite: Whether a loss that is not finite is refused; it is infinite otherwise.

    Attributes:
        points: The weights that require a gradient, then such leaves of the state, detached.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Tensor,
        targets: Tensor,
        loss: Loss,
        state: Any,
        lengths: Tensor | None,
        reset: Tensor | None,
        reduce: Reduction,
        finite: bool,
    ) -> None:
        check_module(model)
        self.model, self.state, self.reduce, self.finite = model, cut(state), reduce, finite
        self._sequences = (inputs, targets, loss)
        self._rows = (lengths, reset)
        weights = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self.starts = [s for s in carried(self.state) if s.requires_grad]
        self._names = list(weights)
        self._leaves = [*weights.values(), *self.starts]
        self.points = [leaf.detach() for leaf in self._leaves]
        devices = {p.device.index for p in self.points if p.device.type == "cuda"}
        self._random = torch.get_rng_state()
        self._random_on = {device: torch.cuda.get_rng_state(device) for device in devices}
        self._best, self._diverged = math.inf, 0

    def present(self) -> tuple[float, Any]:
        """Give the loss at the point as it is, and the state after the last step."""
        chain = self._chain(self.model, mapped(torch.Tensor.detach, self.state))
        return self._run(chain), chain.state

    def loss_at(self, point: Sequence[Tensor]) -> float:
        """Give the loss at a point; infinity where it is not finite, if that is let through.

        Raises:
            FloatingPointError: It is not finite, and that is not let through.
        """
        starts = iter(point[len(self._names) :])

        def moved(tensor: Tensor) -> Tensor:
            return next(starts) if tensor.requires_grad else tensor

        weights = dict(zip(self._names, point, strict=False))
        chain = self._chain(_At(self.model, weights), mapped(moved, self.state))
        with torch.random.fork_rng(devices=self._random_on):
            torch.set_rng_state(self._random)  # all draw the same
            for device, random in self._random_on.items():
                torch.cuda.set_rng_state(random, device)
            try:
                value = self._run(chain)
            except FloatingPointError:
                if self.finite:
                    raise
                value = math.inf
        self._best, self._diverged = min(self._best, value), self._diverged + math.isinf(value)
        return value

    def add(self, gradients: Sequence[Tensor]) -> None:
        """Add a gradient by the point to `.grad`."""
        for leaf, gradient in zip(self._leaves, gradients, strict=True):
            leaf.grad = gradient if leaf.grad is None else leaf.grad.add_(gradient)

    def figures(self) -> dict[str, float]:
        """Give the least loss seen, and how many were not finite."""
        return {"best": self._best, "diverged": float(self._diverged)}

    def _chain(self, model: nn.Module, state: Any) -> Chain:
        inputs, targets, loss = self._sequences
        chain = Chain(model, inputs, targets, loss, state, *self._rows)
        chain.layered = layers_first(self.model)  # whatever stands for it
        return chain

    def _run(self, chain: Chain) -> float:
        pieces = chain.run(chain.T, recorded=False)
        return chain.losses(pieces, self.reduce)[0]


class _At(nn.Module):
    """A model on weights that are not its own."""

    def __init__(self, model: nn.Module, weights: dict[str, Tensor]) -> None:
        super().__init__()
        # In a tuple, so that the model is no part of this one.
        self._call = (model, weights)
        self.batch_first = getattr(model, "batch_first", False)

    def forward(self, *arguments: Any, **named: Any) -> Any:
        model, weights = self._call
        return on_weights(model, weights, arguments, named)
