"""Networks and sequences for online methods, and the exact gradient to compare them with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

import throughtime as tt
from throughtime.gradients import GradientMethod, Update

squared = nn.MSELoss(reduction="none")


@dataclass
class Problem:
    """A network in double precision, with sequences for it."""

    model: nn.Module
    inputs: Tensor
    targets: Tensor
    state: Any = None
    lengths: Tensor | None = None
    reset: Tensor | None = None

    def run(self, method: GradientMethod) -> list[Update]:
        """Run a method over the sequences."""
        arguments = (self.model, self.inputs, self.targets, squared)
        return list(method(*arguments, self.state, self.lengths, self.reset))

    def gradients(self, method: GradientMethod) -> dict[str, Tensor]:
        """Give what a method adds to `.grad`, by parameter; and by the start, where it learns."""
        states = [s for s in tensors(self.state) if s.requires_grad]
        for tensor in (*self.model.parameters(), *states):
            tensor.grad = None
        self.run(method)
        found = dict(self.model.named_parameters())
        found |= {f"start {place}": state for place, state in enumerate(states)}
        return {name: t.grad.clone() for name, t in found.items() if t.grad is not None}


def tensors(state: Any) -> list[Tensor]:
    """List the tensors of a state."""
    return [] if state is None else [state] if isinstance(state, Tensor) else list(state)


def problem(
    cell: str | tt.Cell,
    layers: int = 1,
    H: int = 3,
    T: int = 8,
    B: int = 4,
    started: bool = True,
    ragged: bool = False,
    **options: Any,
) -> Problem:
    """Draw a problem: from a start that learns if asked for, with rows of many lengths or not."""
    model = tt.Network(cell, 2, H, 2, num_layers=layers, dtype=torch.float64, **options)
    drawn = torch.randn(2, T, B, 2, dtype=torch.float64)
    states = [
        torch.randn(layers, B, H, dtype=torch.float64, requires_grad=True)
        for _ in model.recurrent.cell.states
    ]
    found = Problem(model, *drawn)
    if started:
        found.state = tuple(states) if len(states) > 1 else states[0]
    if ragged:
        found.lengths = torch.tensor([T, T // 2, 0, 1])
        found.reset = torch.rand(T, B) < 0.2
    return found


def differences(found: dict[str, Tensor], expected: dict[str, Tensor]) -> dict[str, float]:
    """Give how far gradients are apart, relative to the largest number of all."""
    assert found.keys() == expected.keys()
    scale = 1 + max(float(gradient.abs().max()) for gradient in expected.values())
    return {name: float((found[name] - expected[name]).abs().max()) / scale for name in found}


def exact(case: Problem) -> dict[str, Tensor]:
    """Give the gradient of backpropagation through time, of the sum of all losses."""
    return case.gradients(tt.BPTT(reduce="sum"))
