"""A figure: what was promised, what was seen, and whether that reaches it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

UNITS: dict[str, Callable[[float], str]] = {
    "x": lambda number: f"{number:.2f} x" if number < 10 else f"{number:.0f} x",
    "%": lambda number: f"{100 * number:.0f} %",
    "us": lambda number: f"{1e6 * number:.1f} us",
    "ms": lambda number: f"{1e3 * number:.1f} ms",
    "relative": lambda number: f"{number:.1e}",
    "cells": lambda number: f"{number:.0f} cells",
}
"""How a number is written: times are in seconds, shares in parts of 1."""


@dataclass(frozen=True)
class Figure:
    """One row of the table.

    Attributes:
        what: What was measured, peer and size included.
        bound: ">=" or "<=".
        promised: The number that it is to reach, or to stay below; None where nothing was promised.
        seen: The number that was measured; None where there is none, which `note` explains.
        unit: A key of `UNITS`.
        note: What else a reader should know.
        detail: The numbers behind it, for JSON.
    """

    what: str
    bound: str
    promised: float | None
    seen: float | None
    unit: str = "x"
    note: str = ""
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def reached(self) -> bool:
        """Whether what was seen is what was promised; what was not measured is not."""
        if self.promised is None:
            return True
        holds = {">=": operator.ge, "<=": operator.le}[self.bound]
        return self.seen is not None and bool(holds(self.seen, self.promised))


def at_least(what: str, promised: float, seen: float | None, **rest: Any) -> Figure:
    """Give a figure that is to be as large as promised, or larger."""
    return Figure(what, ">=", promised, seen, **rest)


def at_most(what: str, promised: float, seen: float | None, **rest: Any) -> Figure:
    """Give a figure that is to be as small as promised, or smaller."""
    return Figure(what, "<=", promised, seen, **rest)


def measured(what: str, seen: float, **rest: Any) -> Figure:
    """Give a figure of which nothing was promised."""
    return Figure(what, "", None, seen, **rest)


def as_markdown(figures: Sequence[Figure]) -> str:
    """Write a table of figures."""
    lines = [("what", "promised", "seen", "reached"), ("---", "---:", "---:", "---")]
    for figure in figures:
        write = UNITS[figure.unit]
        seen = "not measured" if figure.seen is None else write(figure.seen)
        what = figure.what + (f" ({figure.note})" if figure.note else "")
        if figure.promised is None:
            lines.append((what, "", seen, ""))
            continue
        promised = f"{figure.bound} {write(figure.promised)}"
        lines.append((what, promised, seen, "yes" if figure.reached else "NO"))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_record(figure: Figure) -> dict[str, Any]:
    """Give all that is known of a figure, for JSON."""
    return {**asdict(figure), "reached": figure.reached}
