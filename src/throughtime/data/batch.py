"""What a network is trained on at once."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Sequences that are learned from together.

    Attributes:
        inputs: [T, B, I]
        targets: [T, B, O], or a class a step, [T, B].
        lengths: Valid steps of each row, [B]; None where all are.
    """

    inputs: Tensor
    targets: Tensor
    lengths: Tensor | None = None
