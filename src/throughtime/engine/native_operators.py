"""The native engine as operators of torch, for whoever follows operations instead of running them.

`torch.compile`, `torch.export`, fake tensors and dispatch modes see one operator for each layer and
direction, whatever the length:

    throughtime::recurrence            outputs and final states; differentiable
    throughtime::recurrence_with_tape  the same, and what the backward pass reads
    throughtime::recurrence_backward   the derivatives that are asked for

The first one's autograd kernel runs the second and, in the backward pass, the third. So a graph
that is exported holds the first alone, which keeps nothing where nothing is differentiated, and a
graph that is compiled for training holds the other two.

Where nobody looks on, `native` calls the same functions directly: the dispatcher and its kernels in
Python add 17 us to a call without derivatives and 85 us to one with them, which take 20 and 121 us
on a small network (LSTM, 16 units, one step; median of 3000).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from throughtime.engine.native_call import (
    backward,
    forward,
    gradient_shapes,
    most_elements,
    tape_elements,
)
from throughtime.engine.native_recorded import Passes, Recorded
from throughtime.engine.recurrence import Recurrence, Weights
from throughtime.engine.reference import flat, is_recorded
from throughtime.equations.key import cell_at

_ARGUMENTS = (
    "(str cell, Tensor x, Tensor? W, Tensor? U, Tensor? b, Tensor? c, Tensor[] state, "
    "Tensor[] units, Tensor? lengths, bool reverse, bool states_only) -> Tensor[]"
)
_library: Any = torch.library.Library("throughtime", "DEF")  # type: ignore[no-untyped-call]
for _name, _schema in (
    ("recurrence", _ARGUMENTS),
    ("recurrence_with_tape", _ARGUMENTS),
    (
        "recurrence_backward",
        "(str cell, Tensor x, Tensor[] state, Tensor[] units, Tensor? lengths, bool reverse, "
        "bool states_only, Tensor tape, Tensor[] gradients, bool[] needed) -> Tensor[]",
    ),
):
    _library.define(_name + _schema, tags=(torch.Tag.pt2_compliant_tag,))
_operators: Any = torch.ops.throughtime


def recurrence_operator(recurrence: Recurrence) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a recurrence by its operator."""
    outputs, *final = _operators.recurrence.default(*_listed(recurrence))
    return outputs, tuple(final)


def _listed(recurrence: Recurrence) -> tuple[Any, ...]:
    """Give a recurrence as the operators take it: a graph holds texts and tensors, no cells."""
    weights = recurrence.weights
    return (
        recurrence.cell.key,
        recurrence.x,
        weights.W,
        weights.U,
        weights.b,
        weights.c,
        list(recurrence.state),
        list(weights.units),
        recurrence.lengths,
        recurrence.reverse,
        recurrence.states_only,
    )


def _recurrence(
    cell: str,
    x: Tensor,
    W: Tensor | None,
    U: Tensor | None,
    b: Tensor | None,
    c: Tensor | None,
    state: Sequence[Tensor],
    units: Sequence[Tensor],
    lengths: Tensor | None,
    reverse: bool,
    states_only: bool,
) -> Recurrence:
    weights = Weights(W, U, b, c, tuple(units))
    return Recurrence(
        cell_at(cell), x, tuple(state), weights, lengths, reverse, states_only=states_only
    )


def _bare(
    cell: str,
    x: Tensor,
    state: Sequence[Tensor],
    units: Sequence[Tensor],
    lengths: Tensor | None,
    reverse: bool,
    states_only: bool,
) -> Recurrence:
    """Give a recurrence as its backward pass reads it: the matrices are on the tape."""
    none = (None, None, None, None)
    return _recurrence(cell, x, *none, state, units, lengths, reverse, states_only)


def _run(*arguments: Any) -> list[Tensor]:
    recurrence = _recurrence(*arguments)
    _check(recurrence)
    outputs, final, _ = forward(recurrence, keep=False)
    return [outputs, *final]


def _run_with_tape(*arguments: Any) -> list[Tensor]:
    recurrence = _recurrence(*arguments)
    _check(recurrence)
    # Whether the input's derivative is wanted is not known below autograd.
    outputs, final, tape = forward(recurrence, True, True, most_elements(recurrence))
    assert tape is not None
    return [outputs, *final, tape, *(unit.clone() for unit in recurrence.weights.units)]


def _run_backward(
    cell: str,
    x: Tensor,
    state: Sequence[Tensor],
    units: Sequence[Tensor],
    lengths: Tensor | None,
    reverse: bool,
    states_only: bool,
    tape: Tensor,
    gradients: Sequence[Tensor],
    needed: Sequence[bool],
) -> list[Tensor]:
    recurrence = _bare(cell, x, state, units, lengths, reverse, states_only)
    _check(recurrence, matrices=False)
    elements = tape_elements(recurrence)
    if tape.numel() < elements or tape.dtype != x.dtype:
        raise ValueError(
            f"the tape must have {elements} elements, {x.dtype}; got {list(tape.shape)}, "
            f"{tape.dtype}"
        )
    wanted = [(*x.shape[:2], recurrence.H), *(one.shape for one in state)]
    if [tuple(one.shape) for one in gradients] != [tuple(shape) for shape in wanted]:
        raise ValueError(
            f"gradients must be {[list(shape) for shape in wanted]}, got "
            f"{[list(one.shape) for one in gradients]}"
        )
    if tape.data_ptr() % 64 or not tape.is_contiguous():  # whoever kept it may have moved it
        tape = tape.clone(memory_format=torch.contiguous_format)
    shapes = gradient_shapes(recurrence)
    found = [
        x.new_empty(shape) if need else None for shape, need in zip(shapes, needed, strict=True)
    ]
    backward(recurrence, tape, gradients, found)
    return [gradient for gradient in found if gradient is not None]


def _shapes(*arguments: Any) -> list[Tensor]:
    recurrence = _recurrence(*arguments)
    x = recurrence.x
    outputs = x.new_empty(*x.shape[:2], recurrence.H)
    return [outputs, *(state.new_empty(state.shape) for state in recurrence.state)]


def _shapes_with_tape(*arguments: Any) -> list[Tensor]:
    recurrence = _recurrence(*arguments)
    tape = recurrence.x.new_empty(most_elements(recurrence))
    units = [unit.new_empty(unit.shape) for unit in recurrence.weights.units]
    return [*_shapes(*arguments), tape, *units]


def _shapes_backward(*arguments: Any) -> list[Tensor]:
    *given, _, _, needed = arguments
    recurrence = _bare(*given)
    x = recurrence.x
    shapes = gradient_shapes(recurrence)
    return [x.new_empty(shape) for shape, need in zip(shapes, needed, strict=True) if need]


def _differentiable(*arguments: Any) -> list[Tensor]:
    recurrence = _recurrence(*arguments)
    tensors = flat(recurrence)
    if is_recorded(tensors):
        return list(Recorded.apply(recurrence, _BY_OPERATORS, *tensors))  # type: ignore[no-untyped-call]
    with torch._C._AutoDispatchBelowAutograd():
        found: list[Tensor] = _operators.recurrence.default(*arguments)
        return found


def _forward_by_operator(recurrence: Recurrence) -> list[Tensor]:
    found: list[Tensor] = _operators.recurrence_with_tape.default(*_listed(recurrence))
    return found


def backward_by_operator(
    recurrence: Recurrence, tape: Tensor, gradients: Sequence[Tensor], needed: Sequence[bool]
) -> list[Tensor | None]:
    """Differentiate a recurrence by its operator; see `Passes`."""
    cell, x, _, _, _, _, *rest = _listed(recurrence)
    found = iter(
        _operators.recurrence_backward.default(cell, x, *rest, tape, list(gradients), list(needed))
    )
    return [next(found) if need else None for need in needed]


_BY_OPERATORS = Passes(_forward_by_operator, backward_by_operator)


def _refuse(ctx: Any, *gradients: Any) -> Any:
    raise RuntimeError(
        "the operators recurrence_with_tape and recurrence_backward are the two passes of "
        "throughtime::recurrence and have no derivative of their own; differentiate that one, and "
        "twice outside of torch.compile"
    )


def _check(recurrence: Recurrence, matrices: bool = True) -> None:
    """Refuse what would be read beyond its end: a graph may bring other sizes than it was made of.

    Raises:
        ValueError: A shape, or a length, does not fit.
    """
    x, lengths = recurrence.x, recurrence.lengths
    T, B = x.shape[:2]
    names = ("x", "W", "U", "b", "c", "P", *recurrence.cell.states, *recurrence.cell.units)
    shapes = gradient_shapes(recurrence)
    for name, tensor, shape in zip(names, flat(recurrence), shapes, strict=True):
        if tensor is None and (name not in ("W", "U") or not matrices or shape[0] == 0):
            continue
        if tensor is None or tensor.shape != shape or tensor.dtype != x.dtype:
            found = "None" if tensor is None else f"{list(tensor.shape)}, {tensor.dtype}"
            raise ValueError(f"{name} must be {list(shape)}, {x.dtype}; got {found}")
    if lengths is None:
        return
    fits = lengths.shape == (B,) and lengths.dtype == torch.int64 and lengths.is_contiguous()
    if not fits or (B and (int(lengths.min()) < 0 or int(lengths.max()) > T)):
        raise ValueError(
            f"lengths must be {B} contiguous int64 between 0 and the {T} steps of the input; got "
            f"{lengths.tolist()}"
        )


_library.impl("recurrence", _run, "CPU")
_library.impl("recurrence", _differentiable, "Autograd")
_library.impl("recurrence_with_tape", _run_with_tape, "CPU")
_library.impl("recurrence_backward", _run_backward, "CPU")
for _name in ("recurrence_with_tape", "recurrence_backward"):
    torch.library.register_autograd(f"throughtime::{_name}", _refuse, lib=_library)
torch.library.register_fake("throughtime::recurrence", _shapes, lib=_library)
torch.library.register_fake("throughtime::recurrence_with_tape", _shapes_with_tape, lib=_library)
torch.library.register_fake("throughtime::recurrence_backward", _shapes_backward, lib=_library)
