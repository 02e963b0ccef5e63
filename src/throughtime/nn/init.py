"""How recurrent layers start: what the literature found to matter for gradients over time."""

from __future__ import annotations

import torch
from torch import Tensor

from throughtime.nn.recurrent import Recurrent


@torch.no_grad()
def identity_(layer: Recurrent, scale: float = 1.0) -> Recurrent:
    """Start the recurrent weights of each gate at a multiple of the identity, biases at zero.

    With `elman_relu` this is the IRNN of Le, Jaitly & Hinton (2015): at the start a state is
    carried on unchanged, and so is its gradient.

    Args:
        layer: Changed in place, all layers and directions.
        scale: The multiple of the identity; below 1 where long memory would hurt.

    Returns:
        The layer.
    """
    for weight, bias in _recurrent_weights(layer):
        for gate in weight.view(-1, layer.hidden_size, layer.hidden_size):
            torch.nn.init.eye_(gate).mul_(scale)
        for vector in bias:
            vector.zero_()
    return layer


@torch.no_grad()
def orthogonal_(layer: Recurrent, gain: float = 1.0) -> Recurrent:
    """Start the recurrent weights of each gate as a random orthogonal matrix (Saxe et al. 2014).

    Args:
        layer: Changed in place, all layers and directions.
        gain: The factor by which the matrix stretches every state.

    Returns:
        The layer.
    """
    for weight, _ in _recurrent_weights(layer):
        for gate in weight.view(-1, layer.hidden_size, layer.hidden_size):
            torch.nn.init.orthogonal_(gate, gain)
    return layer


def _recurrent_weights(layer: Recurrent) -> list[tuple[Tensor, list[Tensor]]]:
    if not isinstance(layer, Recurrent):
        raise TypeError(
            f"a Recurrent layer is expected, got {type(layer).__name__}; for a Network pass "
            "network.recurrent"
        )
    found = []
    for number in range(layer.num_layers):
        for reverse in (False, True) if layer.bidirectional else (False,):
            weights = layer.weights(number, reverse)
            if weights.U is None:
                raise ValueError(f"cell {layer.cell.name!r} has no recurrent weights to start")
            found.append((weights.U, [v for v in (weights.b, weights.c) if v is not None]))
    return found
