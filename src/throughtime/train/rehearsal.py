"""Whether a gradient method takes a network and its sequences, found out before any training."""

from __future__ import annotations

import copy
import warnings

from torch import nn

from throughtime.data.batch import Batch
from throughtime.gradients import GradientMethod, Loss


def rehearse(model: nn.Module, batch: Batch, loss: Loss, method: GradientMethod) -> None:
    """Let a method make one update of two steps; model and method are left as they are.

    Args:
        model: `(inputs, state) -> (outputs, state)`.
        batch: Some sequences.
        loss: Elementwise.
        method: How to differentiate.

    Raises:
        ValueError, TypeError: The method does not take the model, or the loss the sequences; the
            message is theirs.
    """
    lengths = None if batch.lengths is None else batch.lengths.clamp(max=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a sequence as short as this one
        for _ in copy.deepcopy(method)(
            copy.deepcopy(model), batch.inputs[:2], batch.targets[:2], loss, lengths=lengths
        ):
            break
