"""How far back gradients reach where every step has its answer, measured on excerpts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from throughtime.data.ragged import padded
from throughtime.data.tasks.asked import Loss
from throughtime.flow import Flow, flow
from throughtime.flow.figures import evenly
from throughtime.flow.probe import FlowProbe
from throughtime.flow.walk import STEPS as WALKED
from throughtime.flow.walk import Walk, walk
from throughtime.nn import Network

STEPS, EXCERPTS = 600, 4
"""Steps of an excerpt, and how many are measured: a sample of sound is short, and reaches far."""
LOOKED_AT, LOOKS = 300, 2
"""The same of what is looked at while a network learns."""
BEFORE = 2000
"""Steps that are read before an excerpt, at least, for the state to be one of the sequence's."""


@dataclass(frozen=True)
class Excerpt:
    """Steps of a sequence that are measured.

    Attributes:
        sequence: Its number.
        steps: None of them in the warm-up.
    """

    sequence: int
    steps: range


def causal(network: nn.Module) -> bool:
    """Whether no layer runs backward in time: a loss then reaches no later step."""
    return not any(getattr(module, "bidirectional", False) for module in network.modules())


def excerpts_of(
    lengths: Sequence[int], warm_up: int, steps: int = STEPS, most: int = EXCERPTS
) -> list[Excerpt]:
    """Choose excerpts, evenly spread over sequences, and over the steps of long ones.

    Each ends where a part of its sequence does, the last one with the sequence.

    Args:
        lengths: Steps of each sequence, more than the warm-up.
        warm_up: Steps at the start of each that carry no loss.
        steps: Of an excerpt, at most.
        most: Excerpts, at most.
    """
    found, chosen = [], evenly(len(lengths), most)
    for number in chosen:
        counted = lengths[number] - warm_up
        parts = max(1, min(most // len(chosen), counted // steps))
        ends = [warm_up + counted * part // parts for part in range(1, parts + 1)]
        found += [Excerpt(number, range(max(warm_up, end - steps), end)) for end in ends]
    return found


def flow_of(
    network: nn.Module,
    inputs: Sequence[Tensor],
    targets: Sequence[Tensor],
    loss: Loss,
    warm_up: int,
) -> Flow:
    """Measure how far back the gradient of the steps' losses reaches.

    Args:
        network: (inputs, state, lengths) -> (outputs, state), in one direction.
        inputs: Scaled, [T_i, I] each.
        targets: Scaled, [T_i, O] each.
        loss: Elementwise.
        warm_up: Steps at the start of each sequence that carry no loss, and are not measured. The
            state that the steps before an excerpt lead to is what it begins with.

    Raises:
        NoFlowError: There is no gradient, or it is not finite.
    """
    excerpts = excerpts_of([len(x) for x in inputs], warm_up)
    x, d, lengths = _laid(inputs, targets, excerpts)
    state = state_before(network, inputs, excerpts, max(BEFORE, warm_up))
    return flow(network, x, d, loss, state, lengths=lengths)


def probe_of(
    network: nn.Module,
    inputs: Sequence[Tensor],
    targets: Sequence[Tensor],
    loss: Loss,
    warm_up: int,
) -> FlowProbe:
    """Give a callback that looks at the gradient by lag along a training; see `flow_of`.

    Excerpts are shorter and fewer, and begin without a state: a look has to be cheap.
    """
    excerpts = excerpts_of([len(x) for x in inputs], warm_up, LOOKED_AT, LOOKS)
    x, d, lengths = _laid(inputs, targets, excerpts)
    return FlowProbe(network, x, d, loss, lengths=lengths)


def walk_of(
    network: Network,
    inputs: Sequence[Tensor],
    targets: Sequence[Tensor],
    loss: Loss,
    warm_up: int,
) -> Walk:
    """Walk through the last steps of the last sequence, as many as a page can show.

    Steps are called by their numbers in the sequence, from 0; arguments as for `flow_of`.

    Raises:
        FloatingPointError: A loss or a state is not finite.
        NoFlowError: There is no gradient.
    """
    last = len(inputs) - 1
    stop = len(inputs[last])
    excerpt = Excerpt(last, range(max(warm_up, stop - WALKED), stop))
    x, d, _ = _laid(inputs, targets, [excerpt])
    state = state_before(network, inputs, [excerpt], max(BEFORE, warm_up))
    return walk(network, x, d, loss, state, labels=[str(step) for step in excerpt.steps])


def _laid(
    inputs: Sequence[Tensor], targets: Sequence[Tensor], excerpts: Sequence[Excerpt]
) -> tuple[Tensor, Tensor, Tensor]:
    """Lay excerpts side by side: inputs [T, B, I], targets [T, B, O], and lengths [B]."""
    x, lengths = padded([_part(inputs, one.sequence, one.steps) for one in excerpts])
    return x, pad_sequence([_part(targets, one.sequence, one.steps) for one in excerpts]), lengths


def state_before(
    network: nn.Module, inputs: Sequence[Tensor], excerpts: Sequence[Excerpt], most: int
) -> Any:
    """Give the state that up to so many steps before each excerpt lead to; None if none has any."""
    before, lengths = padded(
        [
            _part(inputs, one.sequence, range(max(0, one.steps.start - most), one.steps.start))
            for one in excerpts
        ]
    )
    if not len(before):
        return None
    network.eval()
    with torch.no_grad():
        _, state = network(before, lengths=lengths)
    return state


def _part(sequences: Sequence[Tensor], number: int, steps: range) -> Tensor:
    return sequences[number][steps.start : steps.stop]
