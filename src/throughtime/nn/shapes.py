"""Input, state and lengths checked at the border of a recurrent layer."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, SupportsIndex

import torch
from torch import Tensor

from throughtime.nn.tracing import has_numbers

if TYPE_CHECKING:
    from throughtime.equations import Cell
    from throughtime.nn.recurrent import Recurrent, State


def whole_number(name: str, value: object, least: int) -> int:
    """Give a size as an int.

    Raises:
        ValueError: It is no whole number, or too small.
    """
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        size = operator.index(value)
        if size >= least:
            return size
    raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")


def share(name: str, value: object) -> float:
    """Give a share as a float.

    Raises:
        ValueError: It is no number between 0 and 1.
    """
    # numpy's numbers are real numbers too
    if isinstance(value, bool) or not isinstance(value, Real) or not 0.0 <= float(value) <= 1.0:
        raise ValueError(f"{name} is a share between 0 and 1, got {value!r}")
    return float(value)


def flag(name: str, value: object) -> bool:
    """Give a choice of two.

    Raises:
        ValueError: It is neither True nor False.
    """
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return value


def zoneout_shares(cell: Cell, zoneout: object) -> tuple[float, ...]:
    """Give the share of zoneout of each state of a cell.

    Raises:
        ValueError: It is neither one share nor one for each state; or states that change together
            were to be kept one by one.
    """
    states = cell.states
    if isinstance(zoneout, Sequence) and not isinstance(zoneout, str | bytes):
        given: tuple[object, ...] = tuple(zoneout)
    else:
        given = (zoneout,) * len(states)
    if len(given) != len(states) or not all(isinstance(value, Real) for value in given):
        found = len(given) if len(given) != len(states) else repr(zoneout)
        raise ValueError(
            f"zoneout must be one number, or one for each state of cell {cell.name!r} "
            f"({', '.join(states)}); got {found}"
        )
    shares = tuple(share("zoneout", value) for value in given)
    kept = [name for name, p in zip(states, shares, strict=True) if p and name in cell.together]
    if kept:
        allowed = ", ".join("0" if name in cell.together else "p" for name in states)
        mend = f"give zoneout=({allowed})" if "p" in allowed else "leave zoneout at 0"
        raise ValueError(
            f"zoneout keeps each state by itself, and the states {', '.join(cell.together)} of "
            f"cell {cell.name!r} mean something only together; {mend}, got {zoneout!r}"
        )
    return shares


def tensor_input(layer: Recurrent, x: object) -> Tensor:
    """Give the input if it is a tensor.

    Raises:
        TypeError: It is not.
    """
    if isinstance(x, Tensor):
        return x
    raise TypeError(
        f"{type(layer).__name__}: the input should be a tensor or a PackedSequence, got "
        f"{type(x).__name__}; torch.as_tensor makes a tensor of numbers"
    )


def check_input(layer: Recurrent, x: Tensor) -> None:
    """Refuse a time-major input that the layer cannot take.

    Raises:
        ValueError: The number of dimensions, the columns, dtype or device are not the layer's.
    """
    order = "[B, T, I]" if layer.batch_first else "[T, B, I]"
    if x.dim() != 3:
        raise ValueError(
            f"input must be {order}, or [T, I] for one sequence; got {x.dim()} dimension(s), "
            f"{tuple(x.shape)}"
        )
    if x.shape[2] != layer.input_size:
        raise ValueError(
            f"input has {x.shape[2]} column(s) in its last dimension, the layer was made with "
            f"input_size={layer.input_size}"
        )
    parameter = next(layer.parameters(), None)
    if parameter is None:
        return
    if x.dtype != parameter.dtype:
        raise ValueError(
            f"input is {x.dtype}, the layer's weights are {parameter.dtype}; convert "
            + (
                f"one: x.to({parameter.dtype}) or layer.to({x.dtype})"
                if x.is_floating_point()
                else f"it: x.to({parameter.dtype})"
            )
        )
    if x.device != parameter.device:
        raise ValueError(
            f"input is on {x.device}, the layer's weights are on {parameter.device}; move one"
        )


def check_lengths(lengths: Tensor, T: int, B: int) -> Tensor:
    """Give the lengths as int64 on the CPU.

    Raises:
        ValueError: They are no integers, not one a row, or not between 0 and T. Where a compiler
            looks on, their values are not known yet; the operator checks them when it runs.
    """
    lengths = torch.as_tensor(lengths)
    if lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
        raise ValueError(f"lengths must be integers, got {lengths.dtype}")
    if lengths.shape != (B,):
        raise ValueError(f"lengths must be one a row, [{B}]; got {list(lengths.shape)}")
    lengths = lengths.detach().to("cpu", torch.int64)
    if B and has_numbers(lengths) and (int(lengths.min()) < 0 or int(lengths.max()) > T):
        row = int(((lengths < 0) | (lengths > T)).nonzero()[0])
        raise ValueError(
            f"lengths must be between 0 and the {T} steps of the input; row {row} has "
            f"{int(lengths[row])}"
        )
    return lengths


def check_state(
    layer: Recurrent, x: Tensor, state: State | None, single: bool
) -> tuple[Tensor, ...]:
    """Give the states before the first step as a tuple of [layers * directions, B, H].

    Raises:
        TypeError: They are no tensors.
        ValueError: Their number, a shape, dtype or device does not fit.
    """
    names = layer.cell.states
    places = layer.num_layers * (2 if layer.bidirectional else 1)
    shape = (places, x.shape[1], layer.hidden_size)
    if state is None:
        return tuple(x.new_zeros(shape) for _ in names)
    given_states = state if isinstance(state, tuple | list) else (state,)
    for given in given_states:
        if not isinstance(given, Tensor):
            raise TypeError(
                f"the state of cell {layer.cell.name!r} is "
                + ("a tensor" if len(names) == 1 else f"a tuple of {len(names)} tensors")
                + f", {', '.join(names)}; got {type(given).__name__}"
            )
    states = tuple(given_states)
    if len(states) != len(names):
        raise ValueError(
            f"cell {layer.cell.name!r} carries {len(names)} state(s), {', '.join(names)}; got "
            f"{len(states)}"
        )
    if single:
        states = tuple(s.unsqueeze(1) if s.dim() == 2 else s for s in states)
    for name, given in zip(names, states, strict=True):
        if tuple(given.shape) != shape:
            raise ValueError(
                f"state {name} must be [layers * directions, B, H] = {list(shape)}, got "
                f"{list(given.shape)}; a state carried over from a batch of another size cannot "
                "be used"
            )
        if given.dtype != x.dtype or given.device != x.device:
            raise ValueError(
                f"state {name} is {given.dtype} on {given.device}; the input is {x.dtype} on "
                f"{x.device}"
            )
    return states
