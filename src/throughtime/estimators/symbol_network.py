"""The network of a language model: what it reads of symbols, and what it gives for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from throughtime.cells import find
from throughtime.nn import Network
from throughtime.nn.embedded import EmbeddedNetwork

WIDEST_EMBEDDING = 128
"""Columns of an embedding that nobody asked for otherwise."""


def network_of_symbols(
    symbols: int,
    unknown: int | None,
    cell: str,
    hidden: int,
    layers: int,
    embedding: int | None,
    dropout: float,
    weight_dropout: float,
    dtype: torch.dtype,
) -> Network:
    """Make a network that gives logits for the next symbol.

    Args:
        symbols: How many there are, V.
        unknown: The number of all symbols that were never learned: they are read as zeros.
        cell: The name of a cell.
        hidden: Units a layer.
        layers: Layers.
        embedding: Columns of a learned embedding; 0 for one column a symbol; None for a width that
            suits most.
        dropout: Share of each layer's outputs dropped while training, the last's too.
        weight_dropout: Share of the recurrent weights dropped while training, if there are any.
        dtype: Of its weights.

    Returns:
        A network that `encoded` feeds.
    """
    if embedding is None:
        embedding = min(WIDEST_EMBEDDING, hidden)
    more: dict[str, Any] = {
        "num_layers": layers,
        "dropout": dropout if layers > 1 else 0.0,
        "weight_dropout": weight_dropout if find(cell).recurrent_gates else 0.0,
        "readout_dropout": dropout,
        "dtype": dtype,
    }
    if embedding:
        return EmbeddedNetwork(cell, symbols, embedding, hidden, symbols, unknown, **more)
    return Network(cell, symbols, hidden, symbols, **more)


def encoded(network: Network, numbers: Tensor, unknown: int | None) -> Tensor:
    """Give what a network reads of symbols: their numbers, or a column for each.

    Args:
        network: What `network_of_symbols` made.
        numbers: [T, B]
        unknown: The number of what is read as zeros.

    Returns:
        [T, B], or [T, B, V], where the network is.
    """
    like = network.readout.weight
    numbers = numbers.to(like.device).long()
    if isinstance(network, EmbeddedNetwork):
        return numbers
    columns = nn.functional.one_hot(numbers, network.recurrent.input_size).to(like.dtype)
    if unknown is not None:
        columns[..., unknown] = 0
    return columns


def columns(network: Network, numbers: Tensor, unknown: int | None) -> Tensor:
    """Give what the recurrent layers read of symbols, for a stepper: [..., I]."""
    return network.columns(encoded(network, numbers, unknown))
