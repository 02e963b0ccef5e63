"""How far back the gradient of a sequence's one loss reaches, and which of its steps it hears."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor, nn

from throughtime.data.ragged import padded
from throughtime.data.tasks.asked import NOT_ASKED, Loss, Masked
from throughtime.estimators.series_flow import FLOW_STEPS
from throughtime.flow import Flow, flow
from throughtime.flow.credit import credit
from throughtime.flow.probe import FlowProbe
from throughtime.nn import Network
from throughtime.nn.pooled import PooledNetwork

MEASURED = 8
"""Sequences that are measured."""
_LOOKED_AT, _SAMPLES = 2, 64


def spread(labels: Sequence[Hashable], most: int) -> list[int]:
    """Choose at most so many sequences: the first of each label, then the second, and so on."""
    seen: dict[Hashable, int] = {}
    turns = []
    for place, label in enumerate(labels):
        seen[label] = seen.get(label, 0) + 1
        turns.append((seen[label], place))
    return sorted(place for _, place in sorted(turns)[:most])


def flow_of(network: nn.Module, inputs: Sequence[Tensor], targets: Tensor, loss: Loss) -> Flow:
    """Measure how far back the gradient reaches from where a sequence's loss enters.

    Args:
        network: What an estimator of sequences builds.
        inputs: Scaled, [T_i, I] each; of longer ones the last 300 steps are measured.
        targets: Classes, [N], or numbers, [N, O].
        loss: Elementwise, of answers and targets.

    Raises:
        NoFlowError: There is no gradient, or it is not finite.
    """
    x, d, lengths = _laid(inputs, targets)
    return flow(_pooled(network), x, d, Masked(loss), lengths=lengths, samples=_SAMPLES)


def probe_of(
    network: nn.Module, inputs: Sequence[Tensor], targets: Tensor, loss: Loss
) -> FlowProbe:
    """Give a callback that looks at the gradient by lag along a training; see `flow_of`."""
    x, d, lengths = _laid(inputs[:_LOOKED_AT], targets[:_LOOKED_AT])
    return FlowProbe(_pooled(network), x, d, Masked(loss), lengths=lengths)


def credit_of(
    network: nn.Module, inputs: Sequence[Tensor], targets: Tensor, loss: Loss
) -> list[Tensor]:
    """Give |dE/dx_t| of each sequence's loss, float64 [T_i] each; arguments as for `flow_of`."""
    found = []
    for sequence, target in zip(inputs, targets, strict=True):
        x, lengths = padded([sequence])
        d = at_the_end(target[None], lengths, len(sequence))
        found.append(credit(network, x, d, Masked(loss)))
    return found


def _pooled(network: nn.Module) -> PooledNetwork:
    if isinstance(network, PooledNetwork):
        return network
    assert isinstance(network, Network)  # there are no others
    return PooledNetwork.of_last_states(network)


def _laid(inputs: Sequence[Tensor], targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Lay sequences side by side, each with its target at its last step."""
    x, lengths = padded([sequence[-FLOW_STEPS:] for sequence in inputs])
    return x, at_the_end(targets, lengths, len(x)), lengths


def at_the_end(targets: Tensor, lengths: Tensor, steps: int) -> Tensor:
    """Give targets [N, ...] to the last valid step of each row alone, [T, N, ...]."""
    empty = torch.nan if targets.is_floating_point() else NOT_ASKED
    spread = targets.new_full((steps, *targets.shape), empty)
    spread[lengths - 1, torch.arange(len(lengths))] = targets
    return spread
