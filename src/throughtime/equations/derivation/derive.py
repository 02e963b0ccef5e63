"""The derivation of a cell: from its programs to three blocks of LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from throughtime.equations.derivation.names import Names
from throughtime.equations.derivation.rows import (
    aligned,
    gradients,
    pre_activations,
    recursion,
    row,
    start,
)
from throughtime.equations.derivation.terms import Equation, Place, Symbol, Term
from throughtime.equations.derivation.unfold import Unfolded, unfold
from throughtime.equations.program import Program

if TYPE_CHECKING:
    from throughtime.equations.cell import Cell

_ACTIVATIONS = frozenset({"sigmoid", "tanh", "relu", "exp"})
# Through these a gate's activation may see its pre-activations.
_ARITHMETIC = frozenset({"add", "subtract", "multiply", "divide", "negate", "mean", "sqrt"})


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
    names = Names(cell.states, cell.units, cell.gates)
    forward, backward = cell.adjoint.forward, cell.adjoint.backward
    step = _unfold_step(cell, names)
    kept = {
        output: step.terms[register]
        for output, register in zip(forward.outputs, forward.results, strict=True)
        if output.startswith("kept.")
    }
    adjoint = _unfold_adjoint(cell, names, kept)
    implicit = {
        state: adjoint.terms[backward.result(f"d.{state}")]
        for state in cell.states
        if f"d.{state}" in backward.outputs
    }
    return Derivation(
        step=aligned(
            [
                *pre_activations(cell, names),
                *map(row, step.equations),
                f"y_t &= {names.after[cell.states[0]]}",
            ]
        ),
        adjoint=aligned(
            [
                r"\delta(\cdot) &= \frac{\partial E}{\partial (\cdot)}",
                *start(cell, names),
                *map(row, adjoint.equations),
                *(recursion(cell, names, state, implicit.get(state)) for state in cell.states),
            ]
        ),
        gradients=aligned(gradients(cell, names)),
    )


def _inputs(names: Names) -> dict[str, Term]:
    """Give the symbol of each input of a step."""
    return {
        **{f"wx.{gate}": Symbol(text) for gate, text in names.inputs.items()},
        **{f"uh.{gate}": Symbol(text) for gate, text in names.products.items()},
        **{state: Symbol(text) for state, text in names.before.items()},
        **{unit: Symbol(text) for unit, text in names.units.items()},
    }


def _unfold_step(cell: Cell, names: Names) -> Unfolded:
    program = cell.adjoint.forward
    outputs = [(f"next.{state}", Symbol(text)) for state, text in names.after.items()]
    named, rest = _by_register(program, outputs)
    for register, gate in _activations(program, named).items():
        named[register] = [names.gate(gate)]
    # A kept value is read here and again by the adjoint: twice.
    kept = [r for o, r in zip(program.outputs, program.results, strict=True) if "kept." in o]
    unfolded = unfold(program, _inputs(names), named, 2 * kept, lambda _: names.numbered(False))
    return _with_copies(unfolded, rest)


def _unfold_adjoint(cell: Cell, names: Names, kept: dict[str, Term]) -> Unfolded:
    program = cell.adjoint.backward
    inputs: dict[str, Term] = {
        **_inputs(names),
        **{f"d.next.{state}": _delta(text) for state, text in names.after.items()},
        **kept,
    }
    outputs = [
        *((f"d.wx.{gate}", _delta(names.inputs[gate])) for gate in cell.input_gates),
        *((f"d.uh.{gate}", _delta(names.products[gate])) for gate in cell.recurrent_gates),
        *((f"d.{unit}", _delta(text)) for unit, text in names.units_in_time.items()),
    ]
    outputs = [pair for pair in outputs if pair[0] in program.outputs]
    named, rest = _by_register(program, outputs)
    passed = [program.result(f"d.{s}") for s in cell.states if f"d.{s}" in program.outputs]
    adjoints = {r for r, name in enumerate(program.inputs) if name.startswith("d.")}
    for register, instruction in program.numbered():
        if adjoints.intersection(instruction.arguments):
            adjoints.add(register)
    unfolded = unfold(program, inputs, named, passed, lambda r: names.numbered(r in adjoints))
    return _with_copies(unfolded, rest)


def _delta(text: str) -> Symbol:
    return Symbol(rf"\delta {text}", Place.ADJOINT)


def _by_register(
    program: Program, outputs: Sequence[tuple[str, Symbol]]
) -> tuple[dict[int, list[Symbol]], list[tuple[int, Symbol]]]:
    """Sort names of outputs by the instruction that computes them; the rest copy a register."""
    named: dict[int, list[Symbol]] = {}
    rest = []
    for output, symbol in outputs:
        register = program.result(output)
        if register >= program.first_instruction:
            named.setdefault(register, []).append(symbol)
        else:
            rest.append((register, symbol))
    return named, rest


def _with_copies(unfolded: Unfolded, copies: Sequence[tuple[int, Symbol]]) -> Unfolded:
    """Add the outputs that are inputs or constants of their program."""
    more = tuple(Equation((symbol,), unfolded.terms[register]) for register, symbol in copies)
    return Unfolded(unfolded.equations + more, unfolded.terms)


def _activations(program: Program, named: dict[int, list[Symbol]]) -> dict[int, str]:
    """Find, for each gate, the first activation of its pre-activations and of no other gate's."""
    reached: list[set[str]] = [
        {name[3:]} if name.startswith(("wx.", "uh.")) else set() for name in program.inputs
    ]
    reached += [set() for _ in program.constants]
    found: dict[int, str] = {}
    for register, instruction in program.numbered():
        gates = set[str]().union(*(reached[argument] for argument in instruction.arguments))
        if instruction.operation in _ACTIVATIONS and register not in named and len(gates) == 1:
            (gate,) = gates
            if gate not in found.values():
                found[register] = gate
        passes = instruction.operation in _ARITHMETIC and register not in named
        reached.append(gates if passes else set())
    return found
