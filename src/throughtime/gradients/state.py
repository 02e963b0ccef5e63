"""What a network carries: tensors in any nesting of tuples, lists and dicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from throughtime.nn import Network, Recurrent
from throughtime.nn.as_torch import OnOurEngines


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


def layers_first(model: nn.Module) -> bool:
    """Whether what a model carries is [layers, B, H] for certain.

    It is for torch's layers, and for layers and networks of this package, while their forward call
    is the one of their class there.
    """
    known: tuple[type[nn.Module], ...] = (
        OnOurEngines, Recurrent, Network, nn.RNN, nn.GRU, nn.LSTM,
    )  # fmt: skip
    return any(isinstance(model, kind) and type(model).forward is kind.forward for kind in known)


def anew(state: Any, rows: Tensor, layered: bool) -> Any:
    """Start rows of a state anew, from zeros.

    Args:
        state: Its tensors are as `beside` wants them.
        rows: Which rows, [B].
        layered: See `beside`.

    Raises:
        ValueError: The rows of a tensor cannot be told.
    """
    return mapped(lambda tensor: tensor.masked_fill(beside(rows, tensor, layered), 0), state)


def beside(rows: Tensor, tensor: Tensor, layered: bool) -> Tensor:
    """Give a truth value a row, [B], the dimensions of a state's tensor.

    Args:
        rows: [B]
        tensor: Has the rows of the batch in the last dimension but one, as [layers, B, H] and
            [B, H] have, or in the first.
        layered: Whether it is [layers, B, H] for certain; see `layers_first`.

    Raises:
        ValueError: The tensor has no dimension of so many rows where one is looked for; or two.
    """
    B, shape = len(rows), tuple(tensor.shape)
    places = [max(tensor.dim() - 2, 0), *([] if layered else [0])]
    found = [place for place in dict.fromkeys(places) if shape[place : place + 1] == (B,)]
    if not found:
        raise ValueError(
            f"rows cannot be started anew: a state of {shape} has the {B} rows of the batch "
            "neither in its last dimension but one nor in its first; if it was carried over from a "
            "batch of another size, begin with state=None"
        )
    if len(found) > 1 and B > 1:  # of a single row both say the same
        raise ValueError(
            f"rows cannot be started anew: in a state of {shape} the {B} rows of the batch may be "
            "the first dimension or the last but one, as in [layers, B, H]; take a batch of "
            "another size, or have the model carry tensors of two dimensions, [B, H]"
        )
    return rows.view([B if place == found[0] else 1 for place in range(len(shape))]).to(
        tensor.device
    )
