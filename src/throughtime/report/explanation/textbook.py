"""The textbook's explanation: one unit, one input, one output, weights W_x, W_s and W_y."""

from __future__ import annotations

from collections.abc import Iterator

from throughtime.report.explanation.document import Document, Section, Table, Text, formulas
from throughtime.report.explanation.figures import (
    factor,
    figure,
    folded,
    product,
    shown,
    written,
)
from throughtime.report.explanation.symbols import at, between, new, partial
from throughtime.report.explanation.textbook_gradient import (
    factors,
    implicit,
    readout,
    recurrent,
)
from throughtime.report.explanation.textbook_numbers import NAMES, Pass, TextbookNumbers
from throughtime.report.explanation.update import outcome
from throughtime.report.explanation.worked import Worked


def textbook(worked: Worked) -> Document:
    """Write the explanation of a network that `is_textbook`."""
    of = TextbookNumbers(worked)
    count = f"{of.N} step{'s' if of.N != 1 else ''}"
    introduction = [
        f"{worked.source} The network is unrolled over {count}, the error of the last one is "
        "differentiated, and every weight is adjusted once.",
        "Numbers are computed in double precision and shown in six figures: a product of shown "
        "numbers may be off in the last one.",
    ]
    if rest := folded(of.steps):
        introduction.append(
            f"{between(rest).capitalize()} are computed like the others and folded here; "
            "throughtime explain --json has them."
        )
    return Document(
        f"Backpropagation through time by hand: {count}",
        tuple(introduction),
        (
            _network(of),
            _forward(of),
            factors(of),
            readout(of),
            recurrent(of, "W_s"),
            recurrent(of, "W_x"),
            implicit(of),
            _update(of),
            _again(of),
        ),
    )


def _network(of: TextbookNumbers) -> Section:
    given = {**of.before.W, "S_0": of.before.S[0], r"\eta": of.worked.learning_rate}
    return Section(
        "The network",
        (
            formulas(
                (
                    "S_t",
                    r"g_1(W_x x_t + W_s S_{t-1})",
                    of.g_1.written("W_x x_t + W_s S_{t-1}"),
                ),
                ("Y_t", r"g_2(W_y S_t)", of.g_2.written("W_y S_t")),
                ("E_t", "(d_t - Y_t)^2"),
            ),
            Text(
                "$x_t$ is the input, $S_t$ the state, $Y_t$ the output, $d_t$ the desired output "
                r"and $E_t$ the error of step $t$; $S_0$ is the state before the first step and "
                r"$\eta$ the learning rate."
            ),
            Table(
                "What is given",
                tuple(f"${name}$" for name in given),
                (tuple(f"${figure(value)}$" for value in given.values()),),
            ),
        ),
    )


def _forward(of: TextbookNumbers) -> Section:
    return Section(
        "Forward",
        (formulas(*_steps(of)), _table(of, of.before, "Step by step")),
    )


def _steps(of: TextbookNumbers) -> Iterator[tuple[str, ...]]:
    W, S, Y = of.before.W, of.before.S, of.before.Y
    for t in written(of.steps):
        net = W["W_x"] * of.x[t] + W["W_s"] * S[t - 1]
        sums = rf"{product((W['W_x'], of.x[t]))} + {factor(W['W_s'])} \cdot {factor(S[t - 1])}"
        yield at("S", t), of.g_1.written(sums), of.g_1.written(figure(net)), figure(S[t])
        read = [of.g_2.written(product((W["W_y"], S[t])))]
        if of.g_2.name != "identity":
            read.append(of.g_2.written(figure(W["W_y"] * S[t])))
        yield at("Y", t), *read, figure(Y[t])


def _table(of: TextbookNumbers, numbers: Pass, caption: str) -> Table:
    rows: list[tuple[str, ...]] = []
    for t in shown(of.steps):
        if t is None:
            rows.append((between(folded(of.steps)),))
        else:
            S, Y, E = numbers.S, numbers.Y, numbers.E
            cells = (of.x[t], S[t - 1], S[t], Y[t], of.d[t], E[t])
            rows.append((f"${t}$", *(f"${figure(value)}$" for value in cells)))
    head = ("$t$", "$x_t$", "$S_{t-1}$", "$S_t$", "$Y_t$", "$d_t$", "$E_t$")
    return Table(caption, head, tuple(rows))


def _update(of: TextbookNumbers) -> Section:
    eta = of.worked.learning_rate
    return Section(
        "The update",
        (
            formulas(
                *(
                    (
                        new(name),
                        rf"{name} - \eta\, {partial(at('E', of.N), name)}",
                        rf"{figure(of.before.W[name])} - {factor(eta)} \cdot "
                        f"{factor(of.gradient[name])}",
                        figure(of.after.W[name]),
                    )
                    for name in NAMES
                )
            ),
        ),
    )


def _again(of: TextbookNumbers) -> Section:
    again = _table(of, of.after, "Forward again, with the new weights")
    return Section("After the update", (again, *outcome(of.worked)))
