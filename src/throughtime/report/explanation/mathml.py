"""Mathematics as MathML Core, which browsers set without a script."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from throughtime.report.explanation.notation import (
    Figure,
    Fraction,
    Grid,
    Letter,
    Node,
    Root,
    Row,
    Scripts,
    Sign,
    Tilde,
    Words,
    read,
)
from throughtime.report.numerals import MINUS

_CLOSING = {")", "]", "|"}
_BREAKS = {"+", MINUS, "·", "⊙"}


def mathml(latex: str) -> str:
    """Give a formula as a `math` element, to stand in text as it is.

    Raises:
        NotationError: It is not in the notation of explanations.
    """
    return f"<math>{_set(read(latex))}</math>"


def pieces_of_mathml(latex: str) -> list[str]:
    """Give a formula as `math` elements between which a line may end: at its outermost signs.

    Raises:
        NotationError: It is not in the notation of explanations.
    """
    found: list[list[str]] = [[]]
    depth = 0
    node = read(latex)
    parts = node.parts if isinstance(node, Row) else (node,)
    for part, text in zip(parts, _in_row(parts), strict=True):
        if isinstance(part, Sign):
            depth += (part.text in "([") - (part.text in ")]")
            if depth == 0 and part.text in _BREAKS and found[-1] and "prefix" not in text:
                found.append([f'<mo form="infix" lspace="0" rspace="0.22em">{part.text}</mo>'])
                continue
        found[-1].append(text)
    return [f'<math displaystyle="true"><mrow>{"".join(one)}</mrow></math>' for one in found]


def _set(node: Node) -> str:
    match node:
        case Letter(text):
            return f"<mi>{escape(text)}</mi>"
        case Figure(text):
            return f"<mn>{escape(text)}</mn>"
        case Sign(text, tall):
            stretchy = "" if tall or text not in "()[]|" else ' stretchy="false"'
            return f"<mo{stretchy}>{escape(text)}</mo>"
        case Words(text):
            return f"<mtext>{escape(text)}</mtext>"
        case Row(parts):
            return f"<mrow>{''.join(_in_row(parts))}</mrow>"
        case Scripts(base, below, None) if below is not None:
            return f"<msub>{_set(base)}{_set(below)}</msub>"
        case Scripts(base, None, above) if above is not None:
            return f"<msup>{_set(base)}{_set(above)}</msup>"
        case Scripts(base, below, above) if below is not None and above is not None:
            return f"<msubsup>{_set(base)}{_set(below)}{_set(above)}</msubsup>"
        case Scripts(base):
            return _set(base)
        case Fraction(numerator, denominator):
            return f"<mfrac>{_set(numerator)}{_set(denominator)}</mfrac>"
        case Root(radicand):
            return f"<msqrt>{_set(radicand)}</msqrt>"
        case Tilde(base):
            return f'<mover accent="true">{_set(base)}<mo>~</mo></mover>'
        case Grid(kind, rows):
            body = "".join(
                f"<mtr>{''.join(f'<mtd>{_set(cell)}</mtd>' for cell in row)}</mtr>" for row in rows
            )
            opening, closing = ("{", "") if kind == "cases" else ("(", ")")
            end = f"<mo>{closing}</mo>" if closing else ""
            return f"<mrow><mo>{opening}</mo><mtable>{body}</mtable>{end}</mrow>"


def _in_row(parts: tuple[Node, ...]) -> Iterator[str]:
    """Set parts, telling a number's sign from a subtraction."""
    before: Node | None = None
    for part in parts:
        opening = before is None or (isinstance(before, Sign) and before.text not in _CLOSING)
        if part == Sign(MINUS) and opening:
            yield f'<mo form="prefix">{MINUS}</mo>'
        else:
            yield _set(part)
        before = part
