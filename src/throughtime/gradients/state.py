"""What a network carries: tensors in any nesting of tuples, lists and dicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor


def mapped(change: Callable[[Tensor], Tensor], state: Any) -> Any:
    """Change every tensor of a state; its nesting, and what is no tensor, stay."""
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, tuple) and hasattr(state, "_fields"):
        return type(state)(*(mapped(change, part) for part in state))
    if isinstance(state, tuple | list):
        return type(state)(mapped(change, part) for part in state)
    if isinstance(state, dict):
        return {key: mapped(change, part) for key, part in state.items()}
    return state


def cut(state: Any) -> Any:
    """Cut a state from its history; leaves stay."""
    return mapped(lambda tensor: tensor if tensor.is_leaf else tensor.detach(), state)


def carried(state: Any) -> list[Tensor]:
    """List the tensors of a state that a gradient can flow through."""
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        if tensor.is_floating_point() or tensor.is_complex():
            found.append(tensor)
        return tensor

    mapped(note, state)
    return found


def anew(state: Any, reset: Tensor) -> Any:
    """Start rows of a state anew, from zeros.

    Args:
        state: Its tensors have the rows of the batch in the last dimension but one, as torch's
            layers do, or in the first.
        reset: Which rows, [B].

    Raises:
        ValueError: A tensor has the rows in neither.
    """
    return mapped(lambda tensor: tensor.masked_fill(beside(reset, tensor), 0), state)


def beside(rows: Tensor, tensor: Tensor) -> Tensor:
    """Give a truth value a row, [B], the dimensions of a state's tensor.

    Raises:
        ValueError: The tensor has no dimension of rows where one is looked for.
    """
    B = len(rows)
    for place in (tensor.dim() - 2, 0):
        if 0 <= place < tensor.dim() and tensor.shape[place] == B:
            shape = [1] * tensor.dim()
            shape[place] = B
            return rows.view(shape).to(tensor.device)
    raise ValueError(
        f"rows cannot be started anew: a state of {tuple(tensor.shape)} has the {B} rows of the "
        "batch neither in its last dimension but one nor in its first; if it was carried over from "
        "a batch of another size, begin with state=None"
    )
