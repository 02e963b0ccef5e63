"""The native engine against the reference, on every registered cell."""

from __future__ import annotations

from collections.abc import Iterator

from figures.figure import Figure, at_least, at_most
from figures.measuring import Measuring
from throughtime.cells import registry
from throughtime.cli.self_test import SHAPES, TOLERANCE, trial

LONGER = (50, 13, 5, 37)
"""T, B, I, H, beside the shapes of `throughtime doctor`."""


def reference(measuring: Measuring) -> Iterator[Figure]:
    """Compare outputs, states and all gradients, rows of different lengths, both directions."""
    declined: dict[str, str] = {}
    for dtype, bound in TOLERANCE.items():
        name = str(dtype).removeprefix("torch.")
        measuring.tell(f"reference, {name}")
        worst, where = 0.0, ""
        for cell in registry:
            for shape in (*SHAPES, LONGER):
                found = trial(cell, shape, dtype)
                if found.failure:
                    declined[cell] = found.failure
                elif found.relative >= worst:
                    worst, where = found.relative, f"{found.worst} of {cell}"
        what = f"largest difference from the reference engine, {name}"
        yield at_most(what, bound, worst, unit="relative", note=where)
    native = len(registry) - len(declined)
    note = "; ".join(f"{cell}: {why}" for cell, why in declined.items())
    what = "registered cells on the native engine"
    yield at_least(what, len(registry), native, unit="cells", note=note)
