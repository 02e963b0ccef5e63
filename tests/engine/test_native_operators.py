"""The operators of the native engine: what torch checks of operators, and what ours promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses import FakeTensorMode
from torch.library import opcheck
from torch.utils._python_dispatch import TorchDispatchMode

import throughtime as tt
from tests.engine.test_native import distance, everything, recurrence
from throughtime.engine.native import native
from throughtime.engine.native_call import most_elements
from throughtime.engine.native_module import instruction_set, module
from throughtime.engine.native_operators import recurrence_operator
from throughtime.engine.native_plan import native_plan
from throughtime.engine.recurrence import Recurrence
from throughtime.engine.reference import flat, reference

pytestmark = pytest.mark.skipif(module is None, reason="the native module is not built")

operators = torch.ops.throughtime


@tt.cell(gates="a b", state="h s", units="p", constants={"k": 0.3})
def own(wx, uh, h, s, *, p, k):
    n = tt.tanh(wx.a + p * uh.a)
    s = s + k * tt.sigmoid(wx.b) * (n - s)
    return s * n, s


def arguments(given: Recurrence) -> tuple[Any, ...]:
    weights = given.weights
    matrices = (weights.W, weights.U, weights.b, weights.c)
    state, units = list(given.state), list(weights.units)
    return (
        given.cell.key,
        given.x,
        *matrices,
        state,
        units,
        given.lengths,
        given.reverse,
        given.states_only,
    )


def without_biases(given: Recurrence) -> Recurrence:
    layer = tt.nn.Recurrent(given.cell, 3, given.H, bias=False, dtype=given.x.dtype)
    return Recurrence(given.cell, given.x, given.state, layer.weights(0))


class Seen(TorchDispatchMode):
    """Notes the names of our operators that are run inside."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func.namespace == "throughtime":
            self.names.append(func._opname)
        return func(*args, **kwargs or {})


class ByOperators:
    """An engine for `everything` that runs the operators."""

    @staticmethod
    def run(given: Recurrence) -> tuple[Tensor, tuple[Tensor, ...]]:
        return recurrence_operator(given)


small: dict[str, Any] = {"T": 3, "B": 2, "H": 5}


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: recurrence("gru", **small), id="gru, lengths"),
        pytest.param(lambda: recurrence("lstm", **small, ragged=False, reverse=True), id="reverse"),
        pytest.param(
            lambda: replace(recurrence("gru", **small), states_only=True),
            id="states only",
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            lambda: recurrence("lstm_peephole", **small, dtype=torch.float32),
            id="float",
            marks=pytest.mark.thorough,
        ),
        pytest.param(lambda: recurrence(own, **small), id="a user's, units"),
        pytest.param(
            lambda: without_biases(recurrence("elman", **small)),
            id="no biases",
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            lambda: recurrence("independent", **small), id="no U", marks=pytest.mark.thorough
        ),
    ],
)
def test_what_torch_checks_of_operators(make: Callable[[], Recurrence]) -> None:
    given = make()
    opcheck(operators.recurrence, arguments(given))
    detached = [t if t is None else t.detach() for t in flat(given)]
    x, W, U, b, c, _, *others = detached
    states = len(given.state)
    state, units = others[:states], others[states:]
    plain = (
        given.cell.key,
        x,
        W,
        U,
        b,
        c,
        state,
        units,
        given.lengths,
        given.reverse,
        given.states_only,
    )
    opcheck(operators.recurrence, plain)
    # The tape's padding holds what was in memory before, so that its numbers cannot be compared.
    bare = ("test_schema", "test_autograd_registration", "test_faketensor")
    opcheck(operators.recurrence_with_tape, plain, test_utils=bare)
    outputs, *rest = operators.recurrence_with_tape(*plain)
    tape, *copies = rest[states:]
    gradients = [torch.ones_like(outputs), *(torch.ones_like(s) for s in rest[:states])]
    needed = [t is not None for t in detached]
    for asked in (needed, [False, *needed[1:]], [True] + [False] * len(needed[1:])):
        backward = (
            given.cell.key,
            x,
            state,
            copies,
            given.lengths,
            given.reverse,
            given.states_only,
        )
        opcheck(operators.recurrence_backward, (*backward, tape, gradients, asked))


def test_the_check_notices_an_operator_without_derivative() -> None:
    given = arguments(recurrence(**small))
    with torch.library._scoped_library("throughtime", "FRAGMENT") as library:
        library.define("recurrence_wrong(str cell, Tensor x) -> Tensor")
        library.impl("recurrence_wrong", lambda cell, x: x.sum().sqrt(), "CPU")
        with pytest.raises(torch.testing._internal.optests.OpCheckError):
            opcheck(operators.recurrence_wrong, given[:2])


@pytest.mark.parametrize("cell", [*tt.cells.registry, own])
def test_they_give_what_direct_calls_give(cell: Any) -> None:
    for dtype in (torch.float32, torch.float64):
        given = recurrence(cell, T=5, B=9, dtype=dtype, reverse=True)
        found = everything(ByOperators, given)
        assert all(map(torch.equal, found, everything(native, given)))


def test_whoever_looks_on_sees_one_operator_a_pass() -> None:
    given = recurrence()
    expected = everything(native, given)
    with Seen() as seen:
        found = everything(native, given)
    assert seen.names == ["recurrence_with_tape", "recurrence_backward"]
    assert all(map(torch.equal, found, expected))
    with torch.no_grad(), Seen() as seen:
        native.run(given)
    assert seen.names == ["recurrence"]
    with Seen() as seen:
        reference.run(given)
    assert seen.names == []  # single operations of torch's


def test_fake_tensors_give_shapes() -> None:
    layer = tt.nn.Recurrent("lstm", 3, 5, num_layers=2)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        y, (h, c) = layer(torch.zeros(7, 4, 3))
        assert y.fake_mode is mode
        (y.sum() + c.sum()).backward()
    assert (y.shape, h.shape, c.shape) == ((7, 4, 5), (2, 4, 5), (2, 4, 5))
    with FakeTensorMode() as mode:
        x = torch.zeros(7, 4, 3)
        fake = tt.nn.Recurrent("lstm", 3, 5)
    assert fake(x)[0].shape == (7, 4, 5)  # outside of the mode


def test_the_derivative_is_that_of_the_weights_that_were_used() -> None:
    given = recurrence("lstm_peephole")
    tensors = [t for t in (given.weights.W, given.weights.U, *given.weights.units) if t is not None]
    y, _ = recurrence_operator(given)
    expected = torch.autograd.grad(y.sum(), [given.x, *tensors], retain_graph=True)
    with torch.no_grad():
        for tensor in tensors:
            tensor.mul_(3.0)
    found = torch.autograd.grad(y.sum(), [given.x, *tensors], retain_graph=True)
    assert all(map(torch.equal, found, expected))
    with pytest.raises(RuntimeError, match="a weight that a second derivative needs"):
        torch.autograd.grad(y.sum(), [given.x], create_graph=True)


@pytest.mark.parametrize("engine", [native, ByOperators])
def test_a_second_derivative(engine: Any) -> None:
    results = []
    for one in (engine, reference):
        given = recurrence(own, T=4, B=2, H=3, ragged=False)
        y, _ = one.run(given)
        (first,) = torch.autograd.grad(y.square().sum(), [given.x], create_graph=True)
        results.append(torch.autograd.grad(first.square().sum(), [given.x, given.weights.U]))
    assert distance(list(results[0]), list(results[1])) < 1e-11


def test_the_passes_themselves_say_that_they_have_no_derivative() -> None:
    outputs, *_ = operators.recurrence_with_tape(*arguments(recurrence()))
    with pytest.raises(RuntimeError, match="differentiate that one"):
        outputs.sum().backward()


SIZES = [
    (T, B, *widths) for T in (1, 9) for B in (1, 7, 33, 95, 640) for widths in ((1, 1), (40, 400))
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_tape_is_never_larger_than_what_a_graph_foresees(dtype: str) -> None:
    size = getattr(module, f"tape_elements_{dtype}")
    tight = 0
    for cell in tt.cells.registry.values():
        plan = native_plan(module, cell).training
        for name in module.instruction_sets():
            for T, B, I, H in SIZES:  # noqa: E741
                x = torch.empty(T, B, I, dtype=getattr(torch, dtype), device="meta")
                state = tuple(x.new_empty(B, H) for _ in cell.states)
                given = Recurrence(cell, x, state, tt.engine.Weights(None, None))
                for alone in (False, True):
                    needed = size(name, plan, [T, B, I, H], alone)
                    most = most_elements(replace(given, states_only=alone))
                    assert needed <= most, (cell.name, name, T, B, I, H, alone)
                    tight += needed > 0.8 * most
    assert tight  # a bound that nothing comes near would notice nothing


def test_a_tape_that_is_too_small_is_refused() -> None:
    plan = native_plan(module, tt.cells.gru).training
    with pytest.raises(ValueError, match="a tape of 10 elements for a call that needs"):
        module.tape_float32(instruction_set(), plan, [3, 4, 5, 6], False, 10, True)


def test_tapes_are_given_back() -> None:
    module.release_workspaces()
    given = recurrence(T=30, B=40, H=64)
    y, _ = native.run(given)
    waiting = module.kept_bytes()
    y.sum().backward()
    assert module.kept_bytes() > waiting  # although y, and its graph, are still there
    module.release_workspaces()


def changed(place: int, value: Any) -> tuple[Any, ...]:
    given = [*arguments(recurrence(**small, ragged=False))]
    given[place] = value
    return tuple(given)


@pytest.mark.parametrize(
    ("place", "value", "error", "message"),
    [
        (0, "nowhere:none", tt.equations.CellError, "no cell 'none' of module 'nowhere'"),
        (1, torch.zeros(3, 2, 4), ValueError, r"W must be \[15, 4\], torch.float32; got"),
        (3, None, ValueError, r"U must be \[15, 5\], torch.float64; got None"),
        (8, torch.tensor([3, 4]), ValueError, r"between 0 and the 3 steps.*\[3, 4\]"),
        (8, torch.tensor([3]), ValueError, "lengths must be 2 contiguous int64"),
    ],
)
def test_what_does_not_fit_is_refused(
    place: int, value: Any, error: type[Exception], message: str
) -> None:
    with torch.no_grad(), pytest.raises(error, match=message):
        operators.recurrence(*changed(place, value))


def test_a_tape_may_have_been_moved_and_must_be_whole() -> None:
    cell, x, _, _, _, _, *form = given = arguments(recurrence("lstm"))
    with torch.no_grad():
        outputs, h, c, tape, *_ = operators.recurrence_with_tape(*given)
    seeds = [torch.ones_like(t) for t in (outputs, h, c)]
    before, after = (cell, x, *form), (seeds, [True] + [False] * 7)
    with torch.no_grad():
        (expected,) = operators.recurrence_backward(*before, tape, *after)
        moved = torch.cat([tape.new_zeros(1), tape])[1:]
        assert moved.data_ptr() % 64
        (found,) = operators.recurrence_backward(*before, moved, *after)
        assert torch.equal(found, expected)
        with pytest.raises(ValueError, match=r"the tape must have \d+ elements.* got \[9\]"):
            operators.recurrence_backward(*before, tape[:9], *after)
        with pytest.raises(ValueError, match="gradients must be"):
            operators.recurrence_backward(*before, tape, seeds[:2], after[1])
