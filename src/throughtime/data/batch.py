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


@dataclass(frozen=True)
class Chunk(Batch):
    """The next steps of every row of a stream.

    Attributes:
        inputs: [T, B, ...]
        targets: [T, B, ...]
        lengths: Steps that are left of each row, [B]; None where all have T.
        reset: Steps before which a row's next sequence begins, [T, B]; None where none does.
        number: How many chunks of the pass came before.
    """

    reset: Tensor | None = None
    number: int = 0
