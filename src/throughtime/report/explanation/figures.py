"""Numbers in formulas: six significant figures, so that a pocket calculator can follow."""

from __future__ import annotations

import math
from collections.abc import Iterable

DIGITS = 6
_NOISE = 1e-14
SHOWN = 8
"""Steps beyond these are folded."""
_FIRST, _LAST = 3, 4


def figure(value: float) -> str:
    r"""Give a number as LaTeX: `0.0499584`, `-2.5 \cdot 10^{-7}`.

    Fewer than six figures stand for an exact number; one that is rounded has its zeros.
    """
    if value == 0:
        return "0"
    short = f"{value:.{DIGITS}g}"
    exact = math.isclose(float(short), value, rel_tol=_NOISE)
    if 1e-4 <= abs(value) < 10**DIGITS:
        return short if exact else f"{value:#.{DIGITS}g}".removesuffix(".")
    mantissa, _, exponent = f"{value:.{DIGITS - 1}e}".partition("e")
    if exact:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"


def factor(value: float) -> str:
    """Give a number to be multiplied, subtracted or raised: a sign or a power in parentheses."""
    text = figure(value)
    return f"({text})" if value < 0 or "cdot" in text else text


def product(values: Iterable[float]) -> str:
    r"""Give numbers multiplied: `2 \cdot (-0.3)`."""
    first, *others = values
    head = figure(first) if others and "cdot" not in figure(first) else factor(first)
    return r" \cdot ".join([head, *map(factor, others)]) if others else figure(first)


def total(values: Iterable[float]) -> str:
    """Give numbers added: `2 - 0.3`."""
    text = ""
    for value in values:
        if not text:
            text = figure(value)
        elif value < 0:
            text += f" - {figure(-value)}"
        else:
            text += f" + {figure(value)}"
    return text or "0"


def shown(steps: range) -> list[int | None]:
    """Give the steps that are written out, and None where the middle is folded."""
    if len(steps) <= SHOWN:
        return list(steps)
    return [*steps[:_FIRST], None, *steps[-_LAST:]]


def written(steps: range) -> list[int]:
    """Give the steps that are written out."""
    return [step for step in shown(steps) if step is not None]


def folded(steps: range) -> range:
    """Give the steps that are not written out."""
    return steps[_FIRST:-_LAST] if len(steps) > SHOWN else steps[:0]
