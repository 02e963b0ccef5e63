"""Training steps beside torch.nn and JAX, and beside what the processor can do."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from figures.figure import Figure, at_least
from figures.measuring import Measuring
from throughtime.cli.racing import JAX, SIZES
from throughtime.cli.racing.contenders import TORCH

PROMISED = {
    "lstm": (3, 3, 3, 1.25, 1.25, 1.25, 1.25),
    "gru": (50, 40, 18, 10, 5, 3.5, 2.3),
    "elman": (50, 30, 12, 6, 4, 2.5, 2.3),
}
"""Times as fast as torch.nn, for each of `SIZES`."""


def against_torch(measuring: Measuring) -> Iterator[Figure]:
    """Race the cells that torch has, in float32."""
    for cell, bounds in PROMISED.items():
        for size, bound in zip(SIZES, bounds, strict=True):
            result = measuring.race(cell, size)
            yield at_least(
                f"{cell} against torch.nn, {size}",
                bound,
                result.times_as_fast(TORCH),
                detail={
                    "microseconds_a_time_step": result.microseconds,
                    "torch_against_itself": result.against_itself,
                    "rounds": result.rounds,
                    "engine": result.engine,
                },
            )


def against_jax(measuring: Measuring) -> Iterator[Figure]:
    """Race the same cells against `lax.scan` under `jit`, compiled before the clock starts."""
    for cell in PROMISED:
        for size in SIZES:
            faster = measuring.race(cell, size).times_as_fast(JAX)
            note = "" if faster is not None else "JAX is not installed"
            bound = 1.4 if size.H == 512 else 2
            yield at_least(f"{cell} against JAX, {size}", bound, faster, note=note)


def double_precision(measuring: Measuring) -> Iterator[Figure]:
    """Race in float64, for which torch has no fused layer."""
    for cell in ("lstm", "gru"):
        for size in SIZES:
            faster = measuring.race(cell, size, torch.float64).times_as_fast(TORCH)
            yield at_least(f"{cell} in float64 against torch.nn, {size}", 3, faster)


def share_of_peak(measuring: Measuring) -> Iterator[Figure]:
    """Divide the matrix products of whole training steps by the peak.

    All races come first: the best measurement of the whole run is the peak.
    """
    sizes = [size for size in SIZES if size.B >= 32 and size.H in (128, 256, 512)]
    results = [measuring.race(cell, size) for cell in ("lstm", "gru") for size in sizes]
    for result in results:
        share = measuring.peak.share(result.rate)
        yield at_least(
            f"share of the multiply-add peak, {result.cell}, {result.size}",
            0.65,
            share,
            unit="%",
            note="" if share is not None else "the native module is not there",
            detail={"gflops": result.rate / 1e9},
        )
