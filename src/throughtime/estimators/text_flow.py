"""How far back gradients reach in a network of symbols, measured on the last of a text."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from throughtime.data.tasks.asked import cross_entropy
from throughtime.data.text import Vocabulary
from throughtime.estimators.series_flow import FLOW_STEPS, PROBE_STEPS
from throughtime.estimators.symbol_network import encoded
from throughtime.flow import Flow, flow
from throughtime.flow.probe import FlowProbe
from throughtime.flow.walk import STEPS, Walk, walk
from throughtime.nn import Network
from throughtime.nn.embedded import EmbeddedNetwork

WALKED = 512
"""Symbols of a vocabulary that a walk can show: each step has an output for every one."""
BEFORE = 2000
"""Symbols that are read before those that are measured, for the state to be one of the text's."""


def flow_of(network: Network, vocabulary: Vocabulary, numbers: Tensor) -> Flow:
    """Measure how far back the gradient reaches, on the last symbols of a text.

    Args:
        network: What `network_of_symbols` made.
        vocabulary: What the numbers stand for.
        numbers: Two or more, [T]; the last 300 are measured, after a run over up to 2000 before.

    Raises:
        NoFlowError: There is no gradient, or it is not finite.
    """
    inputs, targets, state = _last(network, vocabulary, numbers, FLOW_STEPS)
    return flow(network, inputs, targets, cross_entropy, state)


def walk_of(network: Network, vocabulary: Vocabulary, numbers: Tensor, window: int) -> Walk | None:
    """Walk through the last symbols of a text, as many as a window has and a page can show.

    Args:
        network: As for `flow_of`, like the next two.
        vocabulary: What the numbers stand for.
        numbers: [T]
        window: Steps.

    Returns:
        None for a vocabulary of more symbols than can be walked through.

    Raises:
        FloatingPointError: A loss or a state is not finite.
        NoFlowError: There is no gradient.
    """
    if vocabulary.size > WALKED:
        return None
    inputs, targets, state = _last(network, vocabulary, numbers, min(window, STEPS))
    named = [_named(vocabulary, number) for number in numbers[-len(inputs) - 1 :].tolist()]
    with torch.no_grad():
        inputs = network.columns(inputs)
    above = network.above() if isinstance(network, EmbeddedNetwork) else network
    return walk(above, inputs, targets, cross_entropy, state, named[1:], named[:-1])


def _last(
    network: Network, vocabulary: Vocabulary, numbers: Tensor, steps: int
) -> tuple[Tensor, Tensor, Any]:
    """Give the last steps of a text, inputs and targets, and the state that leads to them."""
    steps = min(steps, len(numbers) - 1)
    inputs, targets = _pair(network, vocabulary, numbers[-steps - BEFORE - 1 :])
    state = None
    if len(inputs) > steps:
        network.eval()
        with torch.no_grad():
            _, state = network(inputs[:-steps])
    return inputs[-steps:], targets[-steps:], state


def _named(vocabulary: Vocabulary, number: int) -> str:
    """Give a symbol; its number where it is no whole character."""
    text = vocabulary.decode([number])
    if not text or "\N{REPLACEMENT CHARACTER}" in text:
        return f"#{number}"
    return text


def probe_of(network: Network, vocabulary: Vocabulary, numbers: Tensor) -> FlowProbe:
    """Give a callback that looks at the gradient by lag along a training.

    It looks at the last symbols of those that `flow_of` measures, from the network's own start.
    """
    inputs, targets = _pair(network, vocabulary, numbers[-PROBE_STEPS - 1 :])
    return FlowProbe(network, inputs, targets, cross_entropy)


def _pair(network: Network, vocabulary: Vocabulary, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Give what a network reads of all symbols but the last, and the numbers that follow."""
    inputs = encoded(network, numbers[:-1, None], vocabulary.unknown)
    return inputs, numbers[1:, None].to(inputs.device).long()
