"""Losses at 32 weights: one by one on the native engine, or as one batch on the reference engine.

    python benchmarks/evolution_candidates.py

One thread; the best of three, in milliseconds. No time is shown where the losses differ.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

import throughtime as tt

CANDIDATES = 32
SIZES = ((4, 20, 1), (16, 100, 4), (16, 100, 32), (64, 100, 4), (64, 100, 32), (256, 50, 8))
squared = nn.MSELoss(reduction="none")


def race(cell: str, hidden: int, steps: int, rows: int) -> tuple[float, float]:
    """Time both ways; give milliseconds one by one, and as a batch."""
    model = tt.Network(cell, 2, hidden, 1)
    x, d = torch.randn(steps, rows, 2), torch.randn(steps, rows, 1)
    stacked = {
        name: weight.detach() + 0.02 * torch.randn(CANDIDATES, *weight.shape)
        for name, weight in model.named_parameters()
    }

    def loss(weights: dict[str, Tensor]) -> Tensor:
        return squared(functional_call(model, weights, (x, None))[0], d).mean()

    def one_by_one() -> Tensor:
        with torch.no_grad():
            each = [{n: w[i] for n, w in stacked.items()} for i in range(CANDIDATES)]
            return torch.stack([loss(weights) for weights in each])

    def as_batch() -> Tensor:
        with torch.no_grad(), tt.engine.use("reference"):
            return vmap(loss)(stacked)

    torch.testing.assert_close(one_by_one(), as_batch(), rtol=1e-5, atol=1e-5)
    return best(one_by_one), best(as_batch)


def best(run: Callable[[], Tensor]) -> float:
    """Give the least of three times, in milliseconds."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"{platform.processor() or platform.machine()}, one thread, torch {torch.__version__}")
    print("cell    hidden  steps  rows  one by one  as a batch  ratio")
    for cell in ("elman", "gru", "lstm"):
        for hidden, steps, rows in SIZES:
            single, batch = race(cell, hidden, steps, rows)
            print(
                f"{cell:7} {hidden:6} {steps:6} {rows:5} {single:11.1f} {batch:11.1f} "
                f"{batch / single:6.2f}"
            )
