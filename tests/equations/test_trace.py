"""What a cell's function may do with its scalars, and what is said when it does something else."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import throughtime as tt
from tests.equations.declaring import of_state, one_gate
from throughtime import CellError

OURS = "use throughtime's sigmoid, tanh, relu, softplus, exp, log, sqrt, abs, maximum, minimum"


def refusal(function: Callable[..., Any], declare: Callable[..., Any] = of_state) -> str:
    with pytest.raises(CellError) as caught:
        declare(function)
    assert "cell 'mine'" in str(caught.value), "the cell is not named"
    return str(caught.value)


# Python's own control flow and functions of values.


@pytest.mark.parametrize(
    "function",
    [
        lambda h: h if h > 0 else -h,
        lambda h: tt.where(h > 0 and h < 1, h, 0.0),
        lambda h: tt.where(h > 0 or h < 1, h, 0.0),
        lambda h: tt.where(not h > 0, h, 0.0),
        lambda h: tt.where(0 < h < 1, h, 0.0),
        lambda h: max(h, 0.0),
        lambda h: min(0.0, h),
        lambda h: h in (1.0, 2.0),
    ],
    ids=["if", "and", "or", "not", "chain", "max", "min", "in"],
)
def test_a_truth_asked_for_is_refused(function: Callable[[Any], Any]) -> None:
    message = refusal(function)
    assert "a Python `if`, `and`, `or`, `not`, `min`, `max`" in message
    assert "use where(condition, a, b), maximum(a, b) or minimum(a, b)" in message
    assert "the result of `" in message


def test_an_if_on_a_state_names_the_state() -> None:
    assert "on `h`" in refusal(lambda h: 1.0 if h else 0.0)
    assert "on `wx.a`" in refusal(lambda wx, uh, h: 1.0 if wx.a else h, one_gate)


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda h: math.tanh(h), "math"),
        (lambda h: float(h), "float"),
        (lambda h: int(h), "float"),
        (lambda h: [1.0, 2.0][h], "float"),
        (lambda h: torch.tanh(h), "torch's `tanh`"),
        (lambda h: torch.maximum(torch.zeros(()), h), "torch's `maximum`"),
        (lambda h: torch.ones(()) * h, "torch's `mul`"),
        (lambda h: np.tanh(h), "numpy"),
        (lambda h: np.maximum(h, 0.0), "numpy"),
    ],
    ids=["math", "float", "int", "index", "torch", "torch2", "tensor", "numpy", "numpy2"],
)
def test_functions_of_values_are_refused(function: Callable[[Any], Any], named: str) -> None:
    message = refusal(function)
    assert named in message
    assert "`h`" in message
    assert OURS in message


@pytest.mark.parametrize(
    "function", [lambda h: h[0], lambda h: sum(h), lambda h: max(*h)], ids=["[]", "sum", "*"]
)
def test_a_scalar_has_no_parts(function: Callable[[Any], Any]) -> None:
    message = refusal(function)
    assert "`h`" in message
    assert "scalars, written for one unit" in message


@pytest.mark.parametrize("kind", [np.float64, np.float32, int])
def test_numpy_numbers_are_numbers_on_either_side(kind: Callable[[int], Any]) -> None:
    two = kind(2)
    assert of_state(lambda h: h * two).step == of_state(lambda h: h * 2.0).step
    assert of_state(lambda h: two * h).step == of_state(lambda h: 2.0 * h).step


# Arguments of operations.


@pytest.mark.parametrize(
    ("function", "place", "operation", "shown"),
    [
        (lambda h: h + "1", 2, "add", "str '1'"),
        (lambda h: None * h, 1, "multiply", "NoneType None"),
        (lambda h: h - True, 2, "subtract", "bool True"),
        (lambda h: h / [1.0], 2, "divide", "list [1.0]"),
        (lambda h: h**1j, 2, "power", "complex 1j"),
        (lambda h: h * torch.ones(()), 2, "multiply", "Tensor"),
        (lambda h: tt.maximum(h, None), 2, "maximum", "NoneType None"),
        (lambda h: tt.where(h > 0, True, h), 2, "where", "bool True"),
        (lambda h: tt.where(h > 0, h, "0"), 3, "where", "str '0'"),
    ],
)
def test_an_argument_that_is_no_scalar_is_refused(
    function: Callable[[Any], Any], place: int, operation: str, shown: str
) -> None:
    message = refusal(function)
    assert f"argument {place} of {operation} is {shown}" in message
    assert "allowed is a number or a scalar of the cell" in message


@pytest.mark.parametrize(
    "function",
    [lambda h: (h > 0) * h, lambda h: tt.tanh(h > 0), lambda h: (h > 0) > 0, lambda h: -(h > 0)],
    ids=["multiply", "tanh", "greater", "negate"],
)
def test_a_comparison_is_no_number(function: Callable[[Any], Any]) -> None:
    message = refusal(function)
    assert "argument 1 is the result of `greater`, a comparison" in message
    assert "where(condition, 1.0, 0.0)" in message


@pytest.mark.parametrize(
    ("condition", "shown"),
    [(lambda h: h, "`h`"), (lambda h: tt.tanh(h), "the result of `tanh`")],
)
def test_where_without_a_comparison_is_refused(condition: Callable[[Any], Any], shown: str) -> None:
    message = refusal(lambda h: tt.where(condition(h), h, 0.0))
    assert f"where takes a comparison first, got {shown}" in message
    assert "where(x > 0, a, b)" in message


@pytest.mark.parametrize("condition", [1.0, None, "h"])
def test_where_on_something_else_is_refused(condition: Any) -> None:
    with pytest.raises(CellError, match=r"where takes a comparison first, got .*; write"):
        of_state(lambda h: tt.where(condition, h, 0.0))


def test_where_on_a_truth_picks_a_branch() -> None:
    assert of_state(lambda h: tt.where(True, h, 0.0)).step.results == (0,)
    assert of_state(lambda h: tt.where(2.0 < 1.0, 0.0, h)).step.results == (0,)


def test_numbers_in_functions_are_computed_at_once() -> None:
    assert tt.tanh(0.5) == pytest.approx(math.tanh(0.5), rel=1e-15)
    assert tt.maximum(1, 2) == 2.0
    assert tt.abs(-3) == 3.0
    assert tt.softplus(1000.0) == 1000.0
    assert tt.sigmoid(-1000.0) == 0.0


@pytest.mark.parametrize("value", [None, "1", torch.ones(2), True])
def test_functions_of_something_else_are_refused(value: Any) -> None:
    with pytest.raises(CellError, match=r"argument 1 of tanh is .*; allowed is a scalar"):
        tt.tanh(value)


# Gates.


def test_an_unknown_gate_is_refused_with_the_known_ones() -> None:
    def mine(wx, uh, h):
        return wx.r + uh.q

    with pytest.raises(CellError, match=r"cell 'mine': uh\.q is no declared gate; gates are r, z"):
        tt.cell(gates="r z", state="h")(mine)


@pytest.mark.parametrize(
    "function",
    [
        lambda wx, uh, h: wx + uh,
        lambda wx, uh, h: wx * h,
        lambda wx, uh, h: 2.0 * wx,
        lambda wx, uh, h: -wx,
        lambda wx, uh, h: wx[0],
        lambda wx, uh, h: sum(wx),
        lambda wx, uh, h: h if wx else -h,
        lambda wx, uh, h: h + wx,
        lambda wx, uh, h: tt.sigmoid(wx),
        lambda wx, uh, h: tt.maximum(h, wx),
        lambda wx, uh, h: tt.where(wx > 0, h, 0.0),
        lambda wx, uh, h: tt.where(h > wx, h, 0.0),
        lambda wx, uh, h: wx,
    ],
    ids=lambda function: "",
)
def test_gates_used_without_naming_one_are_refused(function: Callable[..., Any]) -> None:
    message = refusal(function, one_gate)
    assert "wx.a" in message, "the mend is not shown"


# What the function returns.


def test_a_wrong_number_of_states_is_refused() -> None:
    def mine(wx, uh, h, c):
        return h

    with pytest.raises(
        CellError, match=r"cell 'mine': returns 1 state\(s\), declared are 2: h, c; return"
    ):
        tt.cell(gates="a", state="h c")(mine)
    assert "returns 2 state(s), declared are 1: h" in refusal(lambda h: (h, h))


@pytest.mark.parametrize("value", [None, "h", True, torch.zeros(()), ()])
def test_a_state_that_is_no_scalar_is_refused(value: Any) -> None:
    message = refusal(lambda h: (value,))
    assert f"the new value of state 'h' is {value!r}" in message
    assert "a scalar computed from the function's arguments" in message


def test_a_comparison_is_no_state() -> None:
    assert "state 'h' is the result of `greater`" in refusal(lambda h: h > 0)


def test_a_state_may_be_a_number_or_an_argument() -> None:
    assert str(of_state(lambda h: 1).step) == "next.h = 1"
    assert str(of_state(lambda h: h).step) == "next.h = h"
    assert str(of_state(lambda h: [h]).step) == "next.h = h"


# Scalars of another cell.


def test_scalars_of_another_cell_are_refused() -> None:
    leaked = []
    of_state(lambda h: leaked.append(h) or h, name="first")
    message = refusal(lambda h: h + leaked[0])
    assert "add mixes a scalar of cell 'first'" in message
    assert "only its own arguments" in message
    assert "scalar computed from the function's arguments" in refusal(lambda h: leaked[0])
    message = refusal(lambda h: tt.where(leaked[0] > 0, h, 0.0))
    assert "where mixes a scalar of cell" in message
    assert "'first'" in message


# Constants that are not finite.


@pytest.mark.parametrize(
    "function",
    [
        lambda h: tt.where(h > 0, 1.0, 1.0) / 0.0,
        lambda h: tt.exp(tt.where(h > 0, 1000.0, 1000.0)),
        lambda h: h * tt.log(0.0),
        lambda h: h * math.inf,
        lambda h: tt.maximum(h, math.nan),
        lambda h: math.nan,
    ],
    ids=["divide", "exp", "log", "inf", "nan", "state"],
)
def test_constants_that_are_not_finite_are_refused(function: Callable[[Any], Any]) -> None:
    message = refusal(function)
    assert "inf" in message or "nan" in message or "by the constant 0" in message
