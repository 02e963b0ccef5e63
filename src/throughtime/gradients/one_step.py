"""A network run one step at a time, each with its derivative: what online methods advance along.

With `a = W x + b` and `u = U h + c` a cell's step `S' = f(a, u, S, p)` is elementwise: unit i of
the new states hangs on unit i of a, u, S and p alone. So the derivative of the step is a few planes
[B, H], one for each new state and each thing that it hangs on; the cell's adjoint program gives
them, run once for each new state with ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from throughtime.engine import Weights
from throughtime.engine.textbook.steps import clean, split
from throughtime.equations import Cell, evaluator
from throughtime.gradients.layer_of import layer_of
from throughtime.gradients.state import cut
from throughtime.nn import Network
from throughtime.nn.shapes import check_input, check_state


@dataclass(frozen=True)
class LayerStep:
    """A step of one layer, and the derivative of its new states. K states, Gx and Gh gates.

    Rows that have ended have derivatives of zero.

    Attributes:
        x: What was fed in, [B, I].
        h: The first state before the step, [B, H].
        W: Input weights by gate, [Gx, H, I].
        U: Recurrent weights by gate, [Gh, H, H].
        by_state: dS'_k/dS_j while the products W x and U h are held, [K, K, B, H].
        by_input: dS'_k/da_g, [K, Gx, B, H].
        by_recurrent: dS'_k/du_g, [K, Gh, B, H].
        by_unit: dS'_k/dp, for each learnable vector p, [K, units, B, H].
    """

    x: Tensor
    h: Tensor
    W: Tensor
    U: Tensor
    by_state: Tensor
    by_input: Tensor
    by_recurrent: Tensor
    by_unit: Tensor


class OneStep:
    """A network of this package, or a layer of it, on its way through a sequence step by step.

    Args:
        model: See `layer_of`.
        inputs: [T, B, I]
        state: What the network carries before the first step; None for zeros.
        lengths: Valid steps of each row, [B]; None where all are.
        method: How the method calls itself, for messages.

    Attributes:
        layer: The recurrent layers.
        outer: What is learned outside of them: the readout's parameters.
        starts: The states given, [layers, B, H] each; a leaf among them receives a gradient.
        states: The states now, for each layer [B, H] each.

    Raises:
        TypeError: The model is of another kind.
        ValueError: The model does what cannot be advanced step by step; inputs or states do not
            fit it.
    """

    def __init__(
        self, model: nn.Module, inputs: Tensor, state: Any, lengths: Tensor | None, method: str
    ) -> None:
        self.model, self.method = model, method
        self.layer = layer_of(model, method)
        self.outer: list[Tensor] = []
        if isinstance(model, Network):
            self.outer = [p for p in model.readout.parameters() if p.requires_grad]
        check_input(self.layer, inputs)
        self.starts = check_state(self.layer, inputs, cut(state), single=False)
        self.x, self.lengths = clean(inputs, lengths), lengths
        places = range(self.layer.num_layers)
        self.states = [tuple(s[place].detach() for s in self.starts) for place in places]
        self._step = evaluator(self.cell.adjoint.forward, inputs.dtype, inputs.device)
        self._adjoint = evaluator(self.cell.adjoint.backward, inputs.dtype, inputs.device)
        # Seed j holds one where state j is the one differentiated.
        ones = torch.eye(len(self.cell.states), dtype=inputs.dtype, device=inputs.device)
        self._seeds = {
            f"d.next.{name}": ones[:, place, None, None]
            for place, name in enumerate(self.cell.states)
        }

    @property
    def cell(self) -> Cell:
        """The cell of the layers."""
        return self.layer.cell

    @property
    def output(self) -> Tensor:
        """The last layer's output after the last step run, [B, H]."""
        return self.states[-1][0]

    @property
    def state(self) -> Any:
        """What the network carries, in the form in which it gives it."""
        stacked = tuple(torch.stack(of_all) for of_all in zip(*self.states, strict=True))
        return stacked if len(stacked) > 1 else stacked[0]

    def read(self, h: Tensor) -> Tensor:
        """Give the network's outputs for outputs of the last layer."""
        return self.model.read(h) if isinstance(self.model, Network) else h

    def weights(self) -> list[Weights]:
        """Give the weights of each layer as they are now; where grad is on, they can learn."""
        return [self.layer.weights(place) for place in range(self.layer.num_layers)]

    def restart(self, rows: Tensor) -> None:
        """Start rows, [B], anew from states of zeros."""
        rows = rows.to(self.x.device)[:, None]
        self.states = [tuple(s.masked_fill(rows, 0) for s in own) for own in self.states]

    @torch.no_grad()
    def step(self, t: int) -> list[LayerStep]:
        """Run a step, and differentiate it layer by layer."""
        valid = None
        if self.lengths is not None and t >= int(self.lengths.min()):
            valid = (t < self.lengths).to(self.x.device)[:, None]  # [B, 1]
        x, steps = self.x[t], []
        for place, weights in enumerate(self.weights()):
            new, step = self._layer(x, self.states[place], weights, valid)
            self.states[place] = new
            steps.append(step)
            x = new[0]
        return steps

    def _layer(
        self, x: Tensor, states: tuple[Tensor, ...], weights: Weights, valid: Tensor | None
    ) -> tuple[tuple[Tensor, ...], LayerStep]:
        cell, (B, H), K = self.cell, states[0].shape, len(states)
        values = dict(zip(cell.units, weights.units, strict=True)) | self._seeds
        values.update(zip(cell.states, states, strict=True))
        if weights.W is not None:
            values |= split(linear(x, weights.W, weights.b), cell.input_gates, "wx.")
        if weights.U is not None:
            values |= split(linear(states[0], weights.U, weights.c), cell.recurrent_gates, "uh.")
        forward, backward = cell.adjoint.forward, cell.adjoint.backward
        values.update(zip(forward.outputs, self._step(values), strict=True))
        new = tuple(values[f"next.{name}"].expand(B, H) for name in cell.states)
        derivative = dict(zip(backward.outputs, self._adjoint(values), strict=True))

        zero = x.new_zeros(())

        def planes(names: Sequence[str]) -> Tensor:
            found = [derivative.get(f"d.{name}", zero).expand(K, B, H) for name in names]
            stacked = torch.stack(found, 1) if found else x.new_zeros(K, 0, B, H)
            return stacked if valid is None else torch.where(valid, stacked, 0.0)

        step = LayerStep(
            x=x,
            h=states[0],
            W=_by_gate(weights.W, x, H),
            U=_by_gate(weights.U, states[0], H),
            by_state=planes(cell.states),
            by_input=planes([f"wx.{gate}" for gate in cell.input_gates]),
            by_recurrent=planes([f"uh.{gate}" for gate in cell.recurrent_gates]),
            by_unit=planes(cell.units),
        )
        if valid is not None:
            new = tuple(torch.where(valid, n, s) for n, s in zip(new, states, strict=True))
        return new, step


def _by_gate(weight: Tensor | None, by: Tensor, H: int) -> Tensor:
    """Give a weight [G * H, columns] as [G, H, columns]; without gates where there is none."""
    if weight is None:
        return by.new_zeros(0, H, by.shape[1])
    return weight.detach().view(-1, H, weight.shape[1])
