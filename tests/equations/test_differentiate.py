"""Derivatives of programs: against autograd on random equations, and at the kinks as torch does."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import throughtime as tt
from tests.contracts.closeness import assert_close
from tests.equations.declaring import of_state, one_gate
from throughtime import Cell, CellError
from throughtime.equations import Instruction, Program, differentiate, evaluate
from throughtime.equations.differentiate import rules
from throughtime.equations.operations import operations


def test_every_operation_but_the_comparisons_has_a_rule() -> None:
    assert rules.keys() == {name for name, o in operations.items() if not o.truth}


def derivative(
    cell: Cell, values: dict[str, Tensor], cotangents: dict[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Give the new states, and the gradient by each input of the step."""
    forward = evaluate(cell.adjoint.forward, values)
    seeds = {f"d.next.{state}": c for state, c in cotangents.items()}
    backward = evaluate(cell.adjoint.backward, values | forward | seeds)
    return forward, {name.removeprefix("d."): value for name, value in backward.items()}


# Random equations: nested forms, read once with our functions while tracing, once with torch's.
# Each form keeps its functions where they are finite and, but for kinks, smooth.

forms = {
    "sum": "x + y",
    "difference": "x - y",
    "product": "x * y",
    "quotient": "x / (abs(y) + 0.5)",
    "complement": "1.0 - x",
    "opposite": "-x",
    "sigmoid": "sigmoid(x)",
    "tanh": "tanh(x)",
    "relu": "relu(x)",
    "softplus": "softplus(x)",
    "abs": "abs(x)",
    "exp": "exp(tanh(x))",
    "log": "log(softplus(x) + 0.1)",
    "sqrt": "sqrt(softplus(x) + 0.1)",
    "power": "(softplus(x) + 0.1) ** tanh(y)",
    "power of a number": "2.0 ** tanh(x)",
    "square": "tanh(x) ** 2.0",
    "cube": "tanh(x) ** 3",
    "root": "(abs(x) + 0.1) ** 0.5",
    "inverse": "(abs(x) + 0.5) ** -1.0",
    "maximum": "maximum(x, y)",
    "minimum": "minimum(x, y)",
    "clipped": "minimum(maximum(x, -0.5), 0.5)",
    "less": "where(x < y, z, tanh(x))",
    "less or equal": "where(x <= y, z, x * 0.5)",
    "greater": "where(x > y, z, x)",
    "greater or equal": "where(x >= y, z, y)",
    "equal": "where(x == y, z, y)",
    "not equal": "where(x != y, z, y)",
}
functions = [
    "abs",
    "exp",
    "log",
    "maximum",
    "minimum",
    "relu",
    "sigmoid",
    "softplus",
    "sqrt",
    "tanh",
    "where",
]
ours = {name: getattr(tt, name) for name in functions}
theirs = {name: getattr(torch, name) for name in functions if name != "softplus"}
theirs["softplus"] = lambda x: torch.logaddexp(x, torch.zeros_like(x))  # torch's jumps at 20
theirs["maximum"] = lambda x, y: torch.maximum(x, torch.as_tensor(y, dtype=x.dtype))
theirs["minimum"] = lambda x, y: torch.minimum(x, torch.as_tensor(y, dtype=x.dtype))

arguments = ("wx.a", "uh.a", "wx.b", "h", "c", "p")
Tree = Any  # the name of an argument, a number, or a form with a tree each for x, y and z
leaves = st.sampled_from(arguments) | st.floats(-2, 2).map(lambda value: round(value, 2))
trees = st.recursive(
    leaves, lambda inner: st.tuples(st.sampled_from(sorted(forms)), inner, inner, inner)
)


def value_of(tree: Tree, values: dict[str, Any], language: dict[str, Any]) -> Any:
    if isinstance(tree, str):
        return values[tree]
    if isinstance(tree, float):
        return language.get("number", float)(tree)
    form, *inner = tree
    x, y, z = (value_of(part, values, language) for part in inner)
    return eval(forms[form], {}, language | {"x": x, "y": y, "z": z})


def check_equations(next_h: Tree, next_c: Tree, seed: int = 0) -> None:
    @tt.cell(gates="a b", state="h c", units="p")
    def mine(wx, uh, h, c, *, p):
        values = {"wx.a": wx.a, "uh.a": uh.a, "wx.b": wx.b, "h": h, "c": c, "p": p}
        return tuple(value_of(tree, values, ours) for tree in (next_h, next_c))

    generator = torch.Generator().manual_seed(seed)
    values = {
        name: torch.randn(3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
        for name in arguments
    }
    language = theirs | {"number": lambda value: torch.tensor(value, dtype=torch.float64)}
    expected = {
        state: value_of(tree, values, language).expand(3, 4)
        for state, tree in (("h", next_h), ("c", next_c))
    }
    cotangents = {s: torch.randn(3, 4, generator=generator, dtype=torch.float64) for s in "hc"}
    error = sum((expected[s] * cotangents[s]).sum() for s in "hc")
    gradients: dict[str, Tensor | None] = dict.fromkeys(arguments)
    if error.requires_grad:
        found = torch.autograd.grad(error, list(values.values()), allow_unused=True)
        gradients = dict(zip(arguments, found, strict=True))

    detached = {name: value.detach() for name, value in values.items()}
    states, derived = derivative(mine, detached, cotangents)
    for state in "hc":
        assert_close(states[f"next.{state}"].expand(3, 4), expected[state], state, 1e-12)
    for name, gradient in gradients.items():
        mine_too = derived.get(name)
        assert_close(None if mine_too is None else mine_too.expand(3, 4), gradient, name)


@settings(max_examples=200)
@given(trees, trees, st.integers(0, 1000))
def test_random_equations_agree_with_autograd(next_h: Tree, next_c: Tree, seed: int) -> None:
    check_equations(next_h, next_c, seed)


@pytest.mark.parametrize("form", forms)
def test_each_function_agrees_with_autograd(form: str) -> None:
    check_equations((form, "wx.a", "uh.a", "h"), (form, "c", "p", "p"))
    check_equations((form, "wx.a", 0.5, "h"), (form, -0.5, "p", 1.0))
    check_equations((form, "h", "h", "h"), (form, (form, "c", "h", "p"), "wx.b", "h"))


def test_a_rule_that_is_wrong_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rules, "tanh", lambda d, y, x: (d * (1.0 + y * y),))
    with pytest.raises(AssertionError, match="off by"):
        check_equations(("tanh", "wx.a", "h", "h"), "c")


# Kinks and edges follow torch.


def of_numbers(cell: Cell, **values: float) -> dict[str, float]:
    """Give the derivative of the new state by each input, all being numbers."""
    tensors = {n.replace("_", "."): torch.tensor(v).double() for n, v in values.items()}
    _, found = derivative(cell, tensors, {"h": torch.tensor(1.0).double()})
    return {name: float(value) for name, value in found.items()}


@pytest.mark.parametrize("at", [-1.0, -0.0, 0.0, 1.0])
@pytest.mark.parametrize(
    ("ours_", "theirs_"),
    [
        (tt.relu, torch.relu),
        (tt.abs, torch.abs),
        (abs, torch.abs),
        (lambda h: tt.maximum(h, 0.0), lambda h: torch.maximum(h, torch.zeros_like(h))),
        (lambda h: tt.minimum(h, 0.0), lambda h: torch.minimum(h, torch.zeros_like(h))),
        (lambda h: tt.maximum(0.0, h), lambda h: torch.maximum(torch.zeros_like(h), h)),
        (lambda h: tt.minimum(0.0, h), lambda h: torch.minimum(torch.zeros_like(h), h)),
        (lambda h: tt.maximum(h, h), lambda h: torch.maximum(h, h)),
        (lambda h: tt.minimum(h, h), lambda h: torch.minimum(h, h)),
        (lambda h: tt.where(h > 0, 2 * h, h), lambda h: torch.where(h > 0, 2 * h, h)),
        (lambda h: h**0.0, lambda h: h**0.0),
        (lambda h: h**3, lambda h: h**3),
        (lambda h: h**-1, lambda h: h**-1),
        (lambda h: 2.0**h, lambda h: 2.0**h),
    ],
    ids=[
        "relu", "abs", "abs()", "maximum", "minimum", "maximum of 0", "minimum of 0",
        "maximum of itself", "minimum of itself", "where", "power 0", "power 3", "power -1",
        "2 to the",
    ],
)  # fmt: skip
def test_kinks_follow_torch(ours_: Any, theirs_: Any, at: float) -> None:
    h = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(theirs_(h), h)
    found = of_numbers(of_state(ours_), h=at).get("h", 0.0)  # an input not used has no adjoint
    assert found == pytest.approx(float(expected), nan_ok=True)


@pytest.mark.parametrize("function", ["maximum", "minimum"])
@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (0.0, -0.0), (1.0, 2.0), (2.0, 1.0)])
def test_ties_are_shared_as_in_torch(function: str, a: float, b: float) -> None:
    cell = one_gate(lambda wx, uh, h: getattr(tt, function)(wx.a, h))
    first, second = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (a, b))
    expected = torch.autograd.grad(getattr(torch, function)(first, second), [first, second])
    found = of_numbers(cell, wx_a=a, h=b)
    assert found == {"wx.a": float(expected[0]), "h": float(expected[1])}


@pytest.mark.parametrize("a", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("b", [-1.0, 0.0, 1.0, 2.5])
def test_powers_at_the_edge_follow_torch(a: float, b: float) -> None:
    cell = one_gate(lambda wx, uh, h: wx.a**h)
    base, power = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (a, b))
    expected = torch.autograd.grad(base**power, [base, power])
    found = of_numbers(cell, wx_a=a, h=b)
    for name, gradient in zip(("wx.a", "h"), expected, strict=True):
        assert found[name] == pytest.approx(float(gradient), rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("at", [-800.0, -30.0, 30.0, 800.0])
@pytest.mark.parametrize("function", ["sigmoid", "tanh", "softplus"])
def test_saturated_functions_stay_finite(function: str, at: float) -> None:
    slope = of_numbers(of_state(getattr(tt, function)), h=at)["h"]
    high = function == "softplus" and at > 0
    assert slope == pytest.approx(1.0 if high else 0.0, abs=1e-12)


def test_a_derivative_that_does_not_exist_is_refused_with_the_cells_name() -> None:
    with pytest.raises(CellError, match="cell 'mine'"):
        of_state(lambda h: (-2.0) ** h).adjoint  # noqa: B018  # computed when asked for


def test_what_is_constant_is_folded_in_the_adjoint_too() -> None:
    backward = of_state(lambda h: 2.0**h).adjoint.backward
    assert [i.operation for i in backward.instructions] == ["multiply", "multiply"]


def test_an_operation_without_a_rule_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(rules, "tanh")
    with pytest.raises(CellError, match="tanh has no derivative rule"):
        differentiate(Program(("h",), (), (Instruction("tanh", (0,)),), ("next.h",), (1,)))


def test_a_state_that_passes_through_has_derivative_one() -> None:
    assert of_numbers(of_state(lambda h: h), h=3.0) == {"h": 1.0}


def test_a_state_returned_twice_adds_up() -> None:
    @tt.cell(gates="a", state="h c")
    def mine(wx, uh, h, c):
        return wx.a, wx.a

    one = torch.ones((), dtype=torch.float64)
    _, found = derivative(mine, {"wx.a": one}, {"h": 2 * one, "c": 3 * one})
    assert float(found["wx.a"]) == 5.0
