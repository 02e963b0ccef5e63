"""How recurrent layers start: what the literature found to matter for gradients over time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from throughtime.engine import Weights
from throughtime.equations import Cell, evaluate
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


@torch.no_grad()
def spectral_radius_(layer: Recurrent, radius: float) -> Recurrent:
    """Scale the recurrent weights of each gate to a spectral radius (Jaeger 2001).

    The spectral radius is the largest modulus of an eigenvalue. Below 1 a state of `elman` near
    zero fades (the echo state property); near 1 it lasts.

    Args:
        layer: Changed in place, all layers and directions.
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
    scaled: list[tuple[Tensor, float]] = []
    for weight, _ in _recurrent_weights(layer):
        for gate in weight.view(-1, layer.hidden_size, layer.hidden_size):
            # LAPACK knows neither half precision nor NaN.
            exact = gate.double().cpu()
            if not exact.isfinite().all() or not (found := _spectral_radius(exact)):
                raise ValueError(
                    "recurrent weights of spectral radius zero, or not finite, cannot be scaled to "
                    f"{radius}; draw them first, for example with layer.reset_parameters()"
                )
            scaled.append((gate, radius / found))
    for gate, factor in scaled:
        gate.mul_(factor)
    return layer


@torch.no_grad()
def forget_bias_(layer: Recurrent, value: float = 1.0) -> Recurrent:
    """Bias the gate that keeps the memory towards keeping (Gers et al. 2000).

    Open at the start, it lets gradients through the cell state from the first update on
    (Jozefowicz, Zaremba & Sutskever 2015). Which gate keeps is read off the cell's equations (see
    `keeping_gate`): f of an LSTM, z of a GRU. Where a small gate keeps (f of `minimal_gated`, i of
    `lstm_coupled`) the value is set with the opposite sign.

    Args:
        layer: Changed in place, all layers and directions.
        value: What is added to the gate's pre-activation. The bias of the input product holds it;
            that of the recurrent product, which would be added, becomes zero.

    Returns:
        The layer.

    Raises:
        ValueError: The value is not finite, the layer has no biases, or no gate of the cell keeps.
    """
    value = _finite("value", value)
    gate, sign = _keeping_gate_of(layer)
    for weights in _weights_with_biases(layer):
        bias = torch.full((layer.hidden_size,), sign * value)
        _set_bias(layer.cell, weights, gate, bias)
    return layer


@torch.no_grad()
def chrono_(layer: Recurrent, longest: float) -> Recurrent:
    """Spread the units' memories over time spans up to the longest (Tallec & Ollivier 2018).

    With u drawn from U(1, longest - 1) for each unit, the gate that keeps the memory (see
    `keeping_gate`) is biased by log(u) towards keeping, so that at the start it holds for about
    1 + u steps. The input gate i, where it is another, is biased by -log(u): it writes about as
    much as is lost. Where one gate does both (z of a GRU, i of `lstm_coupled`) it is biased alone.
    In `slstm`, which normalises its memory, the bias of i cancels.

    Args:
        layer: Changed in place, all layers and directions. As in `forget_bias_`, the bias of the
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
    for weights in _weights_with_biases(layer):
        span = torch.empty(layer.hidden_size).uniform_(1.0, longest - 1.0)
        _set_bias(layer.cell, weights, gate, sign * span.log())
        if gate != "i":
            _set_bias(layer.cell, weights, "i", -span.log())
    return layer


def keeping_gate(cell: Cell) -> tuple[str, float] | None:
    """Name the gate that decides whether a cell keeps what it remembers.

    A gate keeps if, fully open, a state is carried on whole, `ds_t / ds_{t-1} = 1` with U h held
    fixed, and fully shut not at all, or the other way about, while the other gates stand at zero.
    Of several such gates f is the one, then z, then the first.

    Returns:
        The gate, and 1.0 if it keeps when open (f of an LSTM, z of a GRU) or -1.0 if it keeps when
        shut (f of `minimal_gated`, i of `lstm_coupled`); None if no gate keeps.

    Example:
        >>> from throughtime import cells
        >>> keeping_gate(cells.gru), keeping_gate(cells.minimal_gated), keeping_gate(cells.elman)
        (('z', 1.0), ('f', -1.0), None)
    """
    found = {}
    for gate in dict.fromkeys((*cell.input_gates, *cell.recurrent_gates)):
        for open_, shut in zip(
            _carried(cell, gate, 60.0), _carried(cell, gate, -60.0), strict=True
        ):
            if abs(open_ - 1) < 1e-9 and abs(shut) < 1e-9:
                found[gate] = 1.0
            elif abs(shut - 1) < 1e-9 and abs(open_) < 1e-9:
                found[gate] = -1.0
    return next(((gate, found[gate]) for gate in ("f", "z", *found) if gate in found), None)


def _carried(cell: Cell, gate: str, pre_activation: float) -> list[float]:
    """Give ds_t / ds_{t-1} of each state, one gate's pre-activation being given, others zero."""

    def scalar(value: float) -> Tensor:
        return torch.tensor(value, dtype=torch.float64)

    product = "wx" if gate in cell.input_gates else "uh"
    values = dict.fromkeys(cell.step.inputs, scalar(0.0))
    values |= dict.fromkeys(cell.states, scalar(1.0)) | {
        f"{product}.{gate}": scalar(pre_activation)
    }
    before = evaluate(cell.step, values)
    slopes = []
    for state in cell.states:
        # What is carried on whole is carried on linearly: a difference is its derivative.
        after = evaluate(cell.step, values | {state: scalar(2.0)})
        slopes.append(float(after[f"next.{state}"] - before[f"next.{state}"]))
    return slopes


def _spectral_radius(matrix: Tensor) -> float:
    return float(torch.linalg.eigvals(matrix).abs().max())


def _keeping_gate_of(layer: Recurrent) -> tuple[str, float]:
    _check_layer(layer)
    found = keeping_gate(layer.cell)
    if found is None:
        raise ValueError(
            f"cell {layer.cell.name!r} has no gate that keeps its state when open and drops it "
            f"when shut, or the reverse; gates are {', '.join(layer.cell.gates)}"
        )
    return found


def _set_bias(cell: Cell, weights: Weights, gate: str, value: Tensor) -> None:
    """Set a gate's bias: in the input product, and zero in the recurrent one; they add."""
    for bias, gates in ((weights.b, cell.input_gates), (weights.c, cell.recurrent_gates)):
        if bias is not None and gate in gates:
            bias.view(len(gates), -1)[gates.index(gate)] = value
            value = torch.zeros_like(value)


def _weights_with_biases(layer: Recurrent) -> list[Weights]:
    if not layer.bias:
        raise ValueError("the layer has no biases to start; make it with bias=True")
    return list(_weights(layer))


def _recurrent_weights(layer: Recurrent) -> list[tuple[Tensor, list[Tensor]]]:
    found = []
    for weights in _weights(layer):
        if weights.U is None:
            raise ValueError(f"cell {layer.cell.name!r} has no recurrent weights to start")
        found.append((weights.U, [v for v in (weights.b, weights.c) if v is not None]))
    return found


def _weights(layer: Recurrent) -> Iterator[Weights]:
    """Give the weights of each layer and direction."""
    _check_layer(layer)
    for number in range(layer.num_layers):
        for reverse in (False, True) if layer.bidirectional else (False,):
            yield layer.weights(number, reverse)


def _check_layer(layer: object) -> None:
    if not isinstance(layer, Recurrent):
        raise TypeError(
            f"a Recurrent layer is expected, got {type(layer).__name__}; for a Network pass "
            "network.recurrent"
        )


def _finite(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    return float(value)
