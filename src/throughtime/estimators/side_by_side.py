"""Sequences of unequal lengths run through a network, many at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from throughtime.data.stored.scratch import release
from throughtime.nn import Network

STEPS_AT_ONCE = 65_536
"""Steps of all sequences together that are run at once, which bounds the memory."""


def run_side_by_side(
    network: Network,
    sequences: Sequence[Tensor],
    lengths: Sequence[int],
    read: Callable[[Tensor], Tensor] = lambda sequence: sequence,
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Run a network that goes forward in time through sequences, each from its first step.

    Sequences of like lengths are run together: what stands behind the end of the shorter ones
    comes too late to change anything.

    Args:
        network: In evaluation mode from the start.
        sequences: [T, ...] each; each is asked for once, when its turn comes.
        lengths: How long each is, T.
        read: Gives what the network reads of a sequence, [T', I]; by default all of it.

    Yields:
        The place of a sequence, the sequence, and its outputs [T', O]; the longest first.
    """
    network.eval()
    waiting = sorted(range(len(sequences)), key=lambda place: -lengths[place])
    while waiting:
        count = max(1, STEPS_AT_ONCE // lengths[waiting[0]])
        together, waiting = waiting[:count], waiting[count:]
        found = [sequences[place] for place in together]
        inputs = [read(sequence) for sequence in found]
        with torch.no_grad():
            outputs, _ = network(pad_sequence(inputs))
        for row, place in enumerate(together):
            yield place, found[row], outputs[: len(inputs[row]), row]
        release()
