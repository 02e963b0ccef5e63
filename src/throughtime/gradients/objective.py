"""The loss over time: summed or averaged over the valid steps, and over nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
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


def check_shapes(outputs: Sequence[int], targets: Sequence[int]) -> None:
    """Refuse outputs and targets that a loss would broadcast.

    Raises:
        ValueError: With both shapes.
    """
    if len(outputs) == len(targets) and tuple(outputs) != tuple(targets):
        raise ValueError(
            f"outputs are {tuple(outputs)}, targets {tuple(targets)}; a loss would broadcast them "
            "silently; give both the same shape"
        )


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
        TypeError: The loss cannot be called, or is a class.
        ValueError: Outputs and targets would broadcast, or the loss is reduced already.
    """
    if isinstance(loss, type) or not callable(loss):
        raise TypeError(
            "the loss is called with outputs and targets, such as "
            f'torch.nn.MSELoss(reduction="none"); got {loss!r}'
        )
    check_shapes(outputs.shape, targets.shape)
    if lengths is not None:
        # Whatever stands in the padding would reach the gradient: the derivative of a masked NaN is
        # 0 * NaN. So the loss sees a valid pair there,
        valid = valid_steps(lengths, outputs)
        row = int(lengths.argmax())
        outputs = torch.where(_beside(valid, outputs), outputs, outputs[0, row].detach())
        targets = torch.where(_beside(valid, targets), targets, targets[0, row])
    try:
        losses = loss(outputs, targets)
    except RuntimeError as error:
        if outputs.shape == targets.shape:
            raise
        raise ValueError(
            f"the loss does not take outputs {tuple(outputs.shape)} with targets "
            f"{tuple(targets.shape)} ({error}); give targets the shape that it expects"
        ) from error
    if not isinstance(losses, Tensor):
        raise ValueError(
            f"the loss must keep the steps and rows [{targets.shape[0]}, {targets.shape[1]}, ...], "
            f"got {type(losses).__name__}; let it give a tensor, a loss for each element"
        )
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
    losses: Tensor, lengths: Tensor | None, reduction: Reduction, first_step: int = 0
) -> Tensor:
    """Sum or average elementwise losses over the valid steps; see `Tally`.

    Returns:
        The loss, a tensor without dimensions.

    Raises:
        FloatingPointError: A valid loss is not finite; the first step and its row are named.
    """
    tally = Tally()
    total = tally.add(losses, lengths, first_step)
    tally.check(losses.dtype)
    return total / tally.divisor(reduction)


def check_slope(gradient: Tensor | None, first_step: int) -> None:
    """Refuse a finite loss whose derivative is not.

    Args:
        gradient: By what some steps give, [steps, B, ...]; None for nothing.
        first_step: The number of the first of the steps, for messages.

    Raises:
        FloatingPointError: A component is not finite; the first step and its row are named.
    """
    if gradient is None or bool(torch.isfinite(gradient.sum())):
        return
    faults = (~torch.isfinite(gradient)).nonzero().tolist()
    if not faults:
        return  # the sum alone overflows
    step, row = faults[0][:2]
    value = float(gradient[tuple(faults[0])])
    raise FloatingPointError(
        f"the loss is finite, but its derivative by what the model gives is {value} at step "
        f"{first_step + step} (row {row}); no gradient was computed from it; give a loss that has "
        "a slope everywhere: a square root or a norm has none at 0"
    )


class Tally:
    """A loss added up over the valid steps of a sequence, in one go or segment by segment.

    Attributes:
        total: The sum of the valid losses.
        count: How many there are.
    """

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0
        self._seen, self._faults = 0, 0
        self._first: tuple[int, int, float] | None = None  # step, row and value of the first fault

    def add(self, losses: Tensor, lengths: Tensor | None, first_step: int) -> Tensor:
        """Add the losses of some steps.

        Args:
            losses: [T, B, ...]
            lengths: Valid steps of each row, [B]; losses beyond count for nothing.
            first_step: The number of the first of the steps, for messages.

        Returns:
            Their sum, a tensor without dimensions.
        """
        losses, count = _valid(losses, lengths)
        total = losses.sum()
        value = float(total.detach())
        if not math.isfinite(value):
            losses = losses.detach()
            faults = (~torch.isfinite(losses)).nonzero().tolist()
            self._faults += len(faults)
            if faults and self._first is None:
                step, row = faults[0][:2]
                self._first = first_step + step, row, float(losses[tuple(faults[0])])
        self.total += value
        self.count += count
        self._seen += losses.numel()
        return total

    def divisor(self, reduction: Reduction, elements: float | None = None) -> float:
        """Give what the sum is to be divided by: in a mean, the number of valid losses.

        Args:
            reduction: "sum" or "mean".
            elements: What a mean is over, if not all that were added.
        """
        if reduction == "sum":
            return 1.0
        return self.count if elements is None else elements

    def check(self, dtype: torch.dtype) -> None:
        """Refuse a sum that is not finite.

        Raises:
            FloatingPointError: It is not; the first step and its row are named.
        """
        if math.isfinite(self.total):
            return
        if self._first is None:
            raise FloatingPointError(
                f"the sum of the losses overflows {dtype}; scale the targets or average instead"
            )
        step, row, value = self._first
        raise FloatingPointError(
            f"the loss is {value} from step {step} on (row {row}; {self._faults} of {self._seen} "
            "values are not finite); no gradient was computed from it; check inputs, targets and "
            "weights for NaN, or lower the learning rate or clip the gradient"
        )


def valid_steps(lengths: Tensor, like: Tensor) -> Tensor:
    """Give which steps of which rows are valid, [T, B], for T and device of a tensor."""
    steps = torch.arange(like.shape[0], device=like.device)[:, None]
    return steps < lengths.to(like.device)


def _beside(valid: Tensor, tensor: Tensor) -> Tensor:
    """Give [T, B] the dimensions of a tensor [T, B, ...]."""
    return valid.view(*valid.shape, *(1,) * (tensor.dim() - 2))


def _valid(losses: Tensor, lengths: Tensor | None) -> tuple[Tensor, int]:
    """Give losses with zeros beyond the valid steps, and how many are valid."""
    if lengths is None:
        return losses, losses.numel()
    valid = _beside(valid_steps(lengths, losses), losses).expand_as(losses)
    return torch.where(valid, losses, 0.0), int(valid.sum())
