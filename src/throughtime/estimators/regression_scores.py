"""How near answers in numbers come to their targets."""

from __future__ import annotations

import torch
from torch import Tensor


def determination(targets: Tensor, answers: Tensor) -> float:
    """Give the coefficient of determination, R^2, averaged over the columns.

    1 - sum (y - yhat)^2 / sum (y - mean y)^2: 1 at best, 0 for the mean of the targets. A constant
    column counts 1 if it is met and 0 if not.

    Args:
        targets: [N, O]
        answers: [N, O]
    """
    y, told = targets.double(), answers.double()
    errors = (y - told).square().sum(0)  # [O]
    spread = (y - y.mean(0)).square().sum(0)  # [O]
    flat = torch.where(errors == 0, 1.0, 0.0)
    return float(torch.where(spread > 0, 1 - errors / spread.clamp(min=1e-300), flat).mean())


def best_level(inputs: Tensor, targets: Tensor) -> float:
    """Give the factor by which inputs come nearest to targets, in squares; 0 for silence.

    Args:
        inputs: Any shape.
        targets: Of the same shape.
    """
    x, y = inputs.double(), targets.double()
    return float((x * y).sum() / x.square().sum().clamp(min=1e-300))


def error_to_signal(targets: Tensor, answers: Tensor) -> float:
    """Give the error-to-signal ratio of a signal, sum (y - yhat)^2 / sum y^2, without pre-emphasis.

    0 at best, 1 for silence (Wright et al. 2020, without their filter before).

    Args:
        targets: Any shape; not all 0.
        answers: Of the same shape.

    Raises:
        ValueError: The shapes differ, or the targets are all 0.
    """
    y, told = torch.as_tensor(targets).double(), torch.as_tensor(answers).double()
    if y.shape != told.shape:
        raise ValueError(
            f"targets are {list(y.shape)}, answers {list(told.shape)}; give both alike"
        )
    signal = float(y.square().sum())
    if not signal:
        raise ValueError("the targets are all 0: there is no signal that errors can be held to")
    return float((y - told).square().sum()) / signal
