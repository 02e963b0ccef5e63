"""Calls that follow each other rolled back as one by the native engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from throughtime.engine.native_call import KINDS, call_arguments, gradient_shapes
from throughtime.engine.native_module import module
from throughtime.engine.native_plan import native_plan
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
    d_x, d_W, d_U, d_b, d_c, _, *d_state = found
    if first.weights.W is None and d_x is not None:
        d_x.zero_()
        d_x = None
    start = [state.contiguous() for state in first.state]
    seeds = d_outputs.contiguous()
    plan = native_plan(module, first.cell).training
    name, _, sizes, states_only, *_ = call_arguments(first, plan)
    run: Any = getattr(module, f"backward_joined_{KINDS[first.x.dtype]}")
    run(
        name,
        plan,
        [T, *sizes[1:]],
        states_only,
        torch.get_num_threads(),
        [one.stretch for one in passed],
        seeds.data_ptr(),
        [state.data_ptr() for state in start],
        [0 if t is None else t.data_ptr() for t in (d_x, d_W, d_U, d_b, d_c)],
        [0 if t is None else t.data_ptr() for t in d_state],
    )
    return found
