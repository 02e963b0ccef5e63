"""Calls that follow each other rolled back as one by the native engine."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from throughtime.engine.native_call import gradient_shapes, roll_back
from throughtime.engine.trail import Passed


def roll_back_joined(
    passed: Sequence[Passed], d_outputs: Tensor, needed: Sequence[bool]
) -> list[Tensor | None]:
    """Differentiate recurrences each of which took up the states that the one before left.

    Args:
        passed: In their order; see `joinable`. Each is differentiated at its own weights.
        d_outputs: dE/dY of all their steps, [T, B, H].
        needed: Which derivatives to give, in the order of `flat`: by the inputs of all steps, the
            matrices and biases, and the states before the first step.

    Returns:
        The derivatives in that order; None where not needed.
    """
    first = passed[0].recurrence
    T, B, _ = d_outputs.shape
    shapes = gradient_shapes(first)
    shapes[0] = (T, B, first.x.shape[2])
    found = [
        first.x.new_empty(shape) if need else None
        for shape, need in zip(shapes, needed, strict=True)
    ]
    d_final = [None] * len(first.state)
    roll_back(first, [one.stretch for one in passed], [d_outputs, *d_final], found)
    return found
