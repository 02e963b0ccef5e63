"""The native engine's functions against double precision, and on what is no ordinary number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

import throughtime as tt
from tests.engine.test_native import SETS, each_set
from throughtime.engine import Recurrence, Weights
from throughtime.engine.native import native
from throughtime.equations import Cell
from throughtime.equations.operations import operations

__all__ = ["each_set"]  # a fixture

pytestmark = pytest.mark.skipif(not SETS, reason="the native module is not built")

Function = Callable[[Tensor], Tensor]
INFINITY, NAN = math.inf, math.nan


def _cell(function: Callable[..., object]) -> Cell:
    def applied(wx, uh, h):  # type: ignore[no-untyped-def]
        return function(wx.a)

    return tt.cell(gates="a", state="h")(applied)


CELLS = {
    name: _cell(getattr(tt, name))
    for name in ("exp", "log", "sqrt", "softplus", "sigmoid", "tanh", "relu", "abs")
}
CELLS["power"] = _cell(lambda x: x**2.5)
CELLS["root"] = _cell(lambda x: x**0.5)
CELLS["cube"] = _cell(lambda x: x**3.0)
TRUTH: dict[str, Function] = {name: operations[name].evaluate for name in CELLS.keys() & operations}
TRUTH["power"] = lambda x: torch.pow(x, 2.5)
TRUTH["root"] = torch.sqrt
TRUTH["cube"] = lambda x: torch.pow(x, 3.0)


def applied(name: str, points: Tensor) -> Tensor:
    """The function at many points, by way of a layer of one unit whose weight is 1."""
    one = points.new_ones(1, 1)
    weights = Weights(W=one, U=one * 0, b=None, c=None)
    state = (points.new_zeros(len(points), 1),)
    return native.run(Recurrence(CELLS[name], points[None, :, None], state, weights))[0].flatten()


def spread(low: float, high: float, dtype: torch.dtype) -> Tensor:
    """Points evenly apart, and points whose logarithms are, near zero and beyond."""
    even = torch.linspace(low, high, 40_000, dtype=torch.float64)
    tiny = torch.logspace(-30, 2, 20_000, dtype=torch.float64)
    points = torch.cat([even, tiny, -tiny])
    return points[(points >= low) & (points <= high)].to(dtype)


# Where results are ordinary numbers, and how far off they may be relatively.
RANGES = {
    "exp": (-87.0, 88.6),
    "softplus": (-87.0, 300.0),
    "sigmoid": (-86.9, 300.0),
    "log": (0.0, 1e30),
    "sqrt": (0.0, 1e30),
    "root": (0.0, 1e30),
    "power": (0.0, 1e12),
    "cube": (-1e10, 1e10),
}
BOUNDS = {torch.float32: 3e-7, torch.float64: 1e-15}


@pytest.mark.parametrize("dtype", BOUNDS, ids=str)
@pytest.mark.parametrize("name", RANGES)
def test_relative_errors(name: str, dtype: torch.dtype, each_set: str) -> None:
    points = spread(*RANGES[name], dtype)
    points = points[points.abs() > 1e-30]
    if name in ("cube", "power"):  # their results shall be no smaller than ordinary numbers either
        points = points[points.abs() > 1e-10]
    _compare(name, points, BOUNDS[dtype])


@pytest.mark.parametrize("name", ["exp", "log", "softplus", "sigmoid"])
def test_relative_errors_over_the_range_of_double_precision(name: str, each_set: str) -> None:
    ranges = {"exp": (-708.0, 709.6), "softplus": (-708.0, 1e4), "sigmoid": (-707.9, 1e4)}
    low, high = ranges.get(name, (0.0, 1.0))
    points = spread(low, high, torch.float64)
    if name == "log":
        points = torch.logspace(-307, 308, 60_000, dtype=torch.float64)
    _compare(name, points, 1e-15)


def _compare(name: str, points: Tensor, bound: float) -> None:
    expected = TRUTH[name](points.double())
    error = (applied(name, points).double() - expected).abs()
    ordinary = expected.abs() > torch.finfo(points.dtype).tiny
    worst = int((error / expected.abs()).where(ordinary, error).argmax())
    assert float(error[worst]) <= bound * float(expected[worst].abs()), float(points[worst])


def test_near_one_the_logarithm_is_as_exact_as_elsewhere(each_set: str) -> None:
    for dtype, bound in BOUNDS.items():
        step = torch.finfo(dtype).eps
        points = 1 + step * torch.arange(-5000, 5001, dtype=dtype)
        _compare("log", points, bound)
        _compare("log", torch.linspace(0.5, 2.0, 50_001, dtype=dtype), bound)


def test_the_hyperbolic_tangent(each_set: str) -> None:
    points = spread(-100.0, 100.0, torch.float32)
    expected = torch.tanh(points.double())
    error = ((applied("tanh", points).double() - expected).abs() / expected.abs()).nan_to_num(0.0)
    assert float(error[points.abs() < 1].max()) < 1.4e-7
    assert float(error.max()) < 3.4e-7
    points = points.double()
    assert float((applied("tanh", points) - torch.tanh(points)).abs().max()) < 4e-16
    assert applied("tanh", torch.tensor([-50.0, 50.0])).tolist() == [-1.0, 1.0]


def _edges() -> Iterator[tuple[str, float, float]]:
    yield from (("exp", INFINITY, INFINITY), ("exp", -INFINITY, 0.0), ("exp", 0.0, 1.0))
    yield from (("exp", 1000.0, INFINITY), ("exp", -1000.0, 0.0))
    yield from (("log", 0.0, -INFINITY), ("log", -0.0, -INFINITY), ("log", 1.0, 0.0))
    yield from (("log", -1.0, NAN), ("log", -INFINITY, NAN), ("log", INFINITY, INFINITY))
    yield ("log", -1e-30, NAN)
    yield from (("softplus", INFINITY, INFINITY), ("softplus", -INFINITY, 0.0))
    yield from (("softplus", 0.0, math.log(2.0)), ("softplus", -1000.0, 0.0))
    yield ("softplus", 1000.0, 1000.0)
    yield from (("sigmoid", 0.0, 0.5), ("sigmoid", INFINITY, 1.0), ("sigmoid", 200.0, 1.0))
    yield from (("tanh", 0.0, 0.0), ("tanh", INFINITY, 1.0), ("tanh", -INFINITY, -1.0))
    yield from (("sqrt", 0.0, 0.0), ("sqrt", -1.0, NAN), ("sqrt", INFINITY, INFINITY))
    yield from (("root", 4.0, 2.0), ("cube", -2.0, -8.0), ("power", -1.0, NAN))
    yield from (("power", 0.0, 0.0), ("power", INFINITY, INFINITY), ("power", 1.0, 1.0))
    yield from ((name, NAN, NAN) for name in CELLS)


@pytest.mark.parametrize("dtype", BOUNDS, ids=str)
def test_the_edges(dtype: torch.dtype, each_set: str) -> None:
    for name, given, expected in _edges():
        # In every lane: among others, and in vectors that are not full.
        points = torch.full((7,), 0.5, dtype=dtype)
        points[3] = given
        found = applied(name, points)
        wanted = points.new_tensor(expected)
        torch.testing.assert_close(found[3], wanted, rtol=1e-6, atol=0, equal_nan=True, msg=name)
        torch.testing.assert_close(found[0], TRUTH[name](points)[0])


def test_what_is_below_ordinary_numbers_counts_as_zero(each_set: str) -> None:
    for dtype in BOUNDS:
        tiny = torch.tensor([torch.finfo(dtype).tiny / 8], dtype=dtype)
        assert applied("log", tiny).item() == -INFINITY
        assert applied("softplus", -100 * BELOW[dtype]).item() == 0.0
        assert 0.0 <= applied("sigmoid", -100 * BELOW[dtype]).item() < 1e-37


BELOW = {
    torch.float32: torch.ones(1),
    torch.float64: 10 * torch.ones(1, dtype=torch.float64),
}
