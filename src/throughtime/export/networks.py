"""Layers and networks as an export sees them."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from throughtime.engine import Weights
from throughtime.export.described import Described
from throughtime.export.errors import ExportError
from throughtime.nn import GRU, LSTM, RNN, Network, Recurrent
from throughtime.nn.network import activations
from throughtime.nn.one_step import Readout
from throughtime.nn.pooled import PooledNetwork

Layers = Recurrent | Network | RNN | GRU | LSTM
"""What is a module, and nothing around it."""


def describe_network(model: nn.Module) -> Described:
    """Look at a layer or a network.

    Raises:
        ExportError: It is neither; or it has a forward call, or a readout, of its own, whose
            operations nothing is known of; or it has no inputs.
    """
    if isinstance(model, Network):
        refuse_own_forward(model, Network)
        inside = describe_network(model.recurrent)
        readout = model.as_readout()
        if readout.activation not in activations:
            raise ExportError(
                f"{type(model).__name__} has a readout of its own, whose operations are not known "
                "here; export model.recurrent, and do the reading where the model runs"
            )
        return replace(inside, readout=_detached(readout))
    if not isinstance(model, Recurrent | RNN | GRU | LSTM):
        raise ExportError(
            f"{type(model).__name__} cannot be exported; a Recurrent, RNN, GRU, LSTM or Network of "
            "throughtime.nn is expected, or a Forecaster, LanguageModel, SequenceClassifier or "
            "SequenceRegressor that has learned (tt.nn.convert_ makes ours of torch's layers; "
            "export the layers of a larger model one by one)"
        )
    refuse_own_forward(model, Recurrent, RNN, GRU, LSTM)
    if model.input_size == 0:
        raise ExportError("a layer without inputs cannot be exported; give it a column of zeros")
    zoneout = getattr(model, "zoneout", ())
    return Described(
        cell=model.cell,
        layers=tuple(
            tuple(
                _weights(model.weights(layer, reverse))
                for reverse in ((False, True) if model.bidirectional else (False,))
            )
            for layer in range(model.num_layers)
        ),
        input_size=model.input_size,
        hidden_size=model.hidden_size,
        batch_first=model.batch_first,
        taken=tuple(1 - p for p in zoneout) if any(zoneout) else None,
    )


def describe_pooled(network: nn.Module) -> Described:
    """Look at a network that gives one answer a sequence.

    Args:
        network: A `PooledNetwork`; or a `Network` whose last output is meant.
    """
    if not isinstance(network, PooledNetwork):
        return replace(describe_network(network), pooling="last")
    refuse_own_forward(network, PooledNetwork)
    mine = ("_read", "_pooled")
    if any(getattr(type(network), name) is not getattr(PooledNetwork, name) for name in mine):
        raise ExportError(
            f"{type(network).__name__} has a way of pooling of its own, whose operations are not "
            "known here; export network.recurrent, and do the rest where the model runs"
        )
    if type(network.readout).forward is not nn.Linear.forward:
        raise ExportError(
            f"the readout is a {type(network.readout).__name__}, whose operations are not known "
            "here; export network.recurrent, and do the reading where the model runs"
        )
    readout = Readout(network.readout.weight, network.readout.bias, "identity", lambda y: y)
    inside = describe_network(network.recurrent)
    return replace(inside, pooling=network.pooling, readout=_detached(readout))


def refuse_own_forward(model: nn.Module, *known: type[nn.Module]) -> None:
    """Refuse a subclass that computes something else.

    Raises:
        ExportError: It has a forward call that none of the known classes has.
    """
    if all(type(model).forward is not kind.forward for kind in known):
        raise ExportError(
            f"{type(model).__name__} has a forward call of its own, whose operations are not known "
            "here; export the layers that it calls, one by one"
        )


def as_float32(tensor: Tensor) -> Tensor:
    """Give a copy of a tensor in float32, or itself, on the CPU, in order and without a graph."""
    return tensor.detach().to("cpu", torch.float32).resolve_neg().contiguous()


def _weights(weights: Weights) -> Weights:
    matrices: dict[str, Tensor | None] = {
        name: _single(getattr(weights, name)) for name in ("W", "U", "b", "c", "P")
    }
    return Weights(**matrices, units=tuple(as_float32(unit) for unit in weights.units))


def _detached(readout: Readout) -> Readout:
    return replace(readout, V=_single(readout.V), v=_single(readout.v))


def _single(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else as_float32(tensor)
