"""The explanation of a layer of any cell, of few enough units for every number to be shown."""

from __future__ import annotations

from throughtime.equations.derivation import latex
from throughtime.report.explanation.cell_numbers import CellNumbers, at_step
from throughtime.report.explanation.cell_passes import backward, forward
from throughtime.report.explanation.cell_terms import index, matrix, states
from throughtime.report.explanation.cell_terms import weights as weight_sections
from throughtime.report.explanation.document import Document, Section, Table, Text, formulas
from throughtime.report.explanation.figures import factor, figure, folded, shown
from throughtime.report.explanation.functions import functions
from throughtime.report.explanation.symbols import between, new
from throughtime.report.explanation.update import outcome
from throughtime.report.explanation.worked import Worked, flat


def any_cell(worked: Worked) -> Document:
    """Write the explanation of a layer that `is_written_out`."""
    of = CellNumbers(worked)
    count = f"{of.N} step{'s' if of.N != 1 else ''}"
    units = f"{of.H} unit{'s' if of.H != 1 else ''}"
    introduction = [
        f"{worked.source} A layer of {units} of the cell {of.cell.name} is unrolled over {count}, "
        "the error of the last one is differentiated, and every weight is adjusted once.",
        "Numbers are computed in double precision and shown in six figures: a product of shown "
        "numbers may be off in the last one.",
    ]
    if rest := folded(of.steps):
        introduction.append(
            f"{between(rest).capitalize()} are computed like the others and folded here; "
            "throughtime explain --json has them."
        )
    return Document(
        f"Backpropagation through time by hand: {of.cell.name}, {count}",
        tuple(introduction),
        (
            _network(of),
            forward(of),
            backward(of),
            states(of),
            *weight_sections(of),
            _update(of),
            Section("After the update", (_again(of), *outcome(worked))),
        ),
    )


def _network(of: CellNumbers) -> Section:
    names, cell = of.written.names, of.cell
    h = names.before[cell.states[0]]
    products = []
    for gate in cell.gates:
        for letter, bias, gates, plane, heard in (
            ("W", "b", cell.input_gates, names.inputs[gate], "x_t"),
            ("U", "c", cell.recurrent_gates, names.products[gate], h),
        ):
            if gate in gates:
                added = f" + {names.weight(bias, gate)}" if (bias, gate) in of.weights else ""
                products.append((plane, f"{names.weight(letter, gate)} {heard}{added}"))
    equations = [
        (*(symbol.latex for symbol in equation.names), latex(equation.value))
        for equation in of.written.step
    ]
    read = f"V {names.after[cell.states[0]]}"
    if "readout.bias" in of.worked.weights:
        read += " + v"
    g = functions[of.worked.activation]
    output = (
        ("Y_t", g.written(read)) if g.name == "identity" else ("Y_t", f"g({read})", g.written(read))
    )
    weights = [
        (names.units[gate] if letter == "unit" else names.weight(letter, gate), matrix(rows))
        for (letter, gate), rows in of.weights.items()
    ]
    weights.append(("V", matrix(of.worked.weights["readout.weight"])))
    if "readout.bias" in of.worked.weights:
        weights.append(("v", matrix([of.worked.weights["readout.bias"]])))
    start = [
        (
            at_step(names.after[state], 0) + _unit(of, unit),
            figure(of.state(0, state, unit)),
        )
        for state in cell.states
        for unit in range(of.H)
    ]
    return Section(
        "The network",
        (
            formulas(*products, *equations, output, ("E_t", "(d_t - Y_t)^2")),
            Text(
                "$x_t$ is the input, $Y_t$ the output, $d_t$ the desired output and $E_t$ the "
                "error of step $t$. The weights, the states before the first step and the learning "
                "rate:"
            ),
            formulas(*weights, *start, (r"\eta", figure(of.worked.learning_rate))),
        ),
    )


def _unit(of: CellNumbers, unit: int) -> str:
    return rf"\;\text{{(unit {unit + 1})}}" if of.H > 1 else ""


def _update(of: CellNumbers) -> Section:
    eta, worked = of.worked.learning_rate, of.worked
    names = of.written.names
    rows = []
    old, gradient, updated = map(of.split, (worked.weights, worked.gradient, worked.updated))
    for (letter, gate), numbers in old.items():
        name = names.units[gate] if letter == "unit" else names.weight(letter, gate)
        for i, row in enumerate(numbers):
            for j, number in enumerate(row):
                by, after = gradient[letter, gate][i][j], updated[letter, gate][i][j]
                rows.append(_updated(name + index(i, j, of.H, len(row)), number, eta, by, after))
    for name, letter in (("readout.weight", "V"), ("readout.bias", "v")):
        if name in worked.weights:
            numbers = [
                flat(part[name]) for part in (worked.weights, worked.gradient, worked.updated)
            ]
            for j, (number, by, after) in enumerate(zip(*numbers, strict=True)):
                rows.append(
                    _updated(letter + index(0, j, 1, len(numbers[0])), number, eta, by, after)
                )
    return Section(
        "The update",
        (
            Text(r"Every weight is lowered by $\eta$ times the gradient."),
            formulas(*rows),
        ),
    )


def _updated(name: str, old: float, eta: float, gradient: float, after: float) -> tuple[str, ...]:
    return (
        new(name),
        rf"{figure(old)} - {factor(eta)} \cdot {factor(gradient)}",
        figure(after),
    )


def _again(of: CellNumbers) -> Table:
    rows: list[tuple[str, ...]] = []
    for t in shown(of.steps):
        if t is None:
            rows.append((between(folded(of.steps)),))
            continue
        worked = of.worked
        numbers = (
            worked.outputs_after[t - 1][0],
            worked.targets[t - 1][0],
            worked.errors_after[t - 1],
        )
        rows.append((f"${t}$", *(f"${figure(number)}$" for number in numbers)))
    return Table(
        "Forward again, with the new weights", ("$t$", "$Y_t$", "$d_t$", "$E_t$"), tuple(rows)
    )
