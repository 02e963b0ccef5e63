"""Scales of an axis: from a value to its place, and the values worth a tick."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from throughtime.report.numerals import MINUS, grouped, power

TICKS = 6
_MARGIN = 0.05
_DECADES = 250.0  # beyond, the ends of a scale with its margins could overflow


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`; a logarithmic one has positive ends."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float, slack: float = 0.0) -> float:
        """Return where `value` lies: 0 at the low end, 1 at the high end.

        Args:
            value: What is placed; a logarithmic scale takes what is not positive for its low end.
            slack: How far outside 0 and 1 the place may be.
        """
        low, high = self.low, self.high
        if self.log:
            value = math.log10(value) if value > 0 else math.log10(low)
            low, high = math.log10(low), math.log10(high)
        return min(max((value - low) / (high - low), -slack), 1.0 + slack)

    def ticks(self, most: int = TICKS) -> list[tuple[float, str]]:
        """Return values for ticks, with their labels."""
        if not self.log:
            return _linear_ticks(self.low, self.high, most)
        decades = math.log10(self.high) - math.log10(self.low)
        if decades < 0.7:
            return _linear_ticks(self.low, self.high, most)
        mantissas = (1, 2, 5) if decades < 1.6 else (1, 3) if decades < 2.6 else (1,)
        stride = max(1, math.ceil(decades / most))
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        exponents = [e for e in range(first, last + 1) if e % stride == 0]
        values = [float(f"{m}e{e}") for e in exponents for m in mantissas]
        return [(v, _log_label(v)) for v in values if self.low <= v <= self.high]


def linear(values: Iterable[float | None], margin: float = _MARGIN) -> Scale:
    """Return a linear scale that holds all values, with a margin of their range at both ends."""
    # Beyond 1e300 the range itself would overflow.
    known = [min(max(value, -1e300), 1e300) for value in values if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    # A constant line lies in the middle.
    room = (high - low) * margin or (0.0 if high > low else abs(high) * 0.1 or 0.5)
    return Scale(low - room, high + room)


def logarithmic(values: Iterable[float | None], margin: float = _MARGIN) -> Scale:
    """Return a logarithmic scale that holds all positive values, linear where there are none."""
    known = [value for value in values if value is not None]
    positive = [value for value in known if value > 0]
    if not positive:
        return linear(known)
    low, high = (
        min(max(math.log10(end), -_DECADES), _DECADES) for end in (min(positive), max(positive))
    )
    room = (high - low) * margin or (0.0 if high > low else 0.1)
    return Scale(10.0 ** (low - room), 10.0 ** (high + room), log=True)


def _linear_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    raw = (high - low) / most
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(m * size for m in (1, 2, 5, 10) if m * size >= raw * (1 - 1e-9))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    rows = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    values = [row * step for row in rows]
    if any(value and not 1e-4 <= abs(value) < 1e6 for value in values) or decimals > 5:
        return [(value, power(value) if value else "0") for value in values]
    if decimals == 0:
        return [(value, grouped(round(value))) for value in values]
    return [(value, f"{value:.{decimals}f}".replace("-", MINUS)) for value in values]


def _log_label(value: float) -> str:
    return f"{value:g}" if 1e-3 <= value < 1e5 else power(value)
