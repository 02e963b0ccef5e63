"""The native engine: any cell's programs, fused, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from throughtime.engine import native_module
from throughtime.engine.native_call import KINDS, backward, forward
from throughtime.engine.native_held import HeldWeights
from throughtime.engine.native_operators import backward_by_operator, recurrence_operator
from throughtime.engine.native_recorded import Passes, Recorded
from throughtime.engine.recurrence import Recurrence
from throughtime.engine.reference import flat, followed, is_recorded, transformed


class Native:
    """Runs any cell in float32 and float64 on the CPU."""

    name = "native"

    def why_not(self, recurrence: Recurrence) -> str | None:
        """Say why this engine cannot run the call; None if it can."""
        x = recurrence.x
        if native_module.module is None:
            return f"the native module is not there: {native_module.missing}"
        if x.device.type != "cpu":
            return f"it runs on the CPU, the call is on {x.device}"
        if x.dtype not in KINDS:
            return f"it runs float32 and float64, the call is in {x.dtype}"
        dtype, device = x.dtype, x.device
        for t in flat(recurrence):
            if t is None:
                continue
            if t.dtype != dtype or t.device != device:
                return "its tensors are not all of one dtype on one device"
            if t.layout != torch.strided:
                return "it reads dense tensors"
        if recurrence.weights.P is not None:
            return "it has no projection of the state"
        if recurrence.dropped is not None or recurrence.taken is not None:
            return "it has no recurrent dropout and no zoneout"
        if 0 in x.shape[:2]:
            return f"there is nothing to run over in {list(x.shape)}"
        if transformed():
            return "torch.func and forward-mode differentiation follow single operations"
        return None

    def run(self, recurrence: Recurrence) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run the recurrence; see `Engine.run`."""
        tensors = flat(recurrence)
        if followed() or not {*map(type, tensors)} <= _PLAIN:
            return recurrence_operator(recurrence)
        if is_recorded(tensors):
            outputs, *final = Recorded.apply(recurrence, DIRECT, *tensors)  # type: ignore[no-untyped-call]
            return outputs, tuple(final)
        outputs, states, _ = forward(recurrence, keep=False)
        return outputs, tuple(states)

    def keep(
        self,
        recurrence: Recurrence,
        taped: bool,
        held: HeldWeights | None = None,
        every: int = 0,
    ) -> tuple[Tensor, tuple[Tensor, ...], Tensor | None, tuple[Tensor, ...]]:
        """Run the recurrence; give more than its results.

        Args:
            recurrence: What to run.
            taped: Whether there is to be a tape.
            held: Its weights if other calls share them.
            every: After how many steps the states are to be stored; 0 for never.

        Returns:
            Outputs, final states, the tape, and what was stored, [T // every, B, H] by state.
        """
        x, packed = recurrence.x, None if held is None else held.packed(len(recurrence.x))
        stored = tuple(
            x.new_empty(len(x) // every, *state.shape) for state in recurrence.state if every
        )
        outputs, states, tape = forward(
            recurrence, taped, packed=packed, every=every, stored=stored
        )
        return outputs, tuple(states), tape, stored


def _taped(recurrence: Recurrence) -> list[Tensor]:
    outputs, final, tape = forward(recurrence, True, recurrence.x.requires_grad)
    assert tape is not None
    return [outputs, *final, tape, *(unit.detach().clone() for unit in recurrence.weights.units)]


def _differentiated(
    recurrence: Recurrence, tape: Tensor, gradients: Sequence[Tensor], needed: Sequence[bool]
) -> list[Tensor | None]:
    if followed():  # a compiled backward pass after a forward pass that was not
        return backward_by_operator(recurrence, tape, gradients, needed)
    found = [
        torch.empty_like(tensor, memory_format=torch.contiguous_format)
        if need and tensor is not None
        else None
        for tensor, need in zip(flat(recurrence), needed, strict=True)
    ]
    backward(recurrence, tape, gradients, found)
    return found


DIRECT = Passes(_taped, _differentiated)
"""The passes without a dispatcher on the way: what runs where nobody looks on."""

# Tensors whose memory is there to be read; others (fake tensors, say) go by the operators.
_PLAIN = {Tensor, torch.nn.Parameter, type(None)}

native = Native()
