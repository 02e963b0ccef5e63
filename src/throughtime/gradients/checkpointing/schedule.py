"""A placement written out as actions, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from throughtime.gradients.checkpointing.placement import Placement


@dataclass(frozen=True)
class Action:
    """One thing to do; where it goes forward, from the last state that is stored.

    Attributes:
        kind: "advance": run the segments from `first` to before `stop` without a graph; "record":
            run segment `first` with one; "store": keep the state before segment `first`; "back":
            differentiate segment `first`, the last that is recorded; "return": go on from the last
            state that is stored, which is that before segment `first`; "drop": forget it, and go on
            from the one before.
        first: A segment.
        stop: A segment.
    """

    kind: Literal["advance", "record", "store", "back", "return", "drop"]
    first: int
    stop: int


def actions(placement: Placement) -> Iterator[Action]:
    """Give what to do, from the state before the first segment, which is there, to its gradient."""
    stored = [(0, placement.slots, False)]  # the state before a segment; slots free; with internals
    end = placement.segments  # those from here on are differentiated
    while stored:
        first, free, internals = stored[-1]
        left = end - first
        if left == 0:
            stored.pop()
            if internals:
                end -= 1
                yield Action("back", end, end + 1)
            if stored:
                yield Action("drop", first, first)
            continue
        place = placement.place(left, free) if left > 1 else None
        yield Action("return", first, first)
        if place is None:
            end -= 1
            if end > first:
                yield Action("advance", first, end)
            yield Action("record", end, end + 1)
            yield Action("back", end, end + 1)
            continue
        reached = first + place.after
        recorded = reached - place.internals
        if recorded > first:
            yield Action("advance", first, recorded)
        if place.internals:
            yield Action("record", recorded, reached)
        yield Action("store", reached, reached)
        stored.append((reached, free - placement.cost(place), place.internals))


def executions(plan: Iterable[Action]) -> dict[int, int]:
    """Count how often each segment is run."""
    counts: dict[int, int] = {}
    for action in plan:
        if action.kind in ("advance", "record"):
            for segment in range(action.first, action.stop):
                counts[segment] = counts.get(segment, 0) + 1
    return counts
