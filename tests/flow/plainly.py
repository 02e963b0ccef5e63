"""Gradients by state, by autograd on a plainly written loop: the truth that flow is held to."""

from dataclasses import dataclass

import torch
from torch import Tensor

import throughtime as tt
from tests.contracts import plain


@dataclass
class Unrolled:
    """One row of a network, unrolled: every state is an alias that nothing reads but what follows.

    Each of several states counts by itself so, although the next one may be computed from it.
    """

    errors: list[Tensor]  # by step
    states: dict[tuple[int, int], list[Tensor]]  # by layer and step

    def _by(self, y: Tensor, aliases: list[Tensor]) -> Tensor:
        found = torch.autograd.grad(y, aliases, retain_graph=True, allow_unused=True)
        return torch.cat(
            [torch.zeros_like(a) if g is None else g for a, g in zip(aliases, found, strict=True)]
        )

    def gradient(self, s: int, layer: int, t: int) -> Tensor:
        """Give dE_s/dS_t, the states of a layer one after the other: [K * H]."""
        return self._by(self.errors[s], self.states[layer, t])

    def jacobian(self, layer: int, s: int, t: int) -> Tensor:
        """Give dS_s/dS_t of a layer, [K * H, K * H]."""
        before = self.states[layer, t]
        return torch.stack([self._by(y, before) for new in self.states[layer, s] for y in new])


def unrolled(
    network: tt.Network,
    x: Tensor,
    d: Tensor,
    start: list[Tensor],
    row: int,
    length: int,
    held: bool = False,
    cut: int = 0,
) -> Unrolled:
    """Run one row; with `held` nothing flows back through U h, and nothing to before step `cut`."""
    layer = network.recurrent
    step = plain.step_of(layer.cell)
    before = [[s[number, row] for s in start] for number in range(layer.num_layers)]
    states: dict[tuple[int, int], list[Tensor]] = {}
    errors = []
    for t in range(length):
        below = x[t, row]
        for number in range(layer.num_layers):
            weights = layer.weights(number)
            a = plain.affine(weights.W, below, weights.b)
            if t == cut:
                before[number] = [s.detach() for s in before[number]]
            heard = before[number][0].detach() if held else before[number][0]
            u = plain.affine(weights.U, heard, weights.c)
            new = step(a, u, before[number], weights.units)
            new = [s if s.requires_grad else s.clone().requires_grad_() for s in new]
            before[number] = states[number, t] = [s.view_as(s) for s in new]
            below = before[number][0]
        errors.append(((network.readout(below) - d[t, row]) ** 2).sum())
    return Unrolled(errors, states)


def start_of(network: tt.Network, B: int) -> list[Tensor]:
    layer = network.recurrent
    shape = (layer.num_layers, B, layer.hidden_size)
    return [torch.randn(shape, dtype=torch.float64) for _ in layer.cell.states]


def as_state(start: list[Tensor]) -> Tensor | tuple[Tensor, ...]:
    return tuple(start) if len(start) > 1 else start[0]
