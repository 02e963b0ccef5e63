"""Placements and schedules against every recursion and every search that is small enough."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from functools import cache

import pytest

from throughtime.gradients.checkpointing import (
    Mixed,
    Place,
    Placement,
    Revolve,
    actions,
    executions,
)


@cache
def recursion(t: int, m: int, internals: int = 0) -> int:
    """Gruslys et al. 2016, equations 2 and 4, as they stand there; states only for 0."""
    if t <= 1:
        return t
    found = [t + recursion(t - 1, m, internals)]
    for y in range(1, t):
        if m >= 1:
            found.append(y + recursion(t - y, m - 1, internals) + recursion(y, m, internals))
        if internals and m >= internals:
            right = recursion(t - y, m - internals, internals)
            found.append(y + right + recursion(y - 1, m, internals))
    return min(found)


def search(t: int, m: int, internals: int = 0) -> int:
    """The fewest runs by any order of runs, stores and drops whatever: a shortest path.

    A configuration is what is left to differentiate, the segments before which a state is stored,
    the segments whose internals are, and where the network stands.
    """
    start = (t, frozenset[int](), frozenset[int](), 0)
    queue = [(0, 0, start)]
    least = {start: 0}
    count = 0
    while queue:
        runs, _, config = heapq.heappop(queue)
        if runs > least[config]:
            continue
        end, states, graphs, at = config
        if end == 0:
            return runs
        following: list[tuple[int, tuple[int, frozenset[int], frozenset[int], int]]] = []
        taken = len(states) + internals * len(graphs)
        # Internals come with the state behind them; the state before the first is always there.
        there = states | {0} | {g + 1 for g in graphs}
        following += [(0, (end, states, graphs, place)) for place in there if place <= end]
        following += [(0, (end, states - {s}, graphs, at)) for s in states]
        if at < end:
            following.append((1, (end, states, graphs, at + 1)))
            if taken + 1 <= m and at not in there:
                following.append((0, (end, states | {at}, graphs, at)))
            if internals and taken + internals <= m and at not in graphs:
                following.append((1, (end, states, graphs | {at}, at + 1)))
        if at == end - 1:
            following.append((1, (end - 1, states, graphs, 0)))
        if end - 1 in graphs:
            following.append((0, (end - 1, states, graphs - {end - 1}, 0)))
        for cost, new in following:
            if runs + cost < least.get(new, 1 << 30):
                least[new] = runs + cost
                count += 1
                heapq.heappush(queue, (runs + cost, count, new))
    raise AssertionError("there is always a way")


def follow(placement: Placement) -> int:
    """Count the runs of a schedule, and see that each of its actions can be done."""
    plan = list(actions(placement))
    stored, recorded, at, end = [0], [], 0, placement.segments
    internals = placement.internals if isinstance(placement, Mixed) else 0
    for action in plan:
        if action.kind == "advance":
            assert at == action.first < action.stop <= end
            at = action.stop
        elif action.kind == "record":
            assert at == action.first < end
            recorded.append(at)
            at += 1
        elif action.kind == "store":
            assert at == action.first
            stored.append(at)
        elif action.kind == "return":
            assert stored[-1] == action.first
            at = stored[-1]
        elif action.kind == "drop":
            assert stored.pop() == action.first
        else:
            end -= 1
            assert recorded.pop() == action.first == end
        # A store behind internals is part of them; the graph that is worked on has its own room.
        beside = [g for g in recorded if g + 1 in stored]
        taken = len(stored) - 1 - len(beside) + internals * len(beside)
        assert taken <= placement.slots
        assert len(recorded) - len(beside) <= 1
    assert end == 0
    return sum(executions(plan).values())


@pytest.mark.parametrize("t", range(1, 41))
def test_states_only_take_the_fewest_runs(t: int) -> None:
    for m in range(t + 1):
        placement = Revolve(t, m)
        assert follow(placement) == placement.optimum() == recursion(t, m)


@pytest.mark.parametrize(
    "t",
    [t if t <= 12 else pytest.param(t, marks=pytest.mark.thorough) for t in range(1, 21)],
)
def test_states_and_internals_take_the_fewest_runs(t: int) -> None:
    for internals in (1, 2, 3, 5, 8):
        for m in range(t * internals + 2):
            placement = Mixed(t, m, internals)
            assert follow(placement) == placement.optimum() == recursion(t, m, internals)


@pytest.mark.parametrize("seed", range(30))
def test_longer_ones_too(seed: int) -> None:
    draw = random.Random(seed)
    t, internals = draw.randint(20, 40), draw.randint(1, 30)
    m = draw.randint(0, t * internals // 2)
    placement = Mixed(t, m, internals)
    assert follow(placement) == placement.optimum() == recursion(t, m, internals)


@pytest.mark.parametrize("t", range(1, 9))
def test_no_other_order_takes_fewer(t: int) -> None:
    """The recursions themselves are the best there is."""
    for m in range(t):
        assert search(t, m) == recursion(t, m)


@pytest.mark.parametrize("t", [*range(1, 6), pytest.param(6, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("internals", [1, 2, 3])
def test_no_other_order_of_both_takes_fewer(t: int, internals: int) -> None:
    for m in range(t * internals):
        assert search(t, m, internals) == recursion(t, m, internals)


def test_the_ends_of_the_scale() -> None:
    assert Revolve(1000, 0).optimum() == 1000 * 1001 // 2
    assert Revolve(1000, 999).optimum() == Revolve(1000, 10**9).optimum() == 1999
    assert Mixed(40, 10**9, 7).optimum() == 40
    assert Mixed(40, 0, 7).optimum() == 40 * 41 // 2
    # Griewank & Walther 2000, proposition 1: with c checkpoints, l = C(c + r, c) steps take
    # r l - C(c + r, c + 1) steps ahead, and one with a graph each; here c = 3, r = 5, l = 56.
    assert Revolve(56, 2).optimum() == 5 * 56 - 70 + 56


def test_a_long_sequence_takes_no_time() -> None:
    assert Revolve(100_000, 300).optimum() < 4 * 100_000
    assert Revolve(100_000, 0).optimum() == 100_000 * 100_001 // 2
    counts = executions(actions(Revolve(10_000, 30)))
    assert sum(counts.values()) == Revolve(10_000, 30).optimum()
    assert max(counts.values()) == 5  # C(33, 30) = 5456 < 10 000 <= C(34, 30) = 46 376


# Negative controls.


class Late(Revolve):
    """Stores each state one segment too late."""

    def place(self, segments: int, free: int) -> Place | None:
        place = super().place(segments, free)
        if place is None or place.after + 1 >= segments:
            return place
        return Place(place.after + 1, internals=False)


class Greedy(Mixed):
    """Stores more than there is room for."""

    def cost(self, place: Place) -> int:
        return 1


def wrong_ones() -> Iterator[int]:
    for t in range(2, 30):
        for m in range(1, 6):
            yield follow(Late(t, m)) - recursion(t, m)


def test_a_schedule_that_is_off_by_one_is_noticed() -> None:
    found = list(wrong_ones())
    assert min(found) >= 0
    assert sum(excess > 0 for excess in found) > len(found) // 3


def test_a_schedule_that_overdraws_is_noticed() -> None:
    with pytest.raises((AssertionError, KeyError)):
        follow(Greedy(20, 30, 5))
