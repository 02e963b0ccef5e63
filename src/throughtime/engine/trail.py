"""Recurrences run without autograd and noted, so that the native engine rolls them back itself.

Truncated backpropagation through time with an update after every few steps looks back on many short
calls. Autograd would go through them one by one; the native engine takes the window in one call.
Checkpointing runs a sequence in segments, again and again at the same weights; what a call does for
the weights' sake is then done once for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from torch import Tensor

from throughtime.engine.native_held import HeldWeights
from throughtime.engine.recurrence import Recurrence


@dataclass(frozen=True)
class Passed:
    """A recurrence that has been run, and what its backward pass reads.

    Attributes:
        recurrence: What was run.
        tape: What the native engine kept; None where another engine ran, which cannot join calls,
            or where nothing was to be kept.
        x: The inputs, contiguous.
        held: The weights if many calls share them; else the tape has the matrices as they were.
        stretch: Steps, and the addresses of the inputs, of the tape and of packed weights.
        stored: The states after every so many steps, [·, B, H] each, if they were to be stored.
    """

    recurrence: Recurrence
    tape: Tensor | None
    x: Tensor
    held: HeldWeights | None
    stretch: tuple[int, int, int, int]
    stored: tuple[Tensor, ...] = ()


@dataclass
class Trail:
    """What is run, and how.

    Attributes:
        taped: Whether tapes are kept.
        held: The weights of each call, the n-th being that of every n-th call of a trail; longer
            by those that are met for the first time. None if each call is to look after its own.
        every: After how many steps states are stored; 0 for never.
        passed: What has been run.
    """

    taped: bool
    held: list[HeldWeights] | None
    every: int = 0
    passed: list[Passed] = field(default_factory=list)

    def held_for(self, recurrence: Recurrence) -> HeldWeights | None:
        """Give the weights that the next call shares with others."""
        if self.held is None:
            return None
        number = len(self.passed)
        if number == len(self.held):
            self.held.append(HeldWeights(recurrence))
        return self.held[number]

    def note(
        self,
        recurrence: Recurrence,
        tape: Tensor | None,
        held: HeldWeights | None = None,
        stored: tuple[Tensor, ...] = (),
    ) -> None:
        """Add a recurrence that has been run."""
        x = recurrence.x.contiguous()
        addresses = (
            x.data_ptr(),
            0 if tape is None else tape.data_ptr(),
            0 if held is None else held.packed(len(recurrence.x)).data_ptr(),
        )
        self.passed.append(Passed(recurrence, tape, x, held, (len(x), *addresses), stored))


trail: ContextVar[Trail | None] = ContextVar("trail", default=None)


@contextmanager
def recorded(
    taped: bool = True, held: list[HeldWeights] | None = None, every: int = 0
) -> Iterator[list[Passed]]:
    """Note every recurrence that is run inside, without a record of autograd's; see `Trail`."""
    noted = Trail(taped, held, every)
    token = trail.set(noted)
    try:
        yield noted.passed
    finally:
        trail.reset(token)


def joinable(calls: Sequence[Passed], held: bool = False) -> bool:
    """Whether calls like these can be rolled back as one.

    The native engine ran them, over all rows alike. Unless the weights are held, vectors of the
    units would have to be those of each call, and are not kept.
    """
    return bool(calls) and all(
        one.tape is not None
        and one.recurrence.lengths is None
        and not one.recurrence.reverse
        and (held or not one.recurrence.weights.units)
        for one in calls
    )
