"""How far back gradients reach in a network of symbols, measured on the last of a text."""

from __future__ import annotations

import torch
from torch import Tensor

from throughtime.data.tasks.asked import cross_entropy
from throughtime.data.text import Vocabulary
from throughtime.estimators.forecaster import FLOW_STEPS, PROBE_STEPS
from throughtime.estimators.symbol_network import encoded
from throughtime.flow import Flow, flow
from throughtime.flow.probe import FlowProbe
from throughtime.nn import Network

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
    steps = min(FLOW_STEPS, len(numbers) - 1)
    inputs, targets = _pair(network, vocabulary, numbers[-steps - BEFORE - 1 :])
    state = None
    if len(inputs) > steps:
        network.eval()
        with torch.no_grad():
            _, state = network(inputs[:-steps])
    return flow(network, inputs[-steps:], targets[-steps:], cross_entropy, state)


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
