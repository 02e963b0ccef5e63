"""A cell's programs written out as equations between named values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from throughtime.equations.derivation.names import Names
from throughtime.equations.derivation.terms import Equation, Place, Symbol, Term
from throughtime.equations.derivation.unfold import Unfolded, unfold
from throughtime.equations.program import Program

if TYPE_CHECKING:
    from throughtime.equations.cell import Cell

_ACTIVATIONS = frozenset({"sigmoid", "tanh", "relu", "exp"})
# Through these a gate's activation may see its pre-activations.
_ARITHMETIC = frozenset({"add", "subtract", "multiply", "divide", "negate", "mean", "sqrt"})


@dataclass(frozen=True)
class WrittenOut:
    """A cell's step and its adjoint as equations, in the order in which they are evaluated.

    Attributes:
        names: The symbols of its values.
        step: From products and states at `t - 1` to the states at `t`.
        adjoint: From the derivatives by the states at `t` to those by the products.
        implicit: By state, what the derivative by it at `t - 1` receives other than through `U`.
    """

    names: Names
    step: tuple[Equation, ...]
    adjoint: tuple[Equation, ...]
    implicit: dict[str, Term]


def write_out(cell: Cell) -> WrittenOut:
    """Write a cell's programs out."""
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
    return WrittenOut(names, step.equations, adjoint.equations, implicit)


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
