"""The best place for the next checkpoint, and the number of forward runs that this leads to.

A sequence of segments is differentiated from the last to the first. A segment is *run* when it is
called forward, with or without a graph; each is run with one at least once. Between the runs there
is room for a number of *slots*, each as large as a carried state. The state before the first
segment, and the graph of one segment that is being differentiated, have room of their own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from math import comb
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Place(NamedTuple):
    """What to store next.

    Attributes:
        after: The number of segments to run before.
        internals: Whether the last of these is run with a graph that is stored, beside the state
            behind it.
    """

    after: int
    internals: bool


class Placement(ABC):
    """A rule for what to store where.

    Attributes:
        segments: There are in all.
        slots: Free at the start, no more than are of any use.
    """

    segments: int
    slots: int

    @abstractmethod
    def optimum(self) -> int:
        """Give the number of runs of segments, in all."""

    @abstractmethod
    def place(self, segments: int, free: int) -> Place | None:
        """Say what to store next, with two segments or more to go and so many slots free.

        None for nothing: run on to the last segment and differentiate it.
        """

    @abstractmethod
    def cost(self, place: Place) -> int:
        """Give the slots that a place takes."""


class Revolve(Placement):
    """States only, by the binomial formula (Griewank & Walther 2000, algorithm 799).

    With `m` free slots, `C(m + r, m + 1)` segments and no more can be differentiated so that none
    is run more than `r` times. The least number of runs follows, and every split that keeps both
    parts between two such numbers reaches it.

    Args:
        segments: From 1.
        slots: From 0.
    """

    def __init__(self, segments: int, slots: int) -> None:
        self.segments, self.slots = segments, min(slots, segments - 1)

    def optimum(self) -> int:
        """Give the number of runs: `r segments - N_1 - ... - N_{r-1}`, with `N_i` as above."""
        r = _rounds(self.segments, self.slots)
        return r * self.segments - comb(self.slots + r, self.slots + 2)

    def place(self, segments: int, free: int) -> Place | None:
        """Say after how many segments to store the state."""
        free = min(free, segments - 1)
        if free == 0:
            return None
        r = _rounds(segments, free)
        after = max(_reach(free, r - 2), segments - _reach(free - 1, r), 1)
        return Place(after, internals=False)

    def cost(self, place: Place) -> int:
        """Give 1: every place is a state."""
        return 1


class Mixed(Placement):
    """States, and internals of segments, by dynamic programming (Gruslys et al. 2016, 3.3).

    The least number of runs for `t` segments with `m` slots, of which internals take `a`, is

        D(t, m) = min over y of  y + D(t - y, m - 1) + D(y, m)        a state after y segments
                                 y + D(t - y, m - a) + D(y - 1, m)    internals of segment y
                                 t + D(t - 1, m)                      nothing

    with `D(0, m) = 0`, `D(1, m) = 1`. Takes time as `segments` to the power 4: for 50 or so.

    Args:
        segments: From 1.
        slots: From 0.
        internals: Slots that the internals of a segment take, with the state behind it, from 1.
    """

    def __init__(self, segments: int, slots: int, internals: int) -> None:
        self.segments = segments
        self.slots = min(slots, (segments - 1) * internals)
        self.internals = internals
        self._optimum, self._chosen, self._at = _table(segments, self.slots, internals)

    def optimum(self) -> int:
        """Give the number of runs, D(segments, slots)."""
        return self._optimum

    def place(self, segments: int, free: int) -> Place | None:
        """Say after how many segments to store which."""
        chosen = int(self._chosen[segments, self._at[free]])
        return Place(abs(chosen), chosen < 0) if chosen else None

    def cost(self, place: Place) -> int:
        """Give the slots of internals, or 1."""
        return self.internals if place.internals else 1


def _reach(slots: int, r: int) -> int:
    """Count the segments that can be differentiated with no more than r runs of each."""
    return comb(slots + r, slots + 1) if r > 0 else 0


def _rounds(segments: int, slots: int) -> int:
    """Give the least r that reaches so many segments."""
    if slots == 0:
        return segments
    r = 1
    while _reach(slots, r) < segments:
        r += 1
    return r


_Table = tuple[int, npt.NDArray[np.int16], dict[int, int]]


@lru_cache(maxsize=32)
def _table(segments: int, slots: int, internals: int) -> _Table:
    """Fill D from few segments to many, for all numbers of free slots that can come up.

    Returns:
        D(segments, slots); what to store for a number of segments and the place of a number of free
        slots, [segments + 1, places]: y for a state, -y for internals, 0 for nothing; the places.
    """
    most = segments - 1
    states, graphs = np.meshgrid(np.arange(most + 1), np.arange(most + 1))
    levels = np.unique(slots - states - internals * graphs)
    levels = levels[levels >= 0]
    at = {int(level): place for place, level in enumerate(levels)}
    impossible = np.int64(1) << 40
    # The last column is that of the number of slots which there is not.
    D = np.full((segments + 1, len(levels) + 1), impossible)
    D[0, :-1], D[1, :-1] = 0, 1
    chosen = np.zeros((segments + 1, len(levels)), np.int16)
    one_less, graph_less = (
        np.array([at.get(int(level) - taken, len(levels)) for level in levels])
        for taken in (1, internals)
    )
    for t in range(2, segments + 1):
        best, choice = t + D[t - 1, :-1], chosen[t]
        y = np.arange(1, t)[:, None]
        for sign, less, before in ((1, one_less, D[1:t, :-1]), (-1, graph_less, D[: t - 1, :-1])):
            runs = y + D[t - 1 : 0 : -1][:, less] + before  # [t - 1, levels]
            first = runs.argmin(0)
            least = runs[first, np.arange(len(levels))]
            choice[least < best] = sign * (1 + first[least < best])
            best = np.minimum(best, least)
        D[t, :-1] = best
    return int(D[segments, at[slots]]), chosen, at
