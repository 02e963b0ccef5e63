"""Sizes that nothing divides, rows of different lengths, one thread and two."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from figures.figure import Figure, at_least, at_most
from figures.measuring import Measuring, checked, float32
from throughtime.cli.machine import cores
from throughtime.cli.racing import Size
from throughtime.cli.racing.contenders import TORCH, line_up
from throughtime.cli.racing.problem import draw

ROUND_H = {37: 48, 100: 112, 193: 208}
"""Units: the next multiple of 16, the floats of the widest vector there is."""

ROUND_B = {3: 4, 13: 16, 70: 72}
"""Rows: the next multiple of 4."""

ROUND_I = {5: 8, 50: 64}
"""Inputs: the next power of two."""

ODD_STEPS = 50


def odd_sizes(measuring: Measuring) -> Iterator[Figure]:
    """Compare the time of a floating-point operation with that at the next round size."""
    for cell in ("lstm", "gru"):
        slower: dict[str, float] = {}
        for B, I, H in itertools.product(ROUND_B, ROUND_I, ROUND_H):  # noqa: E741
            problems = {
                f"odd {cell} {B}, {ODD_STEPS}, {I}, {H}": float32(cell, B, ODD_STEPS, I, H),
                "round": float32(cell, ROUND_B[B], ODD_STEPS, ROUND_I[I], ROUND_H[H]),
            }
            seconds = measuring.ours(problems)
            odd, even = (
                seconds[name] / problem.multiply_adds(training=True)
                for name, problem in problems.items()
            )
            slower[f"{B}, {ODD_STEPS}, {I}, {H}"] = odd / even
        worst = max(slower, key=lambda size: slower[size])
        yield at_most(
            f"{cell}: time a flop at the worst of {len(slower)} odd sizes, {worst}, beside the "
            "next round size",
            1.4,
            slower[worst],
            note=f"{sum(ratio > 1.4 for ratio in slower.values())} sizes above",
            detail={"slower": slower},
        )


def lengths(measuring: Measuring) -> Iterator[Figure]:
    """Race rows of 10 to T steps against torch's packed sequences, and against full rows."""
    size = Size(32, 100, 16, 64)
    for cell in ("lstm", "gru", "elman"):
        ragged, padded = draw(cell, size, torch.float32, ragged=True), float32(cell, *size)
        result = measuring.held(ragged, line_up(ragged, with_jax=False))
        faster = result.times_as_fast(TORCH)
        yield at_least(f"{cell}, lengths 10 to T, against PackedSequence, {size}", 5, faster)
        seconds = measuring.ours({f"ragged {cell}": ragged, f"padded {cell}": padded})
        by_ragged, by_padded = seconds.values()
        assert ragged.lengths is not None
        share = int(ragged.lengths.sum()) / (size.T * size.B)
        yield at_most(
            f"{cell}: time of a valid step beside that of a padded one, {size}",
            1.15,
            by_ragged / share / by_padded,
            detail={"seconds": seconds, "share_of_steps_that_are_valid": share},
        )


def threads(measuring: Measuring) -> Iterator[Figure]:
    """Compare one thread with two."""
    sizes = ((16, 100, 16, 64), (32, 100, 16, 64), (32, 100, 64, 128), (64, 50, 512, 512))
    for cell in ("lstm", "gru", "elman"):
        for size in sizes:
            what = f"{cell}: two threads beside one, {Size(*size)}"
            if cores() < 2:
                yield at_least(what, 1.7, None, note="the machine has one core")
                continue
            train = checked(float32(cell, *size))
            steps = {f"{cell} on {count}": partial(_on, count, train) for count in (1, 2)}
            try:
                one, two = measuring.medians(steps).values()
            finally:
                torch.set_num_threads(measuring.threads)
            yield at_least(what, 1.7, one / two, detail={"seconds": [one, two]})


def _on(count: int, step: Callable[[], Any]) -> Any:
    torch.set_num_threads(count)
    return step()
