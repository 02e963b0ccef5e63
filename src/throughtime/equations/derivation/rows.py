"""The rows of a derivation: those of the programs, and the products with weights around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughtime.equations.derivation.latex import latex
from throughtime.equations.derivation.names import Names
from throughtime.equations.derivation.terms import Equation, Number, Term

if TYPE_CHECKING:
    from throughtime.equations.cell import Cell


def row(equation: Equation) -> str:
    """Write an equation, its names first."""
    names = " = ".join(symbol.latex for symbol in equation.names)
    return f"{names} &= {latex(equation.value)}"


def pre_activations(cell: Cell, names: Names) -> list[str]:
    """Write the products that the gates are computed from."""
    h = names.before[cell.states[0]]
    rows = []
    for gate in cell.gates:
        W, U, b, c = (names.weight(letter, gate) for letter in "WUbc")
        equations = []
        if gate in cell.input_gates:
            equations.append(f"{names.inputs[gate]} = {W} x_t + {b}")
        if gate in cell.recurrent_gates:
            equations.append(f"{names.products[gate]} = {U} {h} + {c}")
        rows += _beside(equations)
    return rows


def recursion(cell: Cell, names: Names, state: str, implicit: Term | None) -> str:
    """Write the derivative by a state at `t - 1`: explicit, and implicit through the step."""
    terms = [] if implicit is None or implicit == Number(0.0) else [latex(implicit)]
    if state == cell.states[0]:
        terms.insert(0, r"\frac{\partial E}{\partial y_{t-1}}")
        terms += [
            rf"{names.weight('U', gate)}^\top \delta {names.products[gate]}"
            for gate in cell.recurrent_gates
        ]
    if len(terms) > 1:
        terms = [rf"\left({t}\right)" if t.startswith(r"\begin") else t for t in terms]
    total = " + ".join(terms).replace(" + -", " - ")
    return rf"\delta {names.before[state]} &= {total or '0'}"


def start(cell: Cell, names: Names) -> list[str]:
    """Write the derivatives by the states after the last step, which the recursion starts from."""
    rows = []
    for state in cell.states:
        terms = [_derivative_by(names.last[state])]
        if state == cell.states[0]:
            terms.insert(0, _derivative_by("y_T"))
        rows.append(rf"\delta {names.last[state]} = {' + '.join(terms)}")
    return _beside(rows)


def gradients(cell: Cell, names: Names) -> list[str]:
    """Write the derivatives by weights, biases, unit vectors and inputs."""
    h = names.before[cell.states[0]]
    h = f"{{{h}}}" if "'" in h else h  # a prime is a superscript, as the sign of a transpose is
    rows = []
    for gate in cell.gates:
        W, U, b, c = (_derivative_by(names.weight(letter, gate)) for letter in "WUbc")
        a, u = rf"\delta {names.inputs[gate]}", rf"\delta {names.products[gate]}"
        equations = {
            f"{W} = \\sum_t {a} x_t^\\top": cell.input_gates,
            f"{U} = \\sum_t {u} {h}^\\top": cell.recurrent_gates,
            f"{b} = \\sum_t {a}": cell.input_gates,
            f"{c} = \\sum_t {u}": cell.recurrent_gates,
        }
        rows += _beside([equation for equation, used in equations.items() if gate in used])
    rows += _beside(
        [
            rf"{_derivative_by(names.units[unit])} = \sum_t \delta {names.units_in_time[unit]}"
            for unit in cell.units
            if f"d.{unit}" in cell.adjoint.backward.outputs
        ]
    )
    terms = [
        rf"{names.weight('W', gate)}^\top \delta {names.inputs[gate]}" for gate in cell.input_gates
    ]
    return [*rows, rf"{_derivative_by('x_t')} &= {' + '.join(terms) or '0'}"]


def aligned(rows: Sequence[str]) -> str:
    """Set rows below each other, their equals signs aligned."""
    body = " \\\\\n".join(rows)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _derivative_by(text: str) -> str:
    return rf"\frac{{\partial E}}{{\partial {text}}}"


def _beside(equations: Sequence[str]) -> list[str]:
    """Set equations on one row, aligned at the first's equals sign."""
    return [r", \quad ".join(equations).replace(" = ", " &= ", 1)] if equations else []
