"""The derivation of a cell: from its equations to three blocks of LaTeX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from throughtime.equations.derivation.rows import (
    aligned,
    gradients,
    pre_activations,
    recursion,
    row,
    start,
)
from throughtime.equations.derivation.written_out import write_out

if TYPE_CHECKING:
    from throughtime.equations.cell import Cell


@dataclass(frozen=True)
class Derivation:
    r"""A cell's mathematics, each part as one `aligned` environment of LaTeX (amsmath).

    The symbols: inputs `x_t`, outputs `y_t`, states by name, activations by their gate,
    `a_{g,t} = W_g x_t + b_g`, `u_{g,t} = U_g h_{t-1} + c_g`, other values `q_{1,t}`, ...; `\delta`
    before a value is the derivative of the error `E` by it; `\odot` is the elementwise product.

    Attributes:
        step: From the states at `t - 1` to those at `t`.
        adjoint: The derivative by the states after the last step `T`, and from that by the states
            at `t` to that by the states at `t - 1`.
        gradients: The derivatives by weights, biases, unit vectors and inputs.
    """

    step: str
    adjoint: str
    gradients: str

    def __str__(self) -> str:
        parts = "\n\\\\[2ex]\n".join((self.step, self.adjoint, self.gradients))
        return f"\\begin{{gathered}}\n{parts}\n\\end{{gathered}}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self}$"


def derive(cell: Cell) -> Derivation:
    """Print a cell's step and adjoint from the programs that engines run.

    Raises:
        CellError: An operation of the cell has no LaTeX.
    """
    written = write_out(cell)
    names = written.names
    return Derivation(
        step=aligned(
            [
                *pre_activations(cell, names),
                *map(row, written.step),
                f"y_t &= {names.after[cell.states[0]]}",
            ]
        ),
        adjoint=aligned(
            [
                r"\delta(\cdot) &= \frac{\partial E}{\partial (\cdot)}",
                *start(cell, names),
                *map(row, written.adjoint),
                *(recursion(cell, names, s, written.implicit.get(s)) for s in cell.states),
            ]
        ),
        gradients=aligned(gradients(cell, names)),
    )
