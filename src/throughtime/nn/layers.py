"""Layers and directions run over one another: what every recurrent module of this package does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.amp import is_autocast_available
from torch.nn.functional import dropout

from throughtime import engine
from throughtime.engine import Recurrence, Weights
from throughtime.engine.textbook import NanOrigin, nan_origin
from throughtime.equations import Cell
from throughtime.nn.tracing import has_numbers


@dataclass(frozen=True)
class Stack:
    """Layers of a cell, as they are to be run.

    Attributes:
        cell: The cell.
        weights: Gives the weights of a layer and direction (reverse or not).
        num_layers: Layers.
        bidirectional: Whether each has a second direction.
        dropout: Share of each layer's outputs dropped, except the last's; 0 outside of training.
        dropped: Draws the factors on a state inside the recurrent product, [B, H], once for each
            layer and direction; None for no dropout there.
        taken: Draws the shares of the new states that are taken at each of T steps; None for all.
        refuse_nan: Whether a NaN that the equations make of ordinary numbers is an error.
    """

    cell: Cell
    weights: Callable[[int, bool], Weights]
    num_layers: int
    bidirectional: bool
    dropout: float = 0.0
    dropped: Callable[[Tensor], Tensor] | None = None
    taken: Callable[[int, tuple[Tensor, ...]], tuple[Tensor, ...]] | None = None
    refuse_nan: bool = False

    def run(
        self, x: Tensor, before: tuple[Tensor, ...], lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run all layers.

        Args:
            x: Inputs, [T, B, I].
            before: The states before the first step, [layers * directions, B, ·] each.
            lengths: Valid steps of each row, int64 on the CPU, [B].

        Returns:
            The last layer's outputs, [T, B, directions * ·], and the states after each row's last
            step, shaped as `before`.

        Raises:
            FloatingPointError: The cell's equations have made a NaN, with `refuse_nan`; the
                instruction, its gates, the layer, step, row and unit are named.
        """
        kind = x.device.type
        wide = x.dtype == torch.float64  # which autocast leaves alone
        if not wide and is_autocast_available(kind) and torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
            with torch.autocast(kind, enabled=False):
                return self._in(dtype).run(x.to(dtype), tuple(s.to(dtype) for s in before), lengths)
        after: list[tuple[Tensor, ...]] = []
        for layer in range(self.num_layers):
            outputs = []
            for reverse in (False, True) if self.bidirectional else (False,):
                state = tuple(s[len(after)] for s in before)
                recurrence = Recurrence(
                    self.cell,
                    x,
                    state,
                    self.weights(layer, reverse),
                    lengths,
                    reverse,
                    dropped=None if self.dropped is None else self.dropped(state[0]),
                    taken=None if self.taken is None else self.taken(len(x), state),
                    states_only=engine.states_only(),
                )
                output, final = engine.run(recurrence)
                if self.refuse_nan and has_numbers(output):
                    # A state hands its NaN on to the end, and to look there is cheap; a cell that
                    # reads no state has to be looked at all along.
                    read = {*recurrence.cell.states} & {*recurrence.cell.step.inputs}
                    remembers = recurrence.weights.U is not None or read
                    if engine.any_nan(*final) if remembers else engine.any_nan(output):
                        self._refuse_nan(recurrence, layer, reverse)
                outputs.append(output)
                after.append(final)
            x = torch.cat(outputs, 2) if len(outputs) > 1 else outputs[0]
            if self.dropout and layer < self.num_layers - 1:
                x = dropout(x, self.dropout)
        return x, tuple(torch.stack(states) for states in zip(*after, strict=True))

    def _refuse_nan(self, recurrence: Recurrence, layer: int, reverse: bool) -> None:
        origin = nan_origin(recurrence)
        if origin is not None:  # else the NaN came in from outside, and goes out again
            direction = ", reverse direction" if reverse else ""
            raise FloatingPointError(
                f"cell {self.cell.name!r}, layer {layer}{direction}: {origin}; {_mend(origin)}"
            )

    def _in(self, dtype: torch.dtype) -> Stack:
        """Give the same layers with weights in another dtype, as autocast asks for."""

        def converted(layer: int, reverse: bool) -> Weights:
            weights = self.weights(layer, reverse)
            tensors = {name: getattr(weights, name) for name in ("W", "U", "b", "c", "P")}
            return Weights(
                **{name: None if t is None else t.to(dtype) for name, t in tensors.items()},
                units=tuple(unit.to(dtype) for unit in weights.units),
            )

        return replace(self, weights=converted)


def _mend(origin: NanOrigin) -> str:
    if any(map(math.isinf, origin.arguments)):
        return (
            "what it was given has grown beyond all numbers: the inputs, the weights or the state "
            "have diverged; lower the learning rate, clip gradients, or scale the inputs"
        )
    return f"keep what {origin.operation} is given where it is defined, by softplus or maximum, say"
