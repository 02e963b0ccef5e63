"""Recurrences run without autograd and noted, so that several in a row are rolled back as one.

Truncated backpropagation through time with an update after every few steps looks back on many short
calls. Autograd would go through them one by one; the native engine takes the window in one call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from torch import Tensor

from throughtime.engine.recurrence import Recurrence


@dataclass(frozen=True)
class Passed:
    """A recurrence that has been run, and what its backward pass reads.

    Attributes:
        recurrence: What was run; the tape has its matrices as they were.
        tape: What the native engine kept; None where another engine ran, which cannot join calls.
        x: The inputs, contiguous.
        stretch: Steps, and the addresses of the inputs and of the tape.
    """

    recurrence: Recurrence
    tape: Tensor | None
    x: Tensor
    stretch: tuple[int, int, int]


def passed(recurrence: Recurrence, tape: Tensor | None) -> Passed:
    """Note a recurrence that has been run."""
    x = recurrence.x.contiguous()
    address = 0 if tape is None else tape.data_ptr()
    return Passed(recurrence, tape, x, (len(x), x.data_ptr(), address))


trail: ContextVar[list[Passed] | None] = ContextVar("trail", default=None)


@contextmanager
def recorded() -> Iterator[list[Passed]]:
    """Note every recurrence that is run inside, without a record of autograd's."""
    found: list[Passed] = []
    token = trail.set(found)
    try:
        yield found
    finally:
        trail.reset(token)


def joinable(calls: Sequence[Passed]) -> bool:
    """Whether calls like these can be rolled back as one.

    The native engine ran them, over all rows alike; vectors of the units would have to be those of
    each call, and are not kept.
    """
    return bool(calls) and all(
        one.tape is not None
        and one.recurrence.lengths is None
        and not one.recurrence.reverse
        and not one.recurrence.weights.units
        for one in calls
    )
