"""Numbers as they are set in text, tables and axes."""

import math
from collections.abc import Iterable

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
MOST_PLACES = 6
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: object) -> float | None:
    """Return `value` as a finite float, or None where it is not one.

    Args:
        value: Anything read from JSON or a cell of a CSV file.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def places(values: Iterable[float | None]) -> int:
    """Return the decimals with which a column of figures is set.

    Enough for three figures of the smallest one, and as many more as keep different values
    different: a forecast that is better must not look the same.
    """
    sizes = sorted({abs(value) for value in values if value})
    if not sizes:
        return 3
    smallest = sizes[0]
    if smallest >= 1:
        least = 2 if smallest < 30 else 1 if smallest < 1000 else 0
    else:
        least = 3 if smallest >= 0.01 else 2 - math.floor(math.log10(smallest))
    for count in range(min(least, MOST_PLACES), MOST_PLACES):
        if len({f"{size:.{count}f}" for size in sizes}) == len(sizes):
            return count
    return min(least, MOST_PLACES)


def fixed(value: float | None, count: int) -> str:
    """Return `value` with `count` decimals, or a dash where there is none."""
    if value is None:
        return MISSING
    tiny = value != 0 and abs(value) < 0.5 * 10.0**-count
    if tiny or abs(value) >= 1e7:
        return power(value)
    if count == 0:
        return grouped(round(value))
    return f"{value:.{count}f}".replace("-", MINUS)


def short(value: float | None) -> str:
    """Return `value` in three significant figures, or a dash where there is none."""
    if value is None:
        return MISSING
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        return power(value)
    if value == int(value) and abs(value) < 1e6:
        return grouped(int(value))
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}".replace("-", MINUS)


def power(value: float) -> str:
    """Return `value` as a mantissa times a power of ten: 3.2×10⁻⁷."""
    mantissa, exponent = f"{value:.1e}".split("e")
    raised = "10" + str(int(exponent)).translate(_SUPERSCRIPT)
    mantissa = mantissa.removesuffix(".0")
    return raised if mantissa == "1" else f"{mantissa}{TIMES}{raised}".replace("-", MINUS)


def grouped(count: int) -> str:
    """Return a whole number; five digits and more are set in groups of three."""
    if abs(count) < 10_000:
        return str(count).replace("-", MINUS)
    return f"{count:,}".replace(",", "\u202f").replace("-", MINUS)


def percent(fraction: float) -> str:
    """Return a fraction as a percentage: 0.01 is "1 %"."""
    return f"{fraction * 100:.3g} %"
