"""Layers packed once for the native engine, to be run one step a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from throughtime.engine.native_call import KINDS, pointer
from throughtime.engine.native_module import instruction_set, module
from throughtime.engine.native_plan import native_plan
from throughtime.engine.recurrence import Recurrence

Step = Callable[[int, int], None]
"""Runs one step: the addresses of its inputs and of its outputs."""


def native_step(layers: Sequence[Recurrence]) -> Step:
    """Pack layers that the native engine runs.

    Args:
        layers: From the input up, each fed with the outputs of the one below; of `x` the shape is
            looked at alone. The weights are copied. The states, contiguous, are read and written at
            every step and must outlive what is given back.

    Returns:
        Runs a step of all layers, for contiguous inputs [B, I] and outputs [B, H].
    """
    x = layers[0].x
    packed = getattr(module, f"Stepper_{KINDS[x.dtype]}")(instruction_set(), x.shape[1])
    for layer in layers:
        weights = layer.weights
        matrices = [_contiguous(t) for t in (weights.W, weights.U, weights.b, weights.c)]
        units = [_contiguous(unit) for unit in weights.units]  # held until they are copied
        packed.add(
            native_plan(module, layer.cell).inference,
            layer.x.shape[2],
            layer.H,
            [pointer(t) for t in matrices],
            [pointer(t) for t in units],
            [pointer(state) for state in layer.state],
        )
    step: Any = packed.step
    if packed.is_worth_sharing:
        return lambda x, y: step(x, y, torch.get_num_threads())
    return step  # type: ignore[no-any-return]


def _contiguous(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach().contiguous()
