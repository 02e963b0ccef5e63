"""The explanation of a network that is too large for every number: sizes, step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from throughtime.cells import find
from throughtime.equations.derivation import latex, write_out
from throughtime.report.explanation.document import (
    Document,
    Section,
    Table,
    Text,
    formulas,
)
from throughtime.report.explanation.figures import figure, folded, shown
from throughtime.report.explanation.symbols import at, between, explicit, partial
from throughtime.report.explanation.update import outcome
from throughtime.report.explanation.worked import Worked, flat


def summary(worked: Worked) -> Document:
    """Write the explanation of a network by the sizes of its factors and terms."""
    N = worked.steps
    count = f"{N} step{'s' if N != 1 else ''}"
    introduction = [
        worked.source,
        f"The network is unrolled over {count}, the error of the last one is differentiated, and "
        "every weight is adjusted once. It has too many numbers to show each: given are sizes, "
        "the square roots of summed squares. throughtime explain --json has every number.",
    ]
    if rest := folded(range(1, N + 1)):
        introduction.append(f"{between(rest).capitalize()} are folded here.")
    return Document(
        f"Backpropagation through time: {worked.cell}, {count}",
        tuple(introduction),
        (
            _network(worked),
            Section("Forward", (_forward(worked),)),
            _factors(worked),
            *(_terms(worked, name) for name in worked.terms if name.startswith("recurrent.")),
            _update(worked),
            Section("After the update", outcome(worked)),
        ),
    )


def _size(numbers: object) -> float:
    return math.sqrt(sum(number**2 for number in flat(numbers)))


def _network(worked: Worked) -> Section:
    written = write_out(find(worked.cell))
    layers = 1 + max(layer for layer, _, _ in worked.places)
    units = 1 + max(unit for _, _, unit in worked.places)
    equations = formulas(
        *(
            (*(symbol.latex for symbol in equation.names), latex(equation.value))
            for equation in written.step
        )
    )
    several = f"{layers} layers" if layers > 1 else "One layer"
    return Section(
        "The network",
        (
            Text(
                f"{several} of {units} units of the cell {worked.cell}; "
                r"$a_{g,t} = W_g x_t + b_g$ and $u_{g,t} = U_g h_{t-1} + c_g$ for each gate $g$:"
            ),
            equations,
        ),
    )


def _rows(worked: Worked, cells: Mapping[int, Sequence[float]]) -> tuple[tuple[str, ...], ...]:
    """Give a row for each step that is shown."""
    steps = range(1, worked.steps + 1)
    return tuple(
        (between(folded(steps)),)
        if t is None
        else (f"${t}$", *(f"${figure(number)}$" for number in cells[t]))
        for t in shown(steps)
    )


def _forward(worked: Worked) -> Table:
    cells = {
        t: (
            _size(worked.states[t]),
            worked.outputs[t - 1][0],
            worked.targets[t - 1][0],
            worked.errors[t - 1],
        )
        for t in range(1, worked.steps + 1)
    }
    head = ("$t$", "size of $S_t$", "$Y_t$", "$d_t$", "$E_t$")
    return Table("Step by step", head, _rows(worked, cells))


def _factors(worked: Worked) -> Section:
    N = worked.steps
    E, last = at("E", N), _size(worked.by_state[N])
    cells = {
        k: (_size(worked.by_state[k]), _size(worked.by_state[k]) / last if last else 0.0)
        for k in range(1, N + 1)
    }
    return Section(
        "How much of the error reaches each step",
        (
            formulas(
                (
                    partial(E, "S_k"),
                    f"{partial(E, at('Y', N))} {partial(at('Y', N), at('S', N))} "
                    f"{partial(at('S', N), 'S_k')}",
                )
            ),
            Table(
                rf"The derivative of ${E}$ by all states after step $k$",
                ("$k$", "size", "relative to the last"),
                _rows(worked, cells),
            ),
        ),
    )


def _terms(worked: Worked, name: str) -> Section:
    terms = {k: flat(term) for k, term in enumerate(worked.terms[name], 1)}
    gradient = flat(worked.gradient[name])
    squared = sum(number**2 for number in gradient)
    cells = {}
    for k, term in terms.items():
        along = sum(a * b for a, b in zip(term, gradient, strict=True))
        cells[k] = (_size(term), along / squared if squared else 0.0)
    E = at("E", worked.steps)
    return Section(
        f"Adjusting {name}",
        (
            Table(
                f"The term of each step, ${partial(E, 'S_k')} {explicit('S_k', 'W')}$",
                ("$k$", "size", "share"),
                _rows(worked, cells),
            ),
            Text(
                f"The terms add up to a gradient of size ${figure(math.sqrt(squared))}$. A term's "
                "share is its part along that gradient; the shares add up to 1."
            ),
        ),
    )


def _update(worked: Worked) -> Section:
    rows = [
        (
            name,
            f"${figure(_size(weight))}$",
            f"${figure(_size(worked.gradient[name]))}$",
            f"${figure(worked.learning_rate * _size(worked.gradient[name]))}$",
        )
        for name, weight in worked.weights.items()
    ]
    return Section(
        "The update",
        (
            Table(
                rf"Every weight is lowered by $\eta = {figure(worked.learning_rate)}$ times the "
                "gradient; sizes",
                ("weight", "before", "gradient", "change"),
                tuple(rows),
            ),
        ),
    )
