"""Sequences of unequal lengths run through a network, many at a time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from throughtime.nn import Network

STEPS_AT_ONCE = 65_536
"""Steps of all sequences together that are run at once, which bounds the memory."""


@torch.no_grad()
def run_side_by_side(network: Network, sequences: Sequence[Tensor]) -> list[Tensor]:
    """Run a network that goes forward in time through sequences, each from its first step.

    Sequences of like lengths are run together: what stands behind the end of the shorter ones
    comes too late to change anything.

    Args:
        network: In evaluation mode when it is done.
        sequences: [T, I] each.

    Returns:
        The outputs of each, [T, O].
    """
    network.eval()
    results: list[Tensor] = [torch.empty(0)] * len(sequences)
    waiting = sorted(range(len(sequences)), key=lambda place: -len(sequences[place]))
    while waiting:
        count = max(1, STEPS_AT_ONCE // len(sequences[waiting[0]]))
        together, waiting = waiting[:count], waiting[count:]
        outputs, _ = network(pad_sequence([sequences[place] for place in together]))
        for row, place in enumerate(together):
            results[place] = outputs[: len(sequences[place]), row]
    return results
