"""Any network that flow follows gradients through, unrolled: the parts that are measured apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.flow.pooled_network import unroll_pooled
from throughtime.flow.unrolled import Readout, UnrolledNetwork, refuse_mps, unroll_network
from throughtime.gradients.method import Loss, check_sequences
from throughtime.nn.pooled import PooledNetwork
from throughtime.nn.shapes import check_input, check_lengths


def unrolled_networks(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
    state: Any,
    lengths: Tensor | Sequence[int] | None,
    readout: Readout | None,
    samples: int,
) -> tuple[UnrolledNetwork, ...]:
    """Unroll a network: as a whole, or each layer and direction where layers run in both.

    Arguments and errors as for `throughtime.flow`.
    """
    if not isinstance(model, PooledNetwork):
        one = unroll_network(model, inputs, targets, loss, state, lengths, readout, samples)
        return (one,)
    if state is not None or readout is not None:
        raise ValueError(
            "a pooled network begins with its own state and has its own readout; leave out "
            "`state` and `readout`"
        )
    given = check_sequences(inputs, targets, lengths)
    refuse_mps(inputs)
    check_input(model.recurrent, inputs)
    T, B = inputs.shape[:2]
    whole = torch.full((B,), T) if given is None else check_lengths(given, T, B)
    return tuple(unroll_pooled(model, inputs, targets, loss, whole, samples))
