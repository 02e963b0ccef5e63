"""The native engine: any cell's programs, fused, on the CPU."""

from __future__ import annotations

import ctypes
import importlib
import os
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from throughtime.engine.keeping import states_only
from throughtime.engine.native_plan import native_plan
from throughtime.engine.recurrence import Recurrence
from throughtime.engine.reference import (
    flat,
    is_recorded,
    through_autograd,
    transformed,
    unflat,
)

try:
    module: Any = importlib.import_module("throughtime.engine._native")
    _missing = ""
except ImportError as error:  # the package works without it, only slower
    module = None
    _missing = str(error)
    warnings.warn(
        f"the native engine is not there ({error}); recurrent layers run on the reference engine, "
        "which is slow. To mend: install the package with a C++ compiler at hand",
        stacklevel=2,
    )


def share_torchs_threads() -> None:
    """Let the OpenMP threads that torch has brought along run the engine too, where there are any.

    Two pools get in each other's way: torch's threads spin for milliseconds after each operation.
    """
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return
    for line in maps.read_text().splitlines():
        path = line.split(maxsplit=5)[-1]
        if "libgomp" in path and "torch" in path:
            runtime = ctypes.CDLL(path)
            module.use_openmp(ctypes.cast(runtime.GOMP_parallel, ctypes.c_void_p).value)
            return


if module is not None:
    share_torchs_threads()


class Native:
    """Runs any cell in float32 and float64 on the CPU."""

    name = "native"

    def why_not(self, recurrence: Recurrence) -> str | None:
        """Say why this engine cannot run the call; None if it can."""
        x = recurrence.x
        if module is None:
            return f"the native module is not there: {_missing}"
        if x.device.type != "cpu":
            return f"it runs on the CPU, the call is on {x.device}"
        if x.dtype not in _KINDS:
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
        if torch.compiler.is_compiling():
            return "torch.compile and torch.export follow single operations"
        if transformed():
            return "torch.func and forward-mode differentiation follow single operations"
        return None

    def run(self, recurrence: Recurrence) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run the recurrence; see `Engine.run`."""
        tensors = flat(recurrence)
        if is_recorded(tensors):
            outputs, *final = _Recorded.apply(recurrence, *tensors)  # type: ignore[no-untyped-call]
            return outputs, tuple(final)
        outputs, final, _ = _forward(recurrence, keep=False)
        return outputs, tuple(final)


_KINDS = {torch.float32: "float32", torch.float64: "float64"}


def instruction_set() -> str:
    """Name the instruction set in use: the widest there is, or `THROUGHTIME_ISA`.

    Raises:
        ValueError: `THROUGHTIME_ISA` names one that this machine does not have.
    """
    return _instruction_set(os.environ.get("THROUGHTIME_ISA"))


@cache
def _instruction_set(asked: str | None) -> str:
    available: list[str] = module.instruction_sets()
    if asked is None:
        return available[0]
    if asked not in available:
        raise ValueError(f"THROUGHTIME_ISA is {asked!r}; this machine has {', '.join(available)}")
    return asked


def _pointer(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


def _contiguous(tensor: Tensor | None) -> Tensor | None:
    if tensor is None or tensor.is_contiguous():
        return tensor
    return tensor.detach().contiguous()


def _arguments(recurrence: Recurrence, plan: Any, only_states: bool) -> tuple[Any, ...]:
    T, B, I = recurrence.x.shape  # noqa: E741 - the letters of the literature
    lengths = recurrence.lengths
    return (
        instruction_set(),
        plan,
        [T, B, I, recurrence.H],
        only_states,
        _pointer(lengths),
        recurrence.reverse,
        torch.get_num_threads(),
    )


def _forward(
    recurrence: Recurrence, keep: bool, only_states: bool = False
) -> tuple[Tensor, list[Tensor], Any]:
    x, weights = recurrence.x, recurrence.weights
    kind = _KINDS[x.dtype]
    plans = native_plan(module, recurrence.cell)
    plan = plans.training if keep else plans.inference
    given = [_contiguous(t) for t in (x, weights.W, weights.U, weights.b, weights.c)]
    units = [_contiguous(unit) for unit in weights.units]
    start = [_contiguous(state) for state in recurrence.state]
    T, B = x.shape[:2]
    outputs = x.new_empty(T, B, recurrence.H)
    final = [x.new_empty(B, recurrence.H) for _ in start]
    arguments = _arguments(recurrence, plan, only_states)
    tape = getattr(module, f"tape_{kind}")(*arguments[:4]) if keep else None
    getattr(module, f"forward_{kind}")(
        *arguments,
        x.requires_grad,
        [_pointer(t) for t in given],
        [_pointer(t) for t in units],
        [_pointer(t) for t in start],
        [_pointer(outputs), 0 if tape is None else tape.address],
        [_pointer(t) for t in final],
    )
    return outputs, final, tape


def _backward(
    recurrence: Recurrence,
    tape: Any,
    only_states: bool,
    gradients: tuple[Tensor, ...],
    needed: tuple[bool, ...],
) -> list[Tensor | None]:
    x, weights = recurrence.x, recurrence.weights
    kind = _KINDS[x.dtype]
    plan = native_plan(module, recurrence.cell).training
    found = [
        torch.empty_like(tensor, memory_format=torch.contiguous_format)
        if need and tensor is not None
        else None
        for tensor, need in zip(flat(recurrence), needed, strict=True)
    ]
    d_x, d_W, d_U, d_b, d_c, _, *rest = found
    if d_x is not None and (recurrence.lengths is not None or weights.W is None):
        d_x.zero_()  # steps beyond a row's length are never visited
    states = len(recurrence.state)
    inputs = _contiguous(x)
    units = [_contiguous(unit) for unit in weights.units]
    start = [_contiguous(state) for state in recurrence.state]
    d_outputs, *d_final = (_contiguous(gradient) for gradient in gradients)
    getattr(module, f"backward_{kind}")(
        *_arguments(recurrence, plan, only_states),
        [_pointer(inputs), tape.address, _pointer(d_outputs)],
        [_pointer(t) for t in units],
        [_pointer(t) for t in start],
        [_pointer(t) for t in d_final],
        [_pointer(t) for t in (None if weights.W is None else d_x, d_W, d_U, d_b, d_c)],
        [_pointer(t) for t in rest[states:]],
        [_pointer(t) for t in rest[:states]],
    )
    return found


class _Recorded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, recurrence: Recurrence, *tensors: Tensor | None) -> tuple[Tensor, ...]:
        ctx.states_only = states_only()
        outputs, final, tape = _forward(recurrence, True, ctx.states_only)
        # An optimiser may step between this pass and the next: each step is to be differentiated at
        # the weights that it was computed with. The tape has them; everything else must not have
        # changed since.
        weights = recurrence.weights
        units = tuple(unit.detach().clone() for unit in weights.units)
        ctx.recurrence = replace(recurrence, weights=replace(weights, units=units))
        ctx.tape = tape
        ctx.versions = [tensor._version for tensor in (recurrence.x, *recurrence.state)]
        ctx.save_for_backward(*tensors)
        return outputs, *final

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        recurrence: Recurrence = ctx.recurrence
        if torch.is_grad_enabled():
            again = unflat(recurrence, list(ctx.saved_tensors))
            return None, *through_autograd(again, gradients)
        given = (recurrence.x, *recurrence.state)
        if [tensor._version for tensor in given] != ctx.versions:
            raise RuntimeError(
                "an input or state that this backward pass needs has been modified by an inplace "
                "operation since the forward pass; change a clone of it instead"
            )
        needed = ctx.needs_input_grad[1:]
        return None, *_backward(recurrence, ctx.tape, ctx.states_only, gradients, needed)


native = Native()
