"""A layer for padded sequences called with packed ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

States = TypeVar("States")


def through_padding(
    packed: PackedSequence, run: Callable[[Tensor, Tensor], tuple[Tensor, States]]
) -> tuple[PackedSequence, States]:
    """Run packed sequences, sorted or not, through a layer that takes padded ones and lengths.

    Args:
        packed: The sequences.
        run: From inputs [T, B, I] and lengths [B] to outputs [T, B, ·] and final states. Rows, of
            states too, are in the order in which the sequences were given to be packed.

    Returns:
        The outputs, packed as the inputs are, and the states as `run` gives them.
    """
    x, lengths = pad_packed_sequence(packed)
    y, after = run(x, lengths)
    if packed.sorted_indices is not None:
        y = y.index_select(1, packed.sorted_indices)
        lengths = lengths[packed.sorted_indices.cpu()]
    return with_data(packed, pack_padded_sequence(y, lengths).data), after


def with_data(packed: PackedSequence, data: Tensor) -> PackedSequence:
    """Give packed sequences of other numbers in the same places."""
    return PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
