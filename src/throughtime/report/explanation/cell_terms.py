"""The gradient of a layer of any cell: its factors from state to state, and each weight's terms."""

from __future__ import annotations

from collections.abc import Iterator

from throughtime.report.explanation.cell_numbers import CellNumbers, at_step
from throughtime.report.explanation.document import (
    Block,
    Formula,
    Formulas,
    Section,
    Text,
    formulas,
)
from throughtime.report.explanation.figures import factor, figure, folded, total, written
from throughtime.report.explanation.functions import functions
from throughtime.report.explanation.symbols import at, between, partial


def states(of: CellNumbers) -> Section:
    """Write dS_t/dS_{t-1}, and how it carries the derivatives back."""
    worked = of.worked
    listed = ", ".join(
        f"${of.written.names.after[state]}$" + (f" of unit {unit + 1}" if of.H > 1 else "")
        for _, state, unit in worked.places
    )
    single = len(worked.places) == 1
    what = "The state $S_t$ is" if single else "The states $S_t$ are, in this order,"
    last, Y = at("S", of.N), at("Y", of.N)
    rows: list[tuple[str, ...]] = [
        (
            r"\delta S_k",
            f"{partial(at('E', of.N), Y)} {partial(Y, last)} {partial(last, 'S_k')}",
        )
    ]
    for t in reversed(written(of.steps)):
        step = worked.transitions[t - 1]
        after, before = at(r"\delta S", t), at(r"\delta S", t - 1)
        rows.append((partial(at("S", t), at("S", t - 1)), matrix(step)))
        rows.append(
            (
                before,
                f"{after} {partial(at('S', t), at('S', t - 1))}",
                _times(worked.by_state[t], step),
                matrix([worked.by_state[t - 1]]),
            )
        )
    return Section(
        "From state to state",
        (
            Text(
                f"{what} {listed}. Each step multiplies the derivatives by one "
                + ("number" if single else "matrix, a row for each state after the step")
                + r", the cell's step differentiated as a whole; $\delta S_t = \partial E / "
                r"\partial S_t$ as above."
            ),
            formulas(*rows),
        ),
    )


def matrix(rows: list[list[float]]) -> str:
    """Give rows of numbers as a matrix; one number as itself."""
    if len(rows) == len(rows[0]) == 1:
        return figure(rows[0][0])
    body = r" \\ ".join(" & ".join(map(figure, row)) for row in rows)
    return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"


def _times(vector: list[float], rows: list[list[float]]) -> str:
    if len(vector) == 1:
        return rf"{factor(vector[0])} \cdot {factor(rows[0][0])}"
    return rf"{matrix([vector])} \cdot {matrix(rows)}"


def weights(of: CellNumbers) -> Iterator[Section]:
    """Write a section for the readout, and one for each gate's weights and each unit vector."""
    yield _readout(of)
    names = of.written.names
    for gate in of.cell.gates:
        blocks: list[Block] = []
        for letter in "WUbc":
            if (letter, gate) not in of.weights:
                continue
            plane = names.inputs[gate] if letter in "Wb" else names.products[gate]
            blocks += _entries(of, letter, gate, names.weight(letter, gate), plane)
        yield Section(f"Adjusting the weights of gate {gate}", tuple(blocks))
    for unit in of.cell.units:
        yield Section(
            f"Adjusting ${names.units[unit]}$",
            tuple(_entries(of, "unit", unit, names.units[unit], names.units_in_time[unit])),
        )


def _entries(of: CellNumbers, letter: str, gate: str, name: str, plane: str) -> Iterator[Block]:
    """Write the terms of every number of one weight."""
    E = at("E", of.N)
    rows = of.weights[letter, gate]
    gradient = of.split(of.worked.gradient)[letter, gate]
    heard = {"W": "x_t", "U": of.written.names.before[of.cell.states[0]]}.get(letter, "")
    symbolic = rf"\sum_t \delta {plane} {heard}".strip()
    yield formulas((partial(E, name), symbolic))
    for unit, row in enumerate(rows):
        for column in range(len(row)):
            left = partial(E, name + index(unit, column, of.H, len(row)))
            yield _terms(of, letter, plane, unit, column, left, gradient)


def index(unit: int, column: int, units: int, columns: int) -> str:
    """Give the row and column of a number, where there are several."""
    if units == columns == 1:
        return ""
    return rf"\,[{unit + 1}]" if columns == 1 else rf"\,[{unit + 1}, {column + 1}]"


def _terms(
    of: CellNumbers,
    letter: str,
    plane: str,
    unit: int,
    column: int,
    left: str,
    gradient: list[list[float]],
) -> Formulas:
    products, terms = [], {}
    for t in of.steps:
        delta = of.values[t][unit].get(rf"\delta {plane}", 0.0)
        by = of.heard(letter, t)[column] if letter in "WU" else 1.0
        terms[t] = delta * by
    for t in reversed(written(of.steps)):
        delta = of.values[t][unit].get(rf"\delta {plane}", 0.0)
        if letter in "WU":
            by_hand = rf"{factor(delta)} \cdot {factor(of.heard(letter, t)[column])}"
            products.append(Formula((rf"t = {t}: \quad {by_hand}", figure(terms[t]))))
    parts = [terms[t] for t in reversed(written(of.steps))]
    if rest := folded(of.steps):
        middle = sum(terms[t] for t in rest)
        parts.insert(sum(t > rest[-1] for t in written(of.steps)), middle)
        products.append(Formula((rf"\text{{{between(rest)} together}}", figure(middle))))
    return Formulas((*products, Formula((left, total(parts), figure(gradient[unit][column])))))


def _readout(of: CellNumbers) -> Section:
    """Write the gradient by the readout's weights."""
    N, worked = of.N, of.worked
    g, Y = functions[worked.activation], worked.outputs[-1][0]
    E, y, first = at("E", N), at("Y", N), of.cell.states[0]
    h = at_step(of.written.names.after[first], N)
    slope = "" if g.name == "identity" else rf" \cdot {g.derived(factor(Y))}"
    symbol = "" if g.name == "identity" else r"\, g'"
    rows = [
        (
            partial(E, "V" + index(0, unit, 1, of.H)),
            rf"{partial(E, y)}{symbol}\, {h}",
            rf"{factor(worked.by_output[0])}{slope} \cdot {factor(of.state(N, first, unit))}",
            figure(worked.gradient["readout.weight"][0][unit]),
        )
        for unit in range(of.H)
    ]
    if "readout.bias" in worked.weights:
        rows.append(
            (
                partial(E, "v"),
                f"{partial(E, y)}{symbol}",
                f"{factor(worked.by_output[0])}{slope}",
                figure(worked.gradient["readout.bias"][0]),
            )
        )
    return Section(
        "Adjusting the readout",
        (
            Text("The readout acts after the last state: no earlier step has a part in it."),
            formulas(*rows),
        ),
    )
