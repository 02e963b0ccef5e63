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


def elementwise(
    loss: Loss, outputs: Tensor, targets: Tensor, lengths: Tensor | None = None
) -> Tensor:
    """Give the loss of every step and row, [T, B, ...].

    Args:
        loss: Keeps steps and rows.
        outputs: [T, B, ...]
        targets: [T, B, ...]
        lengths: Valid steps of each row, [B]. The losses beyond are finite, but mean nothing.

    Raises:
        ValueError: Outputs and targets would broadcast, or the loss is reduced already.
    """
    if outputs.dim() == targets.dim() and outputs.shape != targets.shape:
        raise ValueError(
            f"outputs are {tuple(outputs.shape)}, targets {tuple(targets.shape)}; a loss would "
            "broadcast them silently; give both the same shape"
        )
    if lengths is not None:
        # Whatever stands in the padding would reach the gradient: the derivative of a masked NaN is
        # 0 * NaN. So the loss sees a valid pair there,
        valid = valid_steps(lengths, outputs)
        row = int(lengths.argmax())
        outputs = torch.where(_beside(valid, outputs), outputs, outputs[0, row].detach())
        targets = torch.where(_beside(valid, targets), targets, targets[0, row])
    losses = loss(outputs, targets)
    if losses.numel() > outputs.numel():
        raise ValueError(
            f"the loss of outputs {tuple(outputs.shape)} and targets {tuple(targets.shape)} is "
            f"{tuple(losses.shape)}: it has broadcast them; give targets the shape of the outputs"
        )
    if losses.shape[:2] != targets.shape[:2]:
        raise ValueError(
            f"the loss must keep the steps and rows [{targets.shape[0]}, {targets.shape[1]}, ...], "
            f'got {tuple(losses.shape)}; pass one with reduction="none", such as '
            'torch.nn.MSELoss(reduction="none")'
        )
    return losses


def reduced(
    losses: Tensor,
    lengths: Tensor | None,
    reduction: Reduction,
    first_step: int = 0,
    over: float | None = None,
) -> Tensor:
    """Sum or average elementwise losses over the valid steps.

    Args:
        losses: [T, B, ...]
        lengths: Valid steps of each row, [B]; losses beyond count for nothing.
        reduction: "sum", or "mean" over all valid elements.
        first_step: The number of the first of the steps, for messages.
        over: How many steps of rows a mean is over, if not all valid ones.

    Returns:
        The loss, a tensor without dimensions.

    Raises:
        FloatingPointError: A valid loss is not finite; the first step and its row are named.
    """
    count = losses.numel()
    if lengths is not None:
        valid = _beside(valid_steps(lengths, losses), losses).expand_as(losses)
        losses = torch.where(valid, losses, 0.0)
        count = int(valid.sum())
    total = losses.sum()
    if not torch.isfinite(total):
        _refuse(losses, first_step)
    if reduction == "sum":
        return total
    return total / (count if over is None else over * losses[0, 0].numel())


def valid_steps(lengths: Tensor, like: Tensor) -> Tensor:
    """Give which steps of which rows are valid, [T, B], for T and device of a tensor."""
    steps = torch.arange(like.shape[0], device=like.device)[:, None]
    return steps < lengths.to(like.device)


def _beside(valid: Tensor, tensor: Tensor) -> Tensor:
    """Give [T, B] the dimensions of a tensor [T, B, ...]."""
    return valid.view(*valid.shape, *(1,) * (tensor.dim() - 2))


def _refuse(losses: Tensor, first_step: int) -> None:
    losses = losses.detach()
    faults = (~torch.isfinite(losses)).nonzero()
    if len(faults) == 0:
        raise FloatingPointError(
            f"the sum of the losses overflows {losses.dtype}; scale the targets or average instead"
        )
    step, row = (int(place) for place in faults[0][:2])
    value = float(losses[tuple(int(place) for place in faults[0])])
    raise FloatingPointError(
        f"the loss is {value} from step {first_step + step} on (row {row}; {len(faults)} of "
        f"{losses.numel()} values are not finite); no gradient was computed from it; check inputs "
        "and targets for NaN, or lower the learning rate or clip the gradient"
    )
