"""Segments of a sequence run again and rolled back at once, in one call of the native engine."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from throughtime.engine.native_call import KINDS, call_arguments, pointer
from throughtime.engine.native_module import instruction_set, module
from throughtime.engine.native_plan import native_plan
from throughtime.engine.trail import Passed


def roll_back_again(
    layers: Sequence[Passed],
    segments: Sequence[int],
    x: Tensor,
    d_outputs: Tensor,
    stored: Sequence[Sequence[Tensor]],
    carried: Sequence[Sequence[Tensor]],
) -> None:
    """Differentiate segments that follow each other, of which the states before are all there is.

    Each is run again from them and rolled back, the last first. What is known of the weights is
    added to the held ones.

    Args:
        layers: A call of each on the same rows with the same held weights, from the input up.
        segments: Their steps: all of one step, or none.
        x: Inputs, [steps of all, B, I].
        d_outputs: dE/dY of the last layer, [steps of all, B, H].
        stored: For each layer and state, its values before each segment, [segments, B, H].
        carried: For each layer and state, dE/dS after the last step, [B, H]; replaced by that
            before the first.
    """
    x, d_outputs = x.detach().contiguous(), d_outputs.contiguous()
    stored = [[one.contiguous() for one in of_layer] for of_layer in stored]
    given = []
    for one, before, after in zip(layers, stored, carried, strict=True):
        assert one.held is not None
        first = one.recurrence
        plan = native_plan(module, first.cell).training
        _, _, (_, *sizes), *_ = call_arguments(first, plan)
        packed = one.held.packed(min(segments))
        given.append(
            (
                plan,
                [0, *sizes],
                pointer(packed),
                pointer(one.held.sums),
                [pointer(unit) for unit in first.weights.units],
                [pointer(state) for state in before],
                [pointer(state) for state in after],
            )
        )
    getattr(module, f"again_{KINDS[x.dtype]}")(
        instruction_set(),
        given,
        layers[0].recurrence.states_only,
        torch.get_num_threads(),
        list(segments),
        pointer(x),
        pointer(d_outputs),
    )
