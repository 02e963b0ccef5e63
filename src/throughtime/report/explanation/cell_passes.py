"""A layer of any cell forward and back, its equations with the numbers put in."""

from __future__ import annotations

from collections.abc import Iterator

from throughtime.equations.derivation import Equation, latex, with_numbers
from throughtime.report.explanation.cell_numbers import CellNumbers, at_step
from throughtime.report.explanation.document import Block, Section, Table, Text, formulas
from throughtime.report.explanation.figures import factor, figure, folded, shown, written
from throughtime.report.explanation.functions import functions
from throughtime.report.explanation.symbols import at, between, partial


def forward(of: CellNumbers) -> Section:
    """Write every step forward."""
    blocks: list[Block] = []
    for t in written(of.steps):
        for unit in range(of.H):
            blocks.append(Text(_title(of, t, unit)))
            rows = [*_products(of, t, unit), *_equations(of, of.written.step, t, unit)]
            if unit == of.H - 1:
                rows.append(_output(of, t))
            blocks.append(formulas(*rows))
    return Section("Forward", (*blocks, _table(of)))


def _title(of: CellNumbers, t: int, unit: int) -> str:
    return f"Step {t}" + (f", unit {unit + 1}:" if of.H > 1 else ":")


def _products(of: CellNumbers, t: int, unit: int) -> Iterator[tuple[str, ...]]:
    names = of.written.names
    for gate in of.cell.gates:
        for letter, bias, gates, symbols in (
            ("W", "b", of.cell.input_gates, names.inputs),
            ("U", "c", of.cell.recurrent_gates, names.products),
        ):
            if gate not in gates:
                continue
            heard = "x_t" if letter == "W" else names.before[of.cell.states[0]]
            symbolic = f"{names.weight(letter, gate)} {heard}"
            numbers = " + ".join(
                rf"{factor(w)} \cdot {factor(x)}"
                for w, x in zip(of.weights[letter, gate][unit], of.heard(letter, t), strict=True)
            )
            if (bias, gate) in of.weights:
                symbolic += f" + {names.weight(bias, gate)}"
                numbers += f" + {factor(of.weights[bias, gate][unit][0])}"
            value = of.values[t][unit][symbols[gate]]
            yield at_step(symbols[gate], t), at_step(symbolic, t), numbers, figure(value)


def _equations(
    of: CellNumbers, equations: tuple[Equation, ...], t: int, unit: int
) -> Iterator[tuple[str, ...]]:
    values = of.values[t][unit]
    for equation in equations:
        parts = [at_step(symbol.latex, t) for symbol in equation.names]
        parts.append(at_step(latex(equation.value), t))
        parts.append(with_numbers(equation.value, values, factor))
        value = figure(values[equation.names[0].latex])
        # A value that is only copied has nothing to be computed.
        yield (*parts, value) if parts[-1].strip("()") != value else (*parts[:-1], value)


def _output(of: CellNumbers, t: int) -> tuple[str, ...]:
    g, row = functions[of.worked.activation], of.worked.weights["readout.weight"][0]
    first = of.cell.states[0]
    h = [of.state(t, first, unit) for unit in range(of.H)]
    numbers = " + ".join(
        rf"{factor(v)} \cdot {factor(state)}" for v, state in zip(row, h, strict=True)
    )
    symbolic = f"V {at_step(of.written.names.after[first], t)}"
    if (bias := of.worked.weights.get("readout.bias")) is not None:
        symbolic, numbers = f"{symbolic} + v", f"{numbers} + {factor(bias[0])}"
    result = figure(of.worked.outputs[t - 1][0])
    return at("Y", t), g.written(symbolic), g.written(numbers), result


def _table(of: CellNumbers) -> Table:
    places = of.worked.places
    names = of.written.names.after
    head = ["$t$", *(f"$x_{{{i}}}$" for i in range(1, 1 + len(of.worked.inputs[0])))]
    if len(head) == 2:
        head[1] = "$x_t$"
    for _, state, unit in places:
        head.append(f"${names[state]}$" + (f" unit {unit + 1}" if of.H > 1 else ""))
    rows: list[tuple[str, ...]] = []
    for t in shown(of.steps):
        if t is None:
            rows.append((between(folded(of.steps)),))
            continue
        numbers = [*of.worked.inputs[t - 1], *of.worked.states[t], of.worked.outputs[t - 1][0]]
        numbers += [of.worked.targets[t - 1][0], of.worked.errors[t - 1]]
        rows.append((f"${t}$", *(f"${figure(number)}$" for number in numbers)))
    return Table("Step by step", (*head, "$Y_t$", "$d_t$", "$E_t$"), tuple(rows))


def backward(of: CellNumbers) -> Section:
    """Write the error, and every step backward."""
    N, first = of.N, of.cell.states[0]
    names, worked = of.written.names, of.worked
    g, Y = functions[worked.activation], worked.outputs[-1][0]
    E, y, d = at("E", N), at("Y", N), at("d", N)
    last = at_step(names.after[first], N)
    rows = [
        (
            E,
            f"({d} - {y})^2",
            f"({figure(worked.targets[-1][0])} - {factor(Y)})^2",
            figure(worked.errors[-1]),
        ),
        (
            partial(E, y),
            f"-2 ({d} - {y})",
            rf"-2 \cdot ({figure(worked.targets[-1][0])} - {factor(Y)})",
            figure(worked.by_output[0]),
        ),
    ]
    for unit in range(of.H):
        v = worked.weights["readout.weight"][0][unit]
        slope = "" if g.name == "identity" else rf"{g.derived(factor(Y))} \cdot "
        rows.append(
            (
                rf"\delta {last}" + (rf"\;\text{{(unit {unit + 1})}}" if of.H > 1 else ""),
                f"{partial(E, y)} {partial(y, last)}",
                rf"{factor(worked.by_output[0])} \cdot {slope}{factor(v)}",
                figure(of.derivative(N, first, unit)),
            )
        )
    blocks: list[Block] = [
        Text(
            r"$\delta$ before a value is the derivative of $" + E + "$ by it, all later steps "
            "included. It is known at the last step"
            + (
                ", where it is zero for the states that the readout does not hear, "
                if len(of.cell.states) > 1
                else " "
            )
            + "and is carried back from step to step."
        ),
        formulas(*rows),
    ]
    for t in reversed(written(of.steps)):
        for unit in range(of.H):
            blocks.append(Text(_title(of, t, unit)))
            blocks.append(formulas(*_equations(of, of.written.adjoint, t, unit)))
        blocks.append(formulas(*_before(of, t)))
    return Section("Backward", tuple(blocks))


def _before(of: CellNumbers, t: int) -> Iterator[tuple[str, ...]]:
    """Write the derivatives by the states before a step."""
    names = of.written.names
    for state in of.cell.states:
        implicit = of.written.implicit.get(state)
        for unit in range(of.H):
            symbols, numbers = [], []
            if implicit is not None and latex(implicit) != "0":
                symbols.append(latex(implicit))
                numbers.append(with_numbers(implicit, of.values[t][unit], factor))
            if state == of.cell.states[0]:
                for gate in of.cell.recurrent_gates:
                    weight, error = names.weight("U", gate), rf"\delta {names.products[gate]}"
                    symbols.append(weight + (r"^\top " if of.H > 1 else " ") + error)
                    numbers += [
                        rf"{factor(row[unit])} \cdot {factor(of.values[t][i][error])}"
                        for i, row in enumerate(of.weights["U", gate])
                    ]
            left = rf"\delta {at_step(names.before[state], t)}"
            if of.H > 1:
                left += rf"\;\text{{(unit {unit + 1})}}"
            result = figure(of.derivative(t - 1, state, unit))
            if not symbols:
                yield left, result
            else:
                yield left, at_step(_sum(symbols), t), _sum(numbers), result


def _sum(terms: list[str]) -> str:
    return " + ".join(terms).replace("+ -", "- ")
