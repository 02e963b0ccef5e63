"""Mathematics as one line of text, for a terminal."""

from __future__ import annotations

from throughtime.report.explanation.notation import (
    PRIME,
    TRANSPOSE,
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

_BELOW = str.maketrans(f"0123456789{MINUS}+t", "₀₁₂₃₄₅₆₇₈₉₋₊ₜ")
_ABOVE = str.maketrans(f"0123456789{MINUS}+{TRANSPOSE}", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ᵀ")
_SPACED = {"=", "+", MINUS, "·", "⊙", "<", ">", "≤", "≥", "≠"}
_OPENING = {"(", "[", "{", "|"}
_PRIME = Sign(PRIME)
_TIED = "dδ"
"""Signs of derivatives: nothing stands between them and what they are of."""


def plain_text(latex: str) -> str:
    r"""Give a formula as text.

    Example:
        >>> plain_text(r"\frac{\partial E_3}{\partial W_s} = -2 (d_3 - Y_3)")
        '∂E₃/∂W_s = −2 (d₃ − Y₃)'

    Raises:
        NotationError: It is not in the notation of explanations.
    """
    return " ".join(_set(read(latex)).split())


def _set(node: Node) -> str:
    match node:
        case Letter(text) | Figure(text) | Sign(text) | Words(text):
            return text
        case Row(parts):
            return _row(parts)
        case Scripts(base, below, above):
            text = _set(base)
            if below is not None:
                text += _script(_set(below).replace(" ", ""), _BELOW, "_")
            if above is not None:
                text += _script(_set(above).replace(" ", ""), _ABOVE, "^")
            return text
        case Fraction(numerator, denominator):
            return f"{_enclosed(numerator)}/{_enclosed(denominator)}"
        case Root(radicand):
            return f"√({_set(radicand)})"
        case Tilde(base):
            return f"{_set(base)}\u0303"
        case Grid("cases", rows):
            return "{" + "; ".join(" ".join(map(_set, row)) for row in rows) + "}"
        case Grid(_, rows):
            return "[" + "; ".join("  ".join(map(_set, row)) for row in rows) + "]"


def _row(parts: tuple[Node, ...]) -> str:
    text = ""
    before: Node | None = None
    for part in parts:
        found = _set(part)
        if isinstance(part, Sign) and part.text in _SPACED:
            alone = before is None or (
                isinstance(before, Sign) and before.text in _SPACED | _OPENING
            )
            # A sign before a number, not between two.
            text += found if alone and part.text in ("+", MINUS) else f" {found} "
        elif _multiplied(before, part):
            text += f" {found}"
        else:
            text += found
        before = part
    return text


def _multiplied(before: Node | None, part: Node) -> bool:
    """Whether a space has to keep two factors apart."""
    first = part.base if isinstance(part, Scripts) else part
    if before is None or isinstance(before, Words) or isinstance(first, Words):
        return False
    if isinstance(before, Scripts):
        if before.above == _PRIME or before.base == Sign("∂"):
            return False
        if before.base == Sign("∑"):
            return True
        if before.base == Letter("g") and first == Sign("("):  # a function
            return False
        before = before.base if isinstance(before.base, Sign) else before
    if isinstance(first, Sign):
        return first.text == "∑" or (first.text == "(" and isinstance(before, Figure | Scripts))
    if isinstance(before, Sign):
        return before.text in ")]"
    if isinstance(before, Letter):
        return before.text not in _TIED and not isinstance(first, Figure)
    return True


def _script(text: str, table: dict[int, int], mark: str) -> str:
    if text == _PRIME.text or all(ord(letter) in table for letter in text):
        return text.translate(table)
    return f"{mark}{text}" if text.replace(",", "").isalnum() else f"{mark}({text})"


def _enclosed(node: Node) -> str:
    text = _set(node)
    return f"({text})" if " " in text.strip() else text
