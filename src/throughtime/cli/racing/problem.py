"""What is raced: one layer of a cell on drawn sequences, with drawn gradients of its results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from throughtime.cli.errors import UsageError
from throughtime.engine import Recurrence
from throughtime.equations import Cell
from throughtime.nn import Recurrent

SHORTEST = 10
"""Steps of the shortest sequence where lengths are drawn."""


class Size(NamedTuple):
    """Rows, time steps, inputs and units: B, T, I, H."""

    B: int
    T: int
    I: int  # noqa: E741 - the letter of the literature
    H: int

    def __str__(self) -> str:
        return ", ".join(map(str, self))


SIZES = (
    Size(1, 1000, 1, 16),
    Size(16, 500, 1, 16),
    Size(32, 200, 8, 32),
    Size(32, 100, 16, 64),
    Size(32, 100, 64, 128),
    Size(64, 100, 128, 256),
    Size(64, 50, 512, 512),
)
"""From a single short sequence to the largest layer that is still trained on a CPU."""

ODD = (Size(5, 211, 3, 21), Size(33, 87, 17, 47), Size(7, 300, 1, 100), Size(50, 61, 40, 200))
"""Sizes that no tile, vector or shard divides: they show what tuned ones hide."""


def sizes_of(text: str) -> tuple[Size, ...]:
    """Read sizes as they are given on the command line: "B,T,I,H; B,T,I,H".

    Raises:
        UsageError: A size is not four whole numbers from 1.
    """
    found = []
    for part in filter(None, map(str.strip, text.split(";"))):
        numbers = [number.strip() for number in part.split(",")]
        if len(numbers) != 4 or not all(n.isascii() and n.isdigit() and int(n) for n in numbers):
            raise UsageError(
                f"--sizes: a size is four whole numbers from 1, B,T,I,H (rows, time steps, inputs, "
                f'units), and sizes stand apart by ;: "32,100,16,64;1,1000,1,16"; got {part!r}'
            )
        found.append(Size(*map(int, numbers)))
    if not found:
        raise UsageError('--sizes names none; give B,T,I,H, such as "32,100,16,64"')
    return tuple(found)


@dataclass(frozen=True)
class Problem:
    """A layer, its sequences and the gradients of its results.

    Attributes:
        layer: The layer; its weights are everyone's.
        size: B, T, I, H.
        x: Inputs, [T, B, I].
        state: The states before the first step, [1, B, H] each.
        seeds: Gradients of the outputs, [T, B, H], and of the final states, [1, B, H] each.
        lengths: Valid steps of each row, [B]; None where all are.
    """

    layer: Recurrent
    size: Size
    x: Tensor
    state: tuple[Tensor, ...]
    seeds: tuple[Tensor, ...]
    lengths: Tensor | None

    @property
    def wanted(self) -> dict[str, Tensor]:
        """What a training step differentiates by: everything that goes in."""
        states = zip(self.layer.cell.states, self.state, strict=True)
        return {
            "x": self.x,
            **{f"{name} before": state for name, state in states},
            **dict(self.layer.named_parameters()),
        }

    @property
    def results(self) -> tuple[str, ...]:
        """Names of what an inference step gives."""
        return "outputs", *(f"{name} after" for name in self.layer.cell.states)

    @property
    def recurrence(self) -> Recurrence:
        """The same as the engines are asked for it."""
        state = tuple(s[0] for s in self.state)
        layer = self.layer
        return Recurrence(layer.cell, self.x, state, layer.weights(0), self.lengths)

    def multiply_adds(self, training: bool) -> int:
        """Count the floating-point operations of the matrix products of valid steps.

        Two for each multiply-add: `T B H (Gx I + Gh H)` of these forward and, for a training step,
        as many again for the gradients of inputs and states, and for those of the weights.
        """
        cell, (B, T, I, H) = self.layer.cell, self.size  # noqa: E741
        steps = T * B if self.lengths is None else int(self.lengths.sum())
        products = steps * H * (len(cell.input_gates) * I + len(cell.recurrent_gates) * H)
        return 2 * (3 if training else 1) * products


def draw(cell: str | Cell, size: Size, dtype: torch.dtype, ragged: bool = False) -> Problem:
    """Draw a problem, the same each time.

    Args:
        cell: A cell or its name.
        size: B, T, I, H.
        dtype: torch.float32 or torch.float64.
        ragged: Whether the lengths are drawn uniformly from 10 to T.
    """
    B, T, I, H = size  # noqa: E741
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = Recurrent(cell, I, H, dtype=dtype)
        x = torch.randn(T, B, I, dtype=dtype, requires_grad=True)
        states = layer.cell.states
        state = tuple(torch.zeros(1, B, H, dtype=dtype, requires_grad=True) for _ in states)
        seeds = (
            torch.randn(T, B, H, dtype=dtype),
            *(torch.randn(1, B, H, dtype=dtype) for _ in states),
        )
        lengths = torch.randint(min(SHORTEST, T), T + 1, (B,)) if ragged else None
    return Problem(layer, size, x, state, seeds, lengths)
