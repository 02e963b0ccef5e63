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
        P: Projection of the new first state, [R, H], or None. The projected state, R wide, is the
            output and what `U` multiplies (Sak, Senior & Beaufays 2014); the cell's equations must
            not use it otherwise.
    """

    W: Tensor | None
    U: Tensor | None
    b: Tensor | None = None
    c: Tensor | None = None
    units: tuple[Tensor, ...] = ()
    P: Tensor | None = None


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
        dropped: Factors on the state inside the recurrent product, the same at every step, [B, H]:
            dropout as of Gal & Ghahramani (2016). None for 1.
        taken: For each state, the share of its new value that is taken at each step, the rest being
            the old one, [T or 1, B, H] each: zoneout (Krueger et al. 2017). None for 1.
        states_only: Whether to keep the states alone for the backward pass, see `keep`.
    """

    cell: Cell
    x: Tensor
    state: tuple[Tensor, ...]
    weights: Weights
    lengths: Tensor | None = None
    reverse: bool = False
    dropped: Tensor | None = None
    taken: tuple[Tensor, ...] | None = None
    states_only: bool = False

    @property
    def H(self) -> int:  # noqa: N802 - the letter of the literature
        """The number of units."""
        return self.state[0].shape[1] if self.weights.P is None else self.weights.P.shape[1]


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
