"""What a forward pass keeps for its backward pass: everything, or the states alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_choices = ("everything", "states")
_kept: ContextVar[str] = ContextVar("kept", default="everything")


@contextmanager
def keep(what: str) -> Iterator[None]:
    """Choose what forward passes inside keep: `with engine.keep("states"): y, _ = layer(x)`.

    The native engine follows: with "states" it keeps the states of each step and computes the gates
    again, many steps in one product, when the backward pass comes to them. An LSTM then keeps 2
    numbers a unit and step instead of 7, a GRU 1 instead of 6; the gradients are the same up to
    rounding, a training step takes a fifth to a third longer (docs/speed.md). The reference engine
    keeps everything whatever is asked for.

    Args:
        what: "everything" or "states".

    Raises:
        ValueError: It is neither.
    """
    if what not in _choices:
        raise ValueError(f"what is kept is {' or '.join(map(repr, _choices))}; got {what!r}")
    token = _kept.set(what)
    try:
        yield
    finally:
        _kept.reset(token)


def states_only() -> bool:
    """Whether forward passes here keep the states alone."""
    return _kept.get() == "states"


# Dynamo cannot read a context variable: compiled code keeps the choice of its compilation.
states_only._dynamo_marked_constant = True  # type: ignore[attr-defined]
