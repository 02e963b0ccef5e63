"""What an engine is asked to do: one layer, one direction, over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from throughtime.equations import Cell


@dataclass(frozen=True)
class Weights:
    """The weights of one layer and direction. Rows of a gate stand together, gates in cell order.

    Attributes:
        W: Input weights, [Gx * H, I], Gx being the gates whose input product the equations use.
        U: Recurrent weights, [Gh * H, H], Gh being the gates whose recurrent product they use; None
            where there are none.
        b: Bias of the input product, [Gx * H], or None.
        c: Bias of the recurrent product, [Gh * H], or None.
        units: The learnable vectors with one number a unit, [H] each, in cell order.
    """

    W: Tensor | None
    U: Tensor | None
    b: Tensor | None = None
    c: Tensor | None = None
    units: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class Recurrence:
    """One layer of a cell run over time in one direction.

    Rows may be valid for different numbers of steps. Beyond its length a row's state stands still,
    its outputs are zero, and whatever its inputs hold there is never looked at.

    Attributes:
        cell: Whose programs to run.
        x: Inputs, [T, B, I].
        state: The states before the first step, [B, H] each, in cell order.
        weights: See `Weights`.
        lengths: Valid steps of each row, int64 on the CPU, [B]; None where all are.
        reverse: Run from each row's last valid step to its first.
    """

    cell: Cell
    x: Tensor
    state: tuple[Tensor, ...]
    weights: Weights
    lengths: Tensor | None = None
    reverse: bool = False


class Engine(Protocol):
    """Something that runs a recurrence, forward and backward."""

    name: str

    def why_not(self, recurrence: Recurrence) -> str | None:
        """Say why this engine cannot run the call; None if it can."""
        ...

    def run(self, recurrence: Recurrence) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run the recurrence; the results are differentiable by autograd.

        Returns:
            The outputs [T, B, H], and the states after each row's last step, [B, H] each.
        """
        ...
