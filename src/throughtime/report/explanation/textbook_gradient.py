"""The textbook's gradient: what every term needs, and the terms of W_y, W_s and W_x."""

from __future__ import annotations

from collections.abc import Iterator

from throughtime.report.explanation.document import Block, Section, Table, Text, formulas
from throughtime.report.explanation.figures import (
    factor,
    figure,
    folded,
    product,
    shown,
    total,
    written,
)
from throughtime.report.explanation.symbols import at, between, explicit, partial, whole
from throughtime.report.explanation.textbook_numbers import TextbookNumbers

_CHAIN = 4
"""Factors beyond which a product of slopes is written by the one before it."""


def factors(of: TextbookNumbers) -> Section:
    """Write the error, dE/dY, dY/dS and the slopes from state to state."""
    N, now = of.N, of.before
    Y, d = at("Y", N), at("d", N)
    blocks: list[Block] = [
        formulas(
            (
                at("E", N),
                f"({d} - {Y})^2",
                f"({figure(of.d[N])} - {factor(now.Y[N])})^2",
                figure(now.E[N]),
            ),
            (
                partial(at("E", N), Y),
                f"-2 ({d} - {Y})",
                rf"-2 \cdot ({figure(of.d[N])} - {factor(now.Y[N])})",
                figure(of.by_output),
            ),
            (
                partial(Y, at("S", N)),
                rf"g_2'(W_y {at('S', N)})\, W_y",
                *_through_g_2(of, now.W["W_y"]),
                figure(of.output_by_state),
            ),
        )
    ]
    if N > 1:
        blocks += [
            Text(
                "A state hears the one before it through $W_s$. The slope of this $g_1$ is "
                f"$g_1' = {of.g_1.alone('S_t')}$:"
            ),
            formulas(*_slopes(of)),
        ]
    if N > 2:
        blocks += [
            Text("Over several steps the slopes are multiplied:"),
            formulas(*_products(of)),
        ]
    return Section("The error, and the factors that every term needs", tuple(blocks))


def _slopes(of: TextbookNumbers) -> Iterator[tuple[str, ...]]:
    for t in reversed(written(of.steps)):
        if t > 1:
            yield (
                partial(at("S", t), at("S", t - 1)),
                rf"{of.g_1.derived(at('S', t))}\, W_s",
                rf"{of.g_1.derived(factor(of.before.S[t]))} \cdot {factor(of.before.W['W_s'])}",
                figure(of.by_older[t]),
            )


def _products(of: TextbookNumbers) -> Iterator[tuple[str, ...]]:
    last = at("S", of.N)
    for k in reversed(written(of.steps)):
        if k > of.N - 2:
            continue
        chain = range(of.N, k, -1)
        if len(chain) <= _CHAIN:
            symbols = " ".join(partial(at("S", t), at("S", t - 1)) for t in chain)
            numbers = product(of.by_older[t] for t in chain)
        else:
            symbols = f"{partial(last, at('S', k + 1))} {partial(at('S', k + 1), at('S', k))}"
            numbers = product((of.last_by[k + 1], of.by_older[k + 1]))
        yield partial(last, at("S", k)), symbols, numbers, figure(of.last_by[k])


def _through_g_2(of: TextbookNumbers, by: float) -> tuple[str, ...]:
    """Write g_2' at the last step times a number."""
    if of.g_2.name == "identity":
        return (rf"1 \cdot {factor(by)}",)
    return (rf"{of.g_2.derived(factor(of.before.Y[of.N]))} \cdot {factor(by)}",)


def readout(of: TextbookNumbers) -> Section:
    """Write the gradient by W_y."""
    N, S = of.N, of.before.S[of.N]
    by_weight = of.g_2.slope(of.before.Y[N]) * S
    slope = "" if of.g_2.name == "identity" else f"; here $g_2' = {of.g_2.alone(at('Y', N))}$"
    return Section(
        "Adjusting $W_y$",
        (
            Text(f"$W_y$ acts after the last state: no earlier step has a part in it{slope}."),
            formulas(
                (
                    partial(at("Y", N), "W_y"),
                    rf"g_2'(W_y {at('S', N)})\, {at('S', N)}",
                    *_through_g_2(of, S),
                    figure(by_weight),
                ),
                (
                    partial(at("E", N), "W_y"),
                    f"{partial(at('E', N), at('Y', N))} {partial(at('Y', N), 'W_y')}",
                    product((of.by_output, by_weight)),
                    figure(of.gradient["W_y"]),
                ),
            ),
        ),
    )


def recurrent(of: TextbookNumbers, name: str) -> Section:
    """Write the gradient by W_s or W_x, term by term."""
    N = of.N
    E, Y, S = at("E", N), at("Y", N), at("S", N)
    terms, heard = of.terms(name), of.heard(name)
    direct, rows = [], []
    for k in reversed(written(of.steps)):
        own = at("S", k)
        part = of.slope[k] * heard[k]
        direct.append(
            (
                explicit(own, name),
                rf"{of.g_1.derived(own)}\, {at('x', k) if name == 'W_x' else at('S', k - 1)}",
                rf"{of.g_1.derived(factor(of.before.S[k]))} \cdot {factor(heard[k])}",
                figure(part),
            )
        )
        four = (of.by_output, of.output_by_state, of.last_by[k], part)
        rows.append((rf"k = {k}: \quad {product(four)}", figure(terms[k])))
    parts = [terms[k] for k in reversed(written(of.steps))]
    blocks: list[Block] = [
        formulas(
            (
                partial(E, name),
                rf"\sum_{{k=1}}^{{{N}}} {partial(E, Y)} {partial(Y, S)} {partial(S, 'S_k')} "
                f"{explicit('S_k', name)}",
            )
        ),
        Text(
            f"The explicit derivative of $S_k$ by ${name}$ holds the state before it, $S_{{k-1}}$:"
        ),
        formulas(*direct),
        Text(
            "The term of each step is the product of its four factors "
            rf"(the third of step {N} is $\partial {S} / \partial {S} = 1$):"
        ),
        formulas(*rows),
    ]
    if rest := folded(of.steps):
        middle = sum(terms[k] for k in rest)
        parts.insert(sum(k > rest[-1] for k in written(of.steps)), middle)
        blocks.append(Text(f"The terms of {between(rest)} together: ${figure(middle)}$."))
    blocks.append(formulas((partial(E, name), total(parts), figure(of.gradient[name]))))
    return Section(f"Adjusting ${name}$", tuple(blocks))


def implicit(of: TextbookNumbers) -> Section:
    """Write the same sums as they are gathered forward."""
    S = at("S", of.N)
    blocks: list[Block] = [
        Text(
            "The same sums, gathered forward: a weight acts on a state explicitly, and implicitly "
            "through the state before it."
        ),
        formulas(
            (
                whole("S_t", "W"),
                f"{explicit('S_t', 'W')} + {partial('S_t', 'S_{t-1}')} {whole('S_{t-1}', 'W')}",
            )
        ),
    ]
    for name in ("W_s", "W_x"):
        parts = of.parts(name)
        blocks += [
            Table(
                rf"$\mathrm{{d}} S_t / \mathrm{{d}} {name}$",
                ("$t$", "explicit", "implicit", "together"),
                tuple(_gathered(of, name)),
            ),
            formulas(
                (
                    partial(at("E", of.N), name),
                    f"{partial(at('E', of.N), at('Y', of.N))} {partial(at('Y', of.N), S)} "
                    f"{whole(S, name)}",
                    product((of.by_output, of.output_by_state, sum(parts[of.N]))),
                    figure(of.by_output * of.output_by_state * sum(parts[of.N])),
                )
            ),
        ]
    return Section("Explicit and implicit", tuple(blocks))


def _gathered(of: TextbookNumbers, name: str) -> Iterator[tuple[str, ...]]:
    parts = of.parts(name)
    for t in shown(of.steps):
        if t is None:
            yield (between(folded(of.steps)),)
            continue
        direct, through = parts[t]
        by_hand = "0"
        if t > 1:
            by_hand = f"{product((of.by_older[t], sum(parts[t - 1])))} = {figure(through)}"
        yield f"${t}$", f"${figure(direct)}$", f"${by_hand}$", f"${figure(direct + through)}$"
