"""Calls that follow each other rolled back as one by the native engine."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from throughtime.engine.native_call import gradient_shapes, roll_back
from throughtime.engine.trail import Passed


def roll_back_joined(
    passed: Sequence[Passed],
    d_outputs: Tensor | None,
    d_final: Sequence[Tensor | None],
    needed: Sequence[bool],
) -> list[Tensor | None]:
    """Differentiate recurrences each of which took up the states that the one before left.

    Args:
        passed: In their order; see `joinable`. Each is differentiated at its own weights. If these
            are held, their derivatives are not given but added to what is known of them there.
        d_outputs: dE/dY of the last of their steps, [steps, B, H]; of those before it is zero.
        d_final: dE/dS by the states after the last step, [B, H] each; None for zeros.
        needed: Which derivatives to give, in the order of `flat`: by the inputs of all steps, the
            matrices and biases, and the states before the first step.

    Returns:
        The derivatives in that order; None where not needed.
    """
    first, held = passed[0].recurrence, passed[0].held
    _, B, I = first.x.shape  # noqa: E741 - the letters of the literature
    shapes = gradient_shapes(first)
    shapes[0] = (sum(one.stretch[0] for one in passed), B, I)
    found = [
        first.x.new_empty(shape) if need else None
        for shape, need in zip(shapes, needed, strict=True)
    ]
    sums = None if held is None else held.sums
    roll_back(first, [one.stretch for one in passed], [d_outputs, *d_final], found, sums)
    return found
