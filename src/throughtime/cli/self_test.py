"""The native engine against the reference, in about a second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.cli.agreement import difference
from throughtime.cli.machine import using_threads
from throughtime.engine import Engine, Recurrence, engines, use
from throughtime.nn import Recurrent

CELLS = ("elman", "gru", "lstm", "lstm_peephole")
SHAPES = ((11, 1, 2, 5), (12, 19, 3, 21), (9, 40, 16, 64))
"""T, B, I, H: a single row, sizes that no vector divides, and whole vectors.

Every result has several numbers: a single one may be a sum that cancels, and next to what is left
of it rounding is large.
"""

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-11}
"""What rounding explains, relative to the largest number of each result."""


@dataclass(frozen=True)
class Trial:
    """One comparison: outputs, final states and all gradients, in both directions over time.

    Attributes:
        cell: Name of the cell.
        shape: T, B, I, H; each row has a length of its own.
        dtype: "float32" or "float64".
        worst: What differs most.
        relative: By how much, relative to the largest number of it.
        allowed: The most that rounding explains.
        failure: Why it could not be computed; empty if it was.
    """

    cell: str
    shape: tuple[int, int, int, int]
    dtype: str
    worst: str
    relative: float
    allowed: float
    failure: str = ""

    @property
    def passed(self) -> bool:
        """Whether the results agree."""
        return not self.failure and self.relative <= self.allowed


def self_test() -> Iterator[Trial]:
    """Compare the engines on a few cells, shapes and precisions."""
    for cell in CELLS:
        for shape in SHAPES:
            for dtype in TOLERANCE:
                yield trial(cell, shape, dtype)


def trial(cell: str, shape: tuple[int, int, int, int], dtype: torch.dtype) -> Trial:
    """Compare the engines on one cell.

    Args:
        cell: Its name.
        shape: T, B, I, H.
        dtype: torch.float32 or torch.float64.
    """
    name = str(dtype).removeprefix("torch.")
    found = []
    for reverse in (False, True):
        given = _draw(cell, shape, dtype, reverse)
        reason = engines["native"].why_not(given)
        if reason is not None:
            return Trial(cell, shape, name, "", 0.0, TOLERANCE[dtype], reason)
        with using_threads(1):  # on steps this small torch's threads wait more than they work
            right = _everything(engines["reference"], given)
        try:
            found.append(difference(_everything(engines["native"], given), right))
        except Exception as error:  # noqa: BLE001 - whatever an engine raises is what is looked for
            failure = f"{type(error).__name__}: {error}"
            return Trial(cell, shape, name, "", 0.0, TOLERANCE[dtype], failure)
    worst = max(found, key=lambda one: one.relative)
    return Trial(cell, shape, name, worst.name, worst.relative, TOLERANCE[dtype])


def _draw(
    cell: str, shape: tuple[int, int, int, int], dtype: torch.dtype, reverse: bool
) -> Recurrence:
    T, B, I, H = shape  # noqa: E741
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = Recurrent(cell, I, H, dtype=dtype)
        state = _reached(layer, torch.randn(5, B, I, dtype=dtype))
        x = torch.randn(T, B, I, dtype=dtype, requires_grad=True)
        lengths = torch.randint(0, T + 1, (B,))
        lengths[0] = T
    return Recurrence(layer.cell, x, state, layer.weights(0), lengths, reverse)


def _reached(layer: Recurrent, x: Tensor) -> tuple[Tensor, ...]:
    """Give states that the cell can be in: it may divide by one, which is then not near zero."""
    with torch.no_grad(), use("reference"):
        _, state = layer(x)
    several = state if isinstance(state, tuple) else (state,)
    return tuple(one[0].requires_grad_() for one in several)


def _everything(engine: Engine, given: Recurrence) -> dict[str, Tensor]:
    """Compute outputs, final states and all gradients, for fixed gradients of the results."""
    cell, weights = given.cell, given.weights
    wanted = {"x": given.x, "W": weights.W, "U": weights.U, "b": weights.b, "c": weights.c}
    wanted |= {f"{s} before": t for s, t in zip(cell.states, given.state, strict=True)}
    wanted |= dict(zip(cell.units, weights.units, strict=True))
    outputs, final = engine.run(given)
    results = {"outputs": outputs}
    results |= {f"{s} after": t for s, t in zip(cell.states, final, strict=True)}
    generator = torch.Generator().manual_seed(1)
    seeds = [torch.randn(t.shape, dtype=t.dtype, generator=generator) for t in results.values()]
    tensors = {name: tensor for name, tensor in wanted.items() if tensor is not None}
    gradients = torch.autograd.grad(
        tuple(results.values()),
        tuple(tensors.values()),
        seeds,
        allow_unused=True,
        materialize_grads=True,
    )
    named = zip(tensors, gradients, strict=True)
    return results | {f"gradient of {name}": gradient for name, gradient in named}
