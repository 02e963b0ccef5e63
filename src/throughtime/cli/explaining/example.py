"""What is explained: a network with a sequence for it, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from throughtime.nn import Network


@dataclass(frozen=True)
class Example:
    """A network and one sequence.

    Attributes:
        network: In double precision.
        inputs: [T, 1, I]
        targets: [T, 1, O]
        state: The states before the first step, [layers, 1, H] each.
        source: Where it comes from, a sentence.
    """

    network: Network
    inputs: Tensor
    targets: Tensor
    state: tuple[Tensor, ...]
    source: str


def drawn(cell: str, units: int, steps: int, seed: int, activation: str) -> Example:
    """Draw a small network without biases, and a sequence, in numbers of one decimal.

    States that mean something only together start at zero, all others at a drawn number, so that
    the first step has its term too.

    Raises:
        CellError: No cell has that name.
    """
    import torch

    from throughtime.nn import Network

    network = Network(cell, 1, units, 1, activation, bias=False, dtype=torch.float64)
    draw = _Draw(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(draw.tensor(parameter.shape, 0.2, 1.2))
    inputs = draw.tensor((steps, 1, 1), 0.1, 1.0)
    targets = draw.tensor((steps, 1, 1), 0.1, 0.9)
    declared = network.recurrent.cell
    state = tuple(
        torch.zeros(1, 1, units, dtype=torch.float64)
        if name in declared.together
        else draw.tensor((1, 1, units), 0.1, 0.5)
        for name in declared.states
    )
    source = f"Weights and numbers are drawn from seed {seed}."
    return Example(network, inputs, targets, state, source)


class _Draw:
    """Numbers of one decimal, of either sign, the same from a seed wherever they are drawn."""

    def __init__(self, seed: int) -> None:
        # Of Python's generator only `random` is promised to stay the same.
        self.random: Callable[[], float] = random.Random(seed).random

    def tensor(self, shape: tuple[int, ...], least: float, most: float) -> Tensor:
        """Draw numbers whose size is between two of one decimal."""
        import torch

        first, last = round(10 * least), round(10 * most)
        count = torch.Size(shape).numel()
        numbers = []
        for _ in range(count):
            size = first + int(self.random() * (last - first + 1))
            numbers.append(size / 10 if self.random() < 0.5 else -size / 10)
        return torch.tensor(numbers, dtype=torch.float64).view(shape)
