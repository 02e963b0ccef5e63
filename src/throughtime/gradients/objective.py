"""The loss over time: summed or averaged over the valid steps, and over nothing else."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from throughtime.gradients.method import Loss

Reduction = Literal["mean", "sum"]


def check_reduction(reduction: str) -> None:
    """Refuse an unknown reduction.

    Raises:
        ValueError: With the known ones.
    """
    if reduction not in ("mean", "sum"):
        raise ValueError(f'reduce must be "mean" or "sum", got {reduction!r}')


def elementwise(loss: Loss, outputs: Tensor, targets: Tensor) -> Tensor:
    """Give the loss of every step and row, [T, B, ...].

    Raises:
        ValueError: Outputs and targets would broadcast, or the loss is reduced already.
    """
    if outputs.dim() == targets.dim() and outputs.shape != targets.shape:
        raise ValueError(
            f"outputs are {tuple(outputs.shape)}, targets {tuple(targets.shape)}; a loss would "
            "broadcast them silently; give both the same shape"
        )
    losses = loss(outputs, targets)
    if losses.shape[:2] != targets.shape[:2]:
        raise ValueError(
            f"the loss must keep the steps and rows [{targets.shape[0]}, {targets.shape[1]}, ...], "
            f'got {tuple(losses.shape)}; pass one with reduction="none", such as '
            'torch.nn.MSELoss(reduction="none")'
        )
    return losses


def reduced(losses: Tensor, lengths: Tensor | None, reduction: Reduction) -> Tensor:
    """Sum or average elementwise losses over the valid steps.

    Args:
        losses: [T, B, ...]
        lengths: Valid steps of each row, [B]; whatever stands beyond, NaN too, counts for nothing.
        reduction: "sum", or "mean" over all valid elements.

    Returns:
        The loss, a tensor without dimensions.

    Raises:
        FloatingPointError: A valid loss is not finite; the first step and its row are named.
    """
    count = losses.numel()
    if lengths is not None:
        steps = torch.arange(losses.shape[0], device=losses.device)[:, None]
        valid = steps < lengths.to(losses.device)  # [T, B]
        valid = valid.view(*valid.shape, *(1,) * (losses.dim() - 2)).expand_as(losses)
        losses = torch.where(valid, losses, 0.0)
        count = int(valid.sum())
    total = losses.sum()
    if not torch.isfinite(total):
        _refuse(losses)
    return total / count if reduction == "mean" else total


def _refuse(losses: Tensor) -> None:
    faults = (~torch.isfinite(losses)).nonzero()
    if len(faults) == 0:
        raise FloatingPointError(
            f"the sum of the losses overflows {losses.dtype}; scale the targets or average instead"
        )
    step, row = (int(place) for place in faults[0][:2])
    value = float(losses[tuple(int(place) for place in faults[0])])
    raise FloatingPointError(
        f"the loss is {value} from step {step} on (row {row}; {len(faults)} of {losses.numel()} "
        "values are not finite); the weights are untouched; check inputs and targets for NaN, or "
        "lower the learning rate or clip the gradient"
    )
