"""One step of layers whose weights are taken once: packed for the native engine, or copied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from throughtime.engine import Recurrence, Weights
from throughtime.engine.native_stepper import Step, native_step
from throughtime.equations import Cell, cell, exp, sigmoid, softplus, tanh
from throughtime.nn.layers import Stack


@dataclass(frozen=True)
class Readout:
    """What outputs of the last layer go through: `g(V h + v)`, or `g(h)` alone.

    Attributes:
        V: [O, H]; None where there is no linear product.
        v: [O], or None.
        activation: The name of g, if it has one.
        function: g itself, on [..., O].
    """

    V: Tensor | None
    v: Tensor | None
    activation: str
    function: Callable[[Tensor], Tensor]

    def __call__(self, h: Tensor) -> Tensor:
        """Give the outputs, [..., H] to [..., O]."""
        return self.function(h if self.V is None else torch.nn.functional.linear(h, self.V, self.v))


def recurrences(stack: Stack, x: Tensor, states: Sequence[Tensor]) -> list[Recurrence]:
    """Give the layers of one step as engines are asked for them.

    Args:
        stack: The layers.
        x: Inputs, [1, B, I], of which the shape is looked at alone.
        states: [layers, B, ·] each; the states of the result are views of them.
    """
    found = []
    for layer in range(stack.num_layers):
        own = tuple(state[layer] for state in states)
        taken = None if stack.taken is None else stack.taken(1, own)
        found.append(Recurrence(stack.cell, x, own, stack.weights(layer, False), taken=taken))
        x = own[0].unsqueeze(0)
    return found


@dataclass(frozen=True)
class Packed:
    """Layers packed for the native engine.

    Attributes:
        step: Runs one step.
        width: Columns of its outputs.
        left: What is left to be done to them; None for nothing.
        states: What the step reads and writes; to be kept as long as it is called.
    """

    step: Step
    width: int
    left: Callable[[Tensor], Tensor] | None
    states: Sequence[tuple[Tensor, ...]]


def packed(layers: Sequence[Recurrence], readout: Readout | None) -> Packed:
    """Pack layers that the native engine runs, and of the readout as much as it can run too."""
    h = layers[-1].state[0]
    states = [layer.state for layer in layers]
    if readout is None or readout.V is None:
        left = readout and torch.no_grad()(readout)  # it may use weights of its own
        return Packed(native_step(layers), h.shape[1], left, states)
    # A linear product and a function of each of its numbers are a cell that remembers nothing.
    fused = readout.activation in _FUNCTIONS
    reading = Recurrence(
        _reading(readout.activation if fused else "identity"),
        h.unsqueeze(0),
        (h.new_empty(len(h), len(readout.V)),),
        Weights(W=readout.V, U=None, b=readout.v),
    )
    step = native_step([*layers, reading])
    return Packed(step, reading.H, None if fused else readout.function, [*states, reading.state])


_FUNCTIONS = {
    "identity": lambda y: y,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "softplus": softplus,
    "exp": exp,
}


@cache
def _reading(activation: str) -> Cell:
    function = _FUNCTIONS[activation]

    @cell(gates="y", state="before")
    def readout(wx, uh, before):  # type: ignore[no-untyped-def]
        return function(wx.y)

    return readout


def frozen(stack: Stack, readout: Readout | None) -> tuple[Stack, Readout | None]:
    """Give layers and readout with copies of the weights that they have now."""

    def copied(weights: Weights) -> Weights:
        matrices = {name: _copy(getattr(weights, name)) for name in ("W", "U", "b", "c", "P")}
        return Weights(**matrices, units=tuple(unit.detach().clone() for unit in weights.units))

    layers = [copied(stack.weights(layer, False)) for layer in range(stack.num_layers)]
    if readout is not None:
        readout = replace(readout, V=_copy(readout.V), v=_copy(readout.v))
    return replace(stack, weights=lambda layer, _: layers[layer], refuse_nan=False), readout


def _copy(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach().clone()


@torch.no_grad()
def plain_step(
    stack: Stack, readout: Readout | None, x: Tensor, states: Sequence[Tensor]
) -> Tensor:
    """Run one step on whatever engine can, and write the new states over the old.

    Args:
        stack: The layers.
        readout: What follows them.
        x: Inputs, [B, I].
        states: [layers, B, ·] each.

    Returns:
        The outputs, [B, H] or [B, O].
    """
    with torch.autocast(x.device.type, enabled=False):
        # Copies: a cell may give an old state as another's new one.
        y, after = stack.run(x.detach().unsqueeze(0), tuple(state.clone() for state in states))
        for state, new in zip(states, after, strict=True):
            state.copy_(new)
        return y[0] if readout is None else readout(y[0])
