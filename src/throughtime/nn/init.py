"""How recurrent layers start: what the literature found to matter for gradients over time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Real
from typing import TypeVar

import torch
from torch import Tensor

from throughtime.nn.as_torch import OnOurEngines
from throughtime.nn.keeping_gate import keeping_gate
from throughtime.nn.recurrent import Recurrent
from throughtime.nn.weights import assign, suffix

__all__ = [
    "chrono_",
    "forget_bias_",
    "identity_",
    "keeping_gate",
    "orthogonal_",
    "spectral_radius_",
]

Layer = TypeVar("Layer", bound=Recurrent | OnOurEngines)


@torch.no_grad()
def identity_(layer: Layer, scale: float = 1.0) -> Layer:
    """Start the recurrent weights of each gate at a multiple of the identity, biases at zero.

    With `elman_relu` this is the IRNN of Le, Jaitly & Hinton (2015): at the start a state is
    carried on unchanged, and so is its gradient.

    Args:
        layer: A `Recurrent`, or an `RNN`, `GRU` or `LSTM` of this package; changed in place, all
            layers and directions, through parametrisations of its weights too.
        scale: The multiple of the identity; below 1 where long memory would hurt.

    Returns:
        The layer.
    """
    scale = _finite("scale", scale)
    values: dict[str, Tensor] = {}
    for end, weight in _recurrent_weights(layer):
        H = layer.hidden_size
        one = scale * torch.eye(H, dtype=weight.dtype, device=weight.device)
        values[f"weight_hh{end}"] = one.repeat(len(weight) // H, 1)
        for name in (f"bias_ih{end}", f"bias_hh{end}"):
            if hasattr(layer, name):
                values[name] = torch.zeros_like(getattr(layer, name))
    assign(layer, values)
    return layer


@torch.no_grad()
def orthogonal_(layer: Layer, gain: float = 1.0) -> Layer:
    """Start the recurrent weights of each gate as a random orthogonal matrix (Saxe et al. 2014).

    Args:
        layer: A `Recurrent`, or an `RNN`, `GRU` or `LSTM` of this package; changed in place, all
            layers and directions, through parametrisations of its weights too.
        gain: The factor by which the matrix stretches every state.

    Returns:
        The layer.
    """
    gain = _finite("gain", gain)
    values: dict[str, Tensor] = {}
    for end, weight in _recurrent_weights(layer):
        # LAPACK knows no half precision.
        dtype = torch.float32 if weight.element_size() < 4 else weight.dtype
        value = torch.empty(weight.shape, dtype=dtype, device=weight.device)
        for gate in value.view(-1, layer.hidden_size, layer.hidden_size):
            torch.nn.init.orthogonal_(gate, gain)
        values[f"weight_hh{end}"] = value.to(weight.dtype)
    assign(layer, values)
    return layer


@torch.no_grad()
def spectral_radius_(layer: Layer, radius: float) -> Layer:
    """Scale the recurrent weights of each gate to a spectral radius (Jaeger 2001).

    The spectral radius is the largest modulus of an eigenvalue. Below 1 a state of `elman` near
    zero fades (the echo state property); near 1 it lasts.

    Args:
        layer: A `Recurrent`, or an `RNN`, `GRU` or `LSTM` of this package; changed in place, all
            layers and directions, through parametrisations of its weights too.
        radius: The spectral radius, above 0.

    Returns:
        The layer.

    Raises:
        ValueError: The radius is not positive and finite, the cell has no recurrent weights, or
            the radius of a gate's weights is zero or not finite, so that no factor leads to
            another; nothing is changed then.
    """
    radius = _finite("radius", radius)
    if radius <= 0:
        raise ValueError(f"radius must be positive, got {radius!r}")
    values: dict[str, Tensor] = {}
    for end, weight in _recurrent_weights(layer):
        value = weight.clone(memory_format=torch.contiguous_format)
        for gate in value.view(-1, layer.hidden_size, layer.hidden_size):
            # LAPACK knows neither half precision nor NaN.
            exact = gate.double().cpu()
            if not exact.isfinite().all() or not (found := _spectral_radius(exact)):
                raise ValueError(
                    "recurrent weights of spectral radius zero, or not finite, cannot be scaled to "
                    f"{radius}; draw them first, for example with layer.reset_parameters()"
                )
            gate.mul_(radius / found)
        values[f"weight_hh{end}"] = value
    assign(layer, values)
    return layer


@torch.no_grad()
def forget_bias_(layer: Layer, value: float = 1.0) -> Layer:
    """Bias the gate that keeps the memory towards keeping (Gers et al. 2000).

    Open at the start, it lets gradients through the cell state from the first update on
    (Jozefowicz, Zaremba & Sutskever 2015). Which gate keeps is read off the cell's equations (see
    `keeping_gate`): f of an LSTM, z of a GRU. Where a small gate keeps (f of `minimal_gated`, i of
    `lstm_coupled`) the value is set with the opposite sign.

    Args:
        layer: A `Recurrent`, or an `RNN`, `GRU` or `LSTM` of this package; changed in place, all
            layers and directions, through parametrisations of its weights too.
        value: What is added to the gate's pre-activation. The bias of the input product holds it;
            that of the recurrent product, which would be added, becomes zero.

    Returns:
        The layer.

    Raises:
        ValueError: The value is not finite, the layer has no biases, or no gate of the cell keeps.
    """
    value = _finite("value", value)
    gate, sign = _keeping_gate_of(layer)
    bias = torch.full((layer.hidden_size,), sign * value)
    values: dict[str, Tensor] = {}
    for end in _ends_with_biases(layer):
        _set_bias(layer, values, end, gate, bias)
    assign(layer, values)
    return layer


@torch.no_grad()
def chrono_(layer: Layer, longest: float) -> Layer:
    """Spread the units' memories over time spans up to the longest (Tallec & Ollivier 2018).

    With u drawn from U(1, longest - 1) for each unit, the gate that keeps the memory (see
    `keeping_gate`) is biased by log(u) towards keeping, so that at the start it holds for about
    1 + u steps. The input gate i, where it is another, is biased by -log(u): it writes about as
    much as is lost. Where one gate does both (z of a GRU, i of `lstm_coupled`) it is biased alone.
    In `slstm`, which normalises its memory, the bias of i cancels.

    Args:
        layer: Changed in place as by the others. As in `forget_bias_`, the bias of the
            input product holds the value, that of the recurrent product becomes zero.
        longest: The longest time span to be remembered, in steps; above 2.

    Returns:
        The layer.

    Raises:
        ValueError: The time span is too short or not finite, the layer has no biases, or no gate
            of the cell keeps.
    """
    longest = _finite("longest", longest)
    if longest <= 2:
        raise ValueError(f"longest must be above 2 steps, got {longest!r}")
    gate, sign = _keeping_gate_of(layer)
    values: dict[str, Tensor] = {}
    for end in _ends_with_biases(layer):
        span = torch.empty(layer.hidden_size).uniform_(1.0, longest - 1.0)
        _set_bias(layer, values, end, gate, sign * span.log())
        if gate != "i":
            _set_bias(layer, values, end, "i", -span.log())
    assign(layer, values)
    return layer


def _spectral_radius(matrix: Tensor) -> float:
    return float(torch.linalg.eigvals(matrix).abs().max())


def _keeping_gate_of(layer: Recurrent | OnOurEngines) -> tuple[str, float]:
    _check_layer(layer)
    found = keeping_gate(layer.cell)
    if found is None:
        raise ValueError(
            f"cell {layer.cell.name!r} has no gate that keeps its state when open and drops it "
            f"when shut, or the reverse; gates are {', '.join(layer.cell.gates)}"
        )
    return found


def _set_bias(
    layer: Recurrent | OnOurEngines,
    values: dict[str, Tensor],
    end: str,
    gate: str,
    value: Tensor,
) -> None:
    """Set a gate's bias: in the input product, and zero in the recurrent one; they add."""
    for product, gates in (("ih", layer.cell.input_gates), ("hh", layer.cell.recurrent_gates)):
        if gate in gates:
            name = f"bias_{product}{end}"
            bias = values.setdefault(name, getattr(layer, name).clone())
            bias.view(len(gates), -1)[gates.index(gate)] = value
            value = torch.zeros_like(value)


def _ends_with_biases(layer: Recurrent | OnOurEngines) -> list[str]:
    if not layer.bias:
        raise ValueError("the layer has no biases to start; make it with bias=True")
    return list(_ends(layer))


def _recurrent_weights(layer: Recurrent | OnOurEngines) -> list[tuple[str, Tensor]]:
    """Give the recurrent weights of each layer and direction, and how their names end."""
    found = []
    for end in _ends(layer):
        weight = getattr(layer, f"weight_hh{end}", None)
        if weight is None:
            raise ValueError(f"cell {layer.cell.name!r} has no recurrent weights to start")
        if weight.shape[1] != layer.hidden_size:
            raise ValueError(
                f"the recurrent weights of a gate are {layer.hidden_size} x {weight.shape[1]}, not "
                "square: the layer projects its state; make it without proj_size"
            )
        found.append((end, weight))
    return found


def _ends(layer: Recurrent | OnOurEngines) -> Iterator[str]:
    """Give how the names of the weights of each layer and direction end."""
    _check_layer(layer)
    for number in range(layer.num_layers):
        for reverse in (False, True) if layer.bidirectional else (False,):
            yield suffix(number, reverse)


def _check_layer(layer: object) -> None:
    if isinstance(layer, Recurrent | OnOurEngines):
        return
    mend = "for a Network pass network.recurrent"
    if isinstance(layer, torch.nn.RNNBase):
        mend = "throughtime.nn.convert_ makes one of a layer of torch's"
    raise TypeError(
        "a Recurrent layer, or an RNN, GRU or LSTM of this package is expected, got "
        f"{type(layer).__name__}; {mend}"
    )


def _finite(name: str, value: object) -> float:
    # numpy's numbers are real numbers too
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    return float(value)
