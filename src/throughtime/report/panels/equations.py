"""The equations of one unit with its numbers, written once: the numbers of any step can be put in.

The page holds them with the numbers of the last step. Each number of a formula is an element that
says which value it is, so that the script need only replace texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from throughtime.report.numerals import MINUS, MISSING
from throughtime.report.recorded_walk import UnitWalk, Walk

if TYPE_CHECKING:
    from markupsafe import Markup

    from throughtime.equations.derivation import Term, WrittenOut

_OPEN, _CLOSE = (
    "\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}\N{MATHEMATICAL RIGHT WHITE SQUARE BRACKET}"
)
_PUT_IN = re.compile(rf"<mtext>{_OPEN}([vr])(\d+){_CLOSE}</mtext>")


@dataclass(frozen=True)
class EquationsPanel:
    """One unit's formulas, forward and backward: rows of equal parts; and all values by step."""

    title: str
    forward: list[list[Markup]]
    backward: list[list[Markup]]
    values: list[list[str]]


def equations_panel(walk: Walk) -> EquationsPanel | None:
    """Write the equations of the unit that was followed; None where there are none to write."""
    from throughtime.cells import registry
    from throughtime.equations.derivation import write_out
    from throughtime.report.explanation.notation import NotationError

    if walk.unit is None or not walk.unit.before or walk.cell not in registry:
        return None
    written = write_out(registry[walk.cell])
    try:
        return _written(walk, walk.unit, written)
    except (NotationError, KeyError):  # a value was not recorded
        return None


def _written(walk: Walk, unit: UnitWalk, written: WrittenOut) -> EquationsPanel:
    by_step = [dict(_values(unit, written, step)) for step in range(walk.steps)]
    places = {symbol: place for place, symbol in enumerate(by_step[0])}
    texts = [[_text(values[symbol]) for symbol in places] for values in by_step]
    names = written.names
    heard = names.before[next(iter(unit.before))]
    products = [
        [symbols[gate], _product(walk, unit, names.weight(letter, gate), of, bias, gate, written)]
        for letter, bias, of, symbols, gates in (
            ("W", "b", "x_t", names.inputs, unit.inputs),
            ("U", "c", heard, names.products, unit.products),
        )
        for gate in gates
    ]
    forward = [_row([*parts, _result(places[parts[0]])], texts[-1]) for parts in products]
    forward += [_equation(e.names, e.value, places, texts[-1]) for e in written.step]
    backward = [
        _row(
            [rf"\delta {names.after[state]}", _result(places[rf"\delta {names.after[state]}"])],
            texts[-1],
        )
        for state in unit.gradient
    ]
    backward += [_equation(e.names, e.value, places, texts[-1]) for e in written.adjoint]
    return EquationsPanel(f"Unit {unit.unit} of layer {unit.layer}", forward, backward, texts)


def _product(
    walk: Walk, unit: UnitWalk, weight: str, of: str, bias: str, gate: str, written: WrittenOut
) -> str:
    name = f"recurrent.bias_{'ih' if bias == 'b' else 'hh'}_l{unit.layer}"
    added = any(found.name == name for found in walk.weights)
    return f"{weight} {of}" + (f" + {written.names.weight(bias, gate)}" if added else "")


def _values(unit: UnitWalk, written: WrittenOut, step: int) -> Iterator[tuple[str, float | None]]:
    """Give every value of a step by its symbol, None where one is not finite."""
    from throughtime.equations.derivation import evaluated

    names = written.names
    values: dict[str, float | None] = {
        **{names.before[name]: row[step] for name, row in unit.before.items()},
        **{names.units[name]: value for name, value in unit.constants.items()},
        **{names.inputs[gate]: row[step] for gate, row in unit.inputs.items()},
        **{names.products[gate]: row[step] for gate, row in unit.products.items()},
        **{rf"\delta {names.after[name]}": row[step] for name, row in unit.gradient.items()},
    }
    known = {symbol: value for symbol, value in values.items() if value is not None}
    for equation in (*written.step, *written.adjoint):
        value: float | None
        try:
            value = evaluated(equation.value, known)
        except KeyError:
            if len(known) == len(values):
                raise
            value = None
        for symbol in equation.names:
            values[symbol.latex] = value
            if value is not None:
                known[symbol.latex] = value
    yield from values.items()


def _equation(
    symbols: tuple[object, ...], value: Term, places: dict[str, int], texts: list[str]
) -> list[Markup]:
    from throughtime.equations.derivation import latex, with_numbers

    left = [symbol.latex for symbol in symbols]  # type: ignore[attr-defined]
    numbered = {symbol: float(place) for symbol, place in places.items()}
    put_in = with_numbers(value, numbered, lambda place: _token("v", int(place)))
    return _row([*left, latex(value), put_in, _result(places[left[0]])], texts)


def _token(kind: str, place: int) -> str:
    return rf"\text{{{_OPEN}{kind}{place}{_CLOSE}}}"


def _result(place: int) -> str:
    return _token("r", place)


def _row(parts: list[str], texts: list[str]) -> list[Markup]:
    """Set equal parts as MathML, the numbers of a step in their places."""
    from markupsafe import Markup

    from throughtime.report.explanation.mathml import pieces_of_mathml

    def number(found: re.Match[str]) -> str:
        kind, place = found[1], int(found[2])
        text = texts[place]
        if kind == "v" and (text.startswith(MINUS) or "·" in text):
            text = f"({text})"
        name = "value" if kind == "v" else "result"
        return f'<mn data-{name}="{place}">{text}</mn>'

    return [Markup(_PUT_IN.sub(number, "".join(pieces_of_mathml(part)))) for part in parts]


def _text(value: float | None) -> str:
    from throughtime.report.explanation.figures import figure
    from throughtime.report.explanation.plain_text import plain_text

    return MISSING if value is None else plain_text(figure(value)).replace(" ", "")
