"""The rows that one gate has in each weight and bias of a layer."""

from collections.abc import Iterator

import torch
from torch import Tensor

from throughtime.nn import Recurrent


def gate_rows(layer: Recurrent, gate: str) -> Iterator[Tensor]:
    """Yield the gate's rows of W, U, b and c, as far as there are any, to be changed in place."""
    weights, cell = layer.weights(0), layer.cell
    for tensor, gates in (
        (weights.W, cell.input_gates),
        (weights.U, cell.recurrent_gates),
        (weights.b, cell.input_gates),
        (weights.c, cell.recurrent_gates),
    ):
        if tensor is not None and gate in gates:
            yield tensor.detach().chunk(len(gates))[gates.index(gate)]


def tie(layer: Recurrent, gate: str, to: Recurrent, other: str, factor: float = 1.0) -> None:
    """Make a gate's pre-activation that of another layer's gate, times a factor."""
    for own, given in zip(gate_rows(layer, gate), gate_rows(to, other), strict=True):
        own.copy_(factor * given)


def fix(layer: Recurrent, gate: str, pre_activation: float) -> None:
    """Hold a gate at one pre-activation, whatever input and state are."""
    W, U, b, c = gate_rows(layer, gate)
    for tensor in (W, U, c):
        tensor.zero_()
    b.fill_(pre_activation)


def pair(one: str, other: str) -> tuple[Recurrent, Recurrent, Tensor]:
    """Give a layer of each cell, in double precision, with inputs [T, B, I]."""
    layers = [Recurrent(cell, 2, 3, dtype=torch.float64) for cell in (one, other)]
    return layers[0], layers[1], torch.randn(7, 2, 2, dtype=torch.float64)
