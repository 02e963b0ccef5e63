"""Which steps of a sequence its loss hears: the size of dE/dx_t."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from throughtime.gradients.method import Loss
from throughtime.gradients.objective import elementwise


def credit(model: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """Measure which inputs the loss of one sequence hears, in double precision.

    Args:
        model: (inputs, state) -> (outputs, state); it runs in evaluation mode and is not changed.
        inputs: [T, 1, I]
        targets: [T, 1, ...]
        loss: Elementwise.

    Returns:
        |dE/dx_t|, E being the sum of the losses of all steps. float64 [T]

    Raises:
        ValueError: There is not one row.
    """
    if inputs.dim() != 3 or inputs.shape[1] != 1:
        raise ValueError(f"credit is of one row, [T, 1, I]; got {list(inputs.shape)}")
    network = copy.deepcopy(model).double().eval()
    heard = inputs.detach().double().requires_grad_()
    with torch.enable_grad():
        outputs, _ = network(heard)
        error = elementwise(loss, outputs, targets, None).sum()
        (gradient,) = torch.autograd.grad(error, heard)
    sizes: Tensor = torch.linalg.vector_norm(gradient[:, 0], dim=1)
    return sizes
