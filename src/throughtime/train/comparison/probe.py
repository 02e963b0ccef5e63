"""How near a method's gradient is to that of full backpropagation, where the weights are."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.data.batch import Batch
from throughtime.data.tasks import Task
from throughtime.gradients import BPTT, GradientMethod


class Probe:
    """Compares gradients of the same sequences at the same weights.

    The updates that a method makes of a batch are added up at fixed weights, as sums over the
    steps: for a method that is exact this is the gradient of the whole sequence. What a method has
    learned, and where its random numbers stand, is left as it is.

    Args:
        task: Brings the loss.
        batch: What is differentiated.
    """

    def __init__(self, task: Task, batch: Batch) -> None:
        self.task, self.batch = task, batch

    def __call__(
        self, model: nn.Module, method: GradientMethod
    ) -> tuple[float | None, float | None]:
        """Give the cosine of the angle to BPTT's gradient, and the ratio of the norms to it.

        Returns:
            None for what is not to be had: a gradient is zero or not finite, or the method's is no
            gradient.
        """
        if method.whole_step:
            return None, None
        try:
            mine, full = self._gradient(model, method), self._gradient(model, BPTT())
        except FloatingPointError:
            return None, None
        lengths = mine.norm(), full.norm()
        if not all(0 < float(length) < float("inf") for length in lengths):
            return None, None
        cosine = (mine / lengths[0]) @ (full / lengths[1])
        return max(-1.0, min(1.0, float(cosine))), float(lengths[0] / lengths[1])

    def _gradient(self, model: nn.Module, method: GradientMethod) -> Tensor:
        summing: Any = copy.deepcopy(method)
        summing.reduce = "sum"
        model = copy.deepcopy(model)
        model.zero_grad()
        batch = self.batch
        for _ in summing(model, batch.inputs, batch.targets, self.task.loss, lengths=batch.lengths):
            pass
        return torch.cat(
            [
                torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten()
                for p in model.parameters()
            ]
        ).double()
