"""From a budget in bytes to segments that are run twice each, all of it inside the engine."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isqrt

from throughtime.gradients.checkpointing.plan import Sizes


@dataclass(frozen=True)
class TwicePlan:
    """Segments, the states before all of which are stored.

    Attributes:
        segment: Steps of a segment; the last has what is left.
        forward: Steps of a call on the way forward, whole segments.
        back: Steps of a call on the way back, whole segments.
        bytes: Kept at most, as predicted.
        time: As of `Sizes.time`.
    """

    segment: int
    forward: int
    back: int
    bytes: int
    time: float

    def steps(self, T: int) -> int:
        """Give the forward steps that a sequence of T takes."""
        return 2 * T

    def slots(self, T: int) -> int:
        """Give the room for carried states, the first among them."""
        return ceil(T / self.segment)


def planned_twice(sizes: Sizes, budget: int, h: int, layers: int) -> TwicePlan | None:
    """Give the plan that takes the least time of those that fit; None if nothing does.

    Args:
        sizes: Of the problem.
        budget: Bytes.
        h: Those of a layer's outputs at a step.
        layers: How many there are.
    """
    kept, T = sizes.footprint, sizes.T
    free = budget - ceil(T * kept.outputs) - 4 * kept.state
    best: TwicePlan | None = None
    for segments in (1, 2, 3, 4, 6, 8, 12, 16):  # of a call on the way back
        a_step = ceil(kept.step + segments * h)
        # The longest segment s with T / s states and s steps inside what is free.
        root = free * free - 4 * a_step * T * kept.state
        if free <= 0 or root < 0:
            break
        segment = _even(min((free + isqrt(root)) // (2 * a_step), T), T)
        n = ceil(T / segment) if segment else 0
        room = free - n * kept.state
        if not segment:
            continue
        back = min(segments, n) * segment
        # Going forward there are the outputs of a layer, those of the one below, and the loss.
        beside = min(layers, 2) * h + 4 * kept.outputs
        forward = min(max(int(back * h // beside) // segment, 1), n) * segment
        most = ceil(segment * kept.step) + max(back * h, ceil(forward * beside))
        calls = ceil(T / forward) + ceil(T / back)
        time = 2 * T + (calls + n / 32) * sizes.call
        if most <= room and (best is None or time < best.time):
            best = TwicePlan(segment, forward, back, budget - room + most, time)
    return best


def _even(segment: int, T: int) -> int:
    """Give the longest segment up to one, none of which is a single step unless all are."""
    while segment > 2 and T % segment == 1:
        segment -= 1
    return 1 if segment == 2 and T % 2 == 1 else segment
