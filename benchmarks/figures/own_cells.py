"""Cells that a user writes: beside a loop in torch and the built-in ones, and their first call."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

import throughtime as tt
from figures.figure import Figure, at_least, at_most
from figures.measuring import Measuring, checked, float32
from throughtime.cli.racing import Size
from throughtime.cli.racing.contenders import AGAIN, LOOP, in_torch, ours
from throughtime.cli.racing.problem import Problem
from throughtime.equations import Cell

LEAK = 0.1


@tt.cell(gates="a", state="h", constants={"leak": LEAK})
def own_leaky(wx, uh, h, *, leak):  # type: ignore[no-untyped-def]
    """Leaky integrator, as a user would write it."""
    drive = tt.tanh(wx.a + uh.a)
    return h + leak * (drive - h)


@tt.cell(gates="i f g o", state="h c", units="gain_i gain_f gain_g gain_o gain_c")
def lstm_layer_norm(wx, uh, h, c, *, gain_i, gain_f, gain_g, gain_o, gain_c):  # type: ignore[no-untyped-def]
    """LSTM whose gates and cell state are normalised over the units (Ba, Kiros & Hinton 2016)."""
    i = tt.sigmoid(gain_i * tt.layer_norm(wx.i + uh.i))
    f = tt.sigmoid(gain_f * tt.layer_norm(wx.f + uh.f))
    g = tt.tanh(gain_g * tt.layer_norm(wx.g + uh.g))
    o = tt.sigmoid(gain_o * tt.layer_norm(wx.o + uh.o))
    c = f * c + i * g
    return o * tt.tanh(gain_c * tt.layer_norm(c)), c


def own_cell(measuring: Measuring) -> Iterator[Figure]:
    """Race a user's cell against the loop that a user of torch writes, and against `elman`."""
    for size, bound in ((Size(32, 100, 16, 64), 20), (Size(1, 1000, 1, 16), 100)):
        problem = float32(own_leaky, *size)
        loop = _loop(problem)
        field = [
            ours(problem),
            in_torch(LOOP, problem, loop),
            in_torch(LOOP + AGAIN, problem, loop),
        ]
        faster = measuring.held(problem, field).times_as_fast(LOOP)
        yield at_least(f"a user's leaky cell against a loop in torch, {size}", bound, faster)
        seconds = measuring.ours({"a user's cell": problem, "elman": float32("elman", *size)})
        own, elman = seconds.values()
        yield at_most(f"a user's leaky cell beside elman here, {size}", 1.2, own / elman)


def _loop(problem: Problem) -> Callable[..., tuple[Tensor, tuple[Tensor, ...]]]:
    weights = problem.layer.weights(0)
    assert weights.W is not None
    assert weights.U is not None
    W, U, b, c = weights.W, weights.U, weights.b, weights.c

    def call(x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        h = state[0][0]  # [B, H]
        outputs = []
        for a in linear(x, W, b).unbind(0):
            h = h + LEAK * (torch.tanh(a + linear(h, U, c)) - h)
            outputs.append(h)
        return torch.stack(outputs), (h[None],)

    return call


def lstm_variants(measuring: Measuring) -> Iterator[Figure]:
    """Compare what is added to an LSTM with the plain one."""
    for name, variant in (("layer norm", lstm_layer_norm), ("peepholes", tt.cells.lstm_peephole)):
        for size in (Size(32, 100, 16, 64), Size(32, 100, 64, 128)):
            problem = float32(variant, *size)
            seconds = measuring.ours({name: problem, "plain": float32("lstm", *size)})
            more, plain = seconds.values()
            note = "" if _is_native(problem) else "on the reference engine"
            yield at_most(f"LSTM with {name} beside plain, {size}", 1.3, more / plain, note=note)


def _is_native(problem: Problem) -> bool:
    return tt.engine.choose(problem.recurrence).engine == "native"


def first_call(measuring: Measuring) -> Iterator[Figure]:
    """Compare the first training step of a cell, and of a shape, with the steps that follow.

    That of a cell counts its declaration: tracing it and deriving its adjoint.
    """
    measuring.tell("first calls")
    checked(float32("lstm", 2, 2, 2, 2))()  # what the process does once is not meant
    cells, shapes = [], []
    for number in range(measuring.repeats):
        cell, declared = _timed(partial(_another, 1 + number / 100))
        first, steady = _first(float32(cell, 32, 100, 16, 64))
        cells.append(declared + first - steady)
        first, steady = _first(float32("lstm", 31 + number, 90 + number, 15, 60 + number))
        shapes.append(first - steady)
    for what, seconds in (("a new cell", cells), ("a new shape", shapes)):
        median = statistics.median(seconds)
        detail = {"seconds": seconds}
        yield at_most(
            f"first call of {what}, above the others", 20e-3, median, unit="ms", detail=detail
        )


def _another(slope: float) -> Cell:
    """Declare a cell that this process has not seen."""

    @tt.cell(gates="i f g o", state="h c", constants={"slope": slope})
    def another(wx, uh, h, c, *, slope):  # type: ignore[no-untyped-def]
        i = tt.sigmoid(slope * (wx.i + uh.i))
        f = tt.sigmoid(slope * (wx.f + uh.f))
        g = tt.tanh(wx.g + uh.g)
        c = f * c + i * g
        return tt.sigmoid(wx.o + uh.o) * tt.tanh(c), c

    return another


def _first(problem: Problem) -> tuple[float, float]:
    """Give the seconds of the first training step, and the median of those that follow."""
    train = ours(problem).train
    _, first = _timed(train)
    return first, statistics.median(_timed(train)[1] for _ in range(5))


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    before = time.perf_counter()
    found = call()
    return found, time.perf_counter() - before
