"""From a budget in bytes to segments and a placement: what fits, and of that the quickest."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import ceil, isqrt

from throughtime.gradients.checkpointing.footprint import Footprint
from throughtime.gradients.checkpointing.placement import Mixed, Placement, Revolve

FINE = 48
"""Segments up to which the placement of states and internals together is computed."""


@dataclass(frozen=True)
class Plan:
    """Segments, and what is stored of them.

    Attributes:
        segment: Steps of a segment; the last has what is left.
        placement: Of the segments.
        bytes: Kept at most, as predicted.
        time: As of `Sizes.time`.
    """

    segment: int
    placement: Placement
    bytes: int
    time: float

    def steps(self, T: int) -> int:
        """Give the forward steps that a sequence of T takes; its last segment is run once."""
        n = self.placement.segments
        return (self.placement.optimum() - 1) * self.segment + T - (n - 1) * self.segment

    def slots(self, T: int) -> int:
        """Give the room for carried states, the first among them."""
        return 1 + self.placement.slots


@dataclass(frozen=True)
class Sizes:
    """What a plan is made for.

    Attributes:
        T: Steps.
        rows: Of the batch, B.
        footprint: What is kept of a state, a call, a step.
        resets: The steps before which rows start anew: a call ends there.
        segment: Steps of a segment if they are given.
        each: Steps of a call at most; None for no bound.
        held: Whether weights are laid out, and their gradients summed up, once for all calls.
    """

    T: int
    rows: int
    footprint: Footprint
    resets: Collection[int] = ()
    segment: int | None = None
    each: int | None = None
    held: bool = False

    def working(self, segment: int) -> int:
        """Give the bytes of a segment that is being differentiated."""
        return self.footprint.working(segment, self._calls(segment))

    def internals(self, segment: int) -> int:
        """Give the slots that the internals of a segment take."""
        return ceil(self.footprint.internals(segment, self._calls(segment)) / self.slot)

    @property
    def slot(self) -> int:
        """The bytes of a carried state; something, if the model carries nothing."""
        return max(self.footprint.state, 64)

    def time(self, segment: int, number: int, runs: int) -> float:
        """Give what so many segments take in so many runs beside their way back, in steps forward.

        Packing the weights takes as long as multiplying some 200 rows by them, and making their
        gradient as 600. Nothing is timed here: the plan, and with it rounding and random numbers,
        are the same on every run and machine.
        """
        pack, make = (0.0, 0.0) if self.held else (200 / self.rows, 600 / self.rows)
        return runs * (segment + self.call + pack) + number * (self.call + make)

    @property
    def call(self) -> float:
        """What a call takes, in steps forward.

        Some 90 microseconds, or 200 of the smallest steps; but near a millisecond, in which a
        processor does some ten million multiplications, where the steps are large enough to drive
        Python and torch out of its caches.
        """
        return min(200, 4.5e7 / (self.rows * max(self.footprint.weights, 1)))

    def segments(self) -> Iterator[int]:
        """Give lengths of segments to look at, the longest first."""
        if self.segment is not None:
            yield min(self.segment, self.T)
            return
        before, number = 0, 1.0
        while before != 1:
            segment = ceil(self.T / round(number))
            if segment != before:
                yield segment
            before, number = segment, max(number * 1.2, number + 1)

    def _calls(self, segment: int) -> int:
        """Give the most calls that a segment takes."""
        if self.each is not None:
            return ceil(segment / self.each)
        counts: dict[int, int] = {}
        for step in self.resets:
            if step % segment and step < self.T:
                counts[step // segment] = counts.get(step // segment, 0) + 1
        return 1 + max(counts.values(), default=0)


def planned(sizes: Sizes, budget: int) -> Plan | None:
    """Give the plan that takes the least time of those that fit; None if nothing does.

    Time is counted in steps: of all runs forward and of the calls that they take.
    """
    best: Plan | None = None
    least = float("inf")
    for segment in sizes.segments():
        free = (budget - sizes.working(segment)) // sizes.slot
        if free < 0:
            continue
        n, internals = ceil(sizes.T / segment), sizes.internals(segment)
        once = min(n, 1 + free // internals)  # more segments than these are run twice at least
        if sizes.time(segment, n, 2 * n - once) >= least:
            continue
        placement: Placement = Revolve(n, free)
        if 1 < n <= FINE and free >= internals:
            placement = Mixed(n, free, internals)
        time = sizes.time(segment, n, placement.optimum())
        if time < least:
            least = time
            kept = sizes.working(segment) + placement.slots * sizes.slot
            best = Plan(segment, placement, kept, time)
    return best


def least_budget(sizes: Sizes) -> int:
    """Give the smallest budget that will do, however often steps are run."""
    return sizes.working(1 if sizes.segment is None else min(sizes.segment, sizes.T))


def twice_each(sizes: Sizes) -> int:
    """Give the smallest budget at which no step is run more than twice.

    A state is stored before every segment; with segments as long as the square root of T, in
    proportion, states and one segment's internals take the least (Chen et al. 2016).
    """
    if sizes.segment is not None:
        lengths = [min(sizes.segment, sizes.T)]
    else:
        ideal = isqrt(ceil(sizes.T * sizes.slot / max(sizes.footprint.step, 1)))
        lengths = [min(max(ideal, 1), sizes.T)]
    return min(
        sizes.working(length) + (ceil(sizes.T / length) - 1) * sizes.slot for length in lengths
    )
