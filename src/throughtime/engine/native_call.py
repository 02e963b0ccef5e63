"""One pass of the native module: tensors in, pointers across, tensors out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from throughtime.engine.native_module import instruction_set, module
from throughtime.engine.native_plan import kept_values, native_plan
from throughtime.engine.recurrence import Recurrence
from throughtime.equations import Cell

KINDS = {torch.float32: "float32", torch.float64: "float64"}
"""The dtypes that the module runs, as it names them."""


def forward(
    recurrence: Recurrence,
    keep: bool,
    wants_dx: bool = True,
    elements: int = 0,
    packed: Tensor | None = None,
    every: int = 0,
    stored: Sequence[Tensor] = (),
) -> tuple[Tensor, list[Tensor], Tensor | None]:
    """Run a recurrence.

    Args:
        recurrence: What to run.
        keep: Whether to keep a tape for the backward pass.
        wants_dx: Whether the backward pass may be asked for the derivative by the input.
        elements: Those of the tape, if there are to be more than the call needs.
        packed: The matrices and biases laid out for many calls, see `HeldWeights`.
        every: After how many steps the states are to be stored; 0 for never.
        stored: Where, [T // every, B, H] for each state.

    Returns:
        The outputs, the final states, and the tape. Unless `packed` is given it holds all that the
        backward pass reads of the matrices and biases: they may change in between.
    """
    x, weights = recurrence.x, recurrence.weights
    kind = KINDS[x.dtype]
    plans = native_plan(module, recurrence.cell)
    plan = plans.training if keep else plans.inference
    given = [_contiguous(t) for t in (x, weights.W, weights.U, weights.b, weights.c)]
    units = [_contiguous(unit) for unit in weights.units]
    start = [_contiguous(state) for state in recurrence.state]
    T, B = x.shape[:2]
    outputs = x.new_empty(T, B, recurrence.H)
    final = [x.new_empty(B, recurrence.H) for _ in start]
    arguments = call_arguments(recurrence, plan)
    tape = None
    if keep:
        make = getattr(module, f"tape_{kind}")
        tape = from_dlpack(make(*arguments[:4], elements, packed is None))
    getattr(module, f"forward_{kind}")(
        *arguments,
        wants_dx,
        [pointer(t) for t in (*given, packed)],
        [pointer(t) for t in units],
        [pointer(t) for t in start],
        [pointer(outputs), pointer(tape)],
        [pointer(t) for t in final],
        every,
        [pointer(t) for t in stored],
    )
    return outputs, final, tape


def backward(
    recurrence: Recurrence,
    tape: Tensor,
    gradients: Sequence[Tensor],
    found: Sequence[Tensor | None],
) -> None:
    """Differentiate a recurrence that was run with a tape.

    Args:
        recurrence: What was run; of its weights, only the units are read.
        tape: What `forward` kept.
        gradients: dE/dY [T, B, H], and dE/dS by the final states, [B, H] each.
        found: Where the derivatives are to go, in the order of `flat`; None where not wanted.
    """
    x = _contiguous(recurrence.x)
    assert x is not None
    roll_back(recurrence, [(len(x), pointer(x), tape.data_ptr(), 0)], gradients, found)


def roll_back(
    first: Recurrence,
    stretches: Sequence[tuple[int, int, int, int]],
    gradients: Sequence[Tensor | None],
    found: Sequence[Tensor | None],
    sums: Tensor | None = None,
) -> None:
    """Differentiate calls that follow each other as one.

    Args:
        first: The first of them; of its weights, only the units are read.
        stretches: Of each call the steps, and the addresses of its contiguous inputs, its tape and
            its packed weights, 0 for those on the tape.
        gradients: As for `backward`, of the steps of all; None for zeros. Of the outputs' those of
            the last steps will do.
        found: As for `backward`.
        sums: Where to add what is to be known of the weights, see `HeldWeights`; `found` then has
            nothing of them.
    """
    kind = KINDS[first.x.dtype]
    plan = native_plan(module, first.cell).training
    d_x, d_W, d_U, d_b, d_c, _, *rest = found
    no_W = not gates(first.cell)[0]
    if d_x is not None and (first.lengths is not None or no_W):
        d_x.zero_()  # steps beyond a row's length are never visited
    states = len(first.state)
    units = [_contiguous(unit) for unit in first.weights.units]
    start = [_contiguous(state) for state in first.state]
    d_outputs, *d_final = (_contiguous(gradient) for gradient in gradients)
    name, plan, (_, *sizes), *form = call_arguments(first, plan)
    steps = sum(stretch[0] for stretch in stretches)
    getattr(module, f"backward_{kind}")(
        name,
        plan,
        [steps, *sizes],
        *form,
        list(stretches),
        pointer(d_outputs),
        0 if d_outputs is None else steps - len(d_outputs),
        pointer(sums),
        [pointer(t) for t in units],
        [pointer(t) for t in start],
        [pointer(t) for t in d_final],
        [pointer(t) for t in (None if no_W else d_x, d_W, d_U, d_b, d_c)],
        [pointer(t) for t in rest[states:]],
        [pointer(t) for t in rest[:states]],
    )


def gradient_shapes(recurrence: Recurrence) -> list[tuple[int, ...]]:
    """Give the shapes of all that a recurrence is differentiable by, in the order of `flat`."""
    I, H = recurrence.x.shape[2], recurrence.H  # noqa: E741 - the letters of the literature
    rows, recurrent_rows = (count * H for count in gates(recurrence.cell))
    return [
        recurrence.x.shape,
        (rows, I),
        (recurrent_rows, H),
        (rows,),
        (recurrent_rows,),
        (),
        *(state.shape for state in recurrence.state),
        *((H,) for _ in recurrence.weights.units),
    ]


def tape_elements(recurrence: Recurrence) -> int:
    """Count the elements of a tape that a call needs."""
    arguments = call_arguments(recurrence, native_plan(module, recurrence.cell).training)
    count: int = getattr(module, f"tape_elements_{KINDS[recurrence.x.dtype]}")(*arguments[:4])
    return count


def most_elements(recurrence: Recurrence) -> int:
    """Give a size that a tape never exceeds, whatever the instruction set.

    `native/layout.hpp` knows what a call needs. This bound is a polynomial of T and B: a graph for
    any length and batch can hold it without asking which of several cases a batch belongs to.
    """
    x, cell, H = recurrence.x, recurrence.cell, recurrence.H
    T, B, I = x.shape  # noqa: E741
    vector = 64 // x.element_size()  # elements of the widest
    N, NI = -(-H // vector) * vector, -(-I // vector) * vector
    rows = B + B // 16 + 1  # every shard is as tall as the tallest
    input_gates, recurrent_gates = gates(cell)
    packed = input_gates * H * NI + recurrent_gates * H * N
    if recurrence.states_only:
        again = (input_gates * (I + 1) + recurrent_gates * (H + 1)) * N
        return T * rows * len(cell.states) * (N + vector) + packed + again
    kept, kept_rows = kept_values(cell)
    planes = len(cell.states) + kept + (1 if kept_rows else 0)  # the last holds row values
    return T * rows * (planes * (N + vector) + kept_rows) + packed


@cache
def gates(cell: Cell) -> tuple[int, int]:
    """Count the gates of a cell that have an input product, and those with a recurrent one."""
    return len(cell.input_gates), len(cell.recurrent_gates)


def pointer(tensor: Tensor | None) -> int:
    """Give the address of a tensor's numbers; 0 for none.

    Raises:
        RuntimeError: Its memory has been freed.
    """
    if tensor is None:
        return 0
    address = tensor.data_ptr()
    if not address and tensor.numel():
        raise RuntimeError(
            f"a tensor of {list(tensor.shape)} has no memory: its storage has been freed or "
            "resized; restore it before the layer runs"
        )
    return address


def _contiguous(tensor: Tensor | None) -> Tensor | None:
    if tensor is None or tensor.is_contiguous():
        return tensor
    return tensor.detach().contiguous()


def call_arguments(recurrence: Recurrence, plan: Any) -> tuple[Any, ...]:
    """Give what every function of the module takes first: sizes and form of a call."""
    T, B, I = recurrence.x.shape  # noqa: E741 - the letters of the literature
    return (
        instruction_set(),
        plan,
        [T, B, I, recurrence.H],
        recurrence.states_only,
        pointer(recurrence.lengths),
        recurrence.reverse,
        torch.get_num_threads(),
    )
