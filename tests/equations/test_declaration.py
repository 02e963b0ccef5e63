"""What a declaration may hold, and what is said of one that is at fault."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import throughtime as tt
from throughtime import CellError, cells


def test_a_cell_knows_what_was_declared() -> None:
    cell = cells.lstm_peephole
    assert cell.name == "lstm_peephole"
    assert cell.gates == ("i", "f", "g", "o")
    assert cell.states == ("h", "c")
    assert cell.units == ("p_i", "p_f", "p_o")
    assert cell.input_gates == cell.recurrent_gates == cell.gates
    assert "peepholes" in (cell.__doc__ or "")


def test_names_may_be_separated_by_commas() -> None:
    @tt.cell(gates="a, b", state="h,c")
    def mine(wx, uh, h, c):
        return wx.a + uh.b + c, h

    assert mine.gates == ("a", "b")
    assert mine.states == ("h", "c")


def test_gates_are_counted_as_far_as_used() -> None:
    @tt.cell(gates="a b", state="h")
    def mine(wx, uh, h):
        return wx.b + uh.a

    assert mine.input_gates == ("b",)
    assert mine.recurrent_gates == ("a",)
    assert mine.step.inputs == ("wx.b", "uh.a")


@pytest.mark.parametrize(
    ("declared", "parts"),
    [
        ({"gates": ""}, ["gates names nothing"]),
        ({"state": " "}, ["state names nothing"]),
        ({"gates": "a a"}, ["gate is declared twice", "a a"]),
        ({"gates": "1a"}, ["'1a' cannot be the name"]),
        ({"gates": "for"}, ["'for' cannot be the name"]),
        ({"gates": "__a"}, ["'__a' cannot be the name"]),
        ({"state": "h h"}, ["h is declared twice"]),
        ({"state": "wx"}, ["wx is declared twice"]),
        ({"units": "h"}, ["h is declared twice"]),
        ({"units": "k"}, ["k is declared twice"]),
        ({"constants": {"a b": 1.0}}, ["'a b' cannot be the name"]),
        ({"constants": {"k": math.nan}}, ["constant k is nan", "finite number"]),
        ({"constants": {"k": math.inf}}, ["constant k is inf", "finite number"]),
        ({"constants": {"k": True}}, ["constant k is True", "finite number"]),
        ({"constants": {"k": "1"}}, ["constant k is '1'", "finite number"]),
        ({"constants": {"k": 10**400}}, ["constant k is", "finite number"]),
    ],
)
def test_a_declaration_at_fault_is_refused(declared: dict[str, Any], parts: list[str]) -> None:
    def mine(wx, uh, h, *, k):
        return h

    arguments = {"gates": "a", "state": "h", "constants": {"k": 1.0}} | declared
    with pytest.raises(CellError) as caught:
        tt.cell(**arguments)(mine)
    for part in ["cell 'mine'", *parts]:
        assert part in str(caught.value)


@pytest.mark.parametrize("what", ["gates", "state", "units"])
def test_names_in_a_list_are_refused(what: str) -> None:
    arguments: dict[str, Any] = {"gates": "a", "state": "h"} | {what: ["r", "z"]}
    with pytest.raises(CellError, match=rf"{what} must be one text .* got list \['r', 'z'\]"):
        tt.cell(**arguments)(lambda wx, uh, h: h)


@pytest.mark.parametrize("gate", ["_name", "_gates", "_graph", "_cell", "_refuse"])
def test_any_other_name_may_be_a_gates(gate: str) -> None:
    def mine(wx, uh, h):
        return tt.tanh(getattr(wx, gate) + getattr(uh, gate))

    assert tt.cell(gates=gate, state="h")(mine).input_gates == (gate,)


def two_arguments(wx, h):
    return h


def another_state(wx, uh, s):
    return s


def too_many(wx, uh, h, c):
    return h


def positional_constant(wx, uh, h, k):
    return h


def other_constant(wx, uh, h, *, q):
    return h


def without_constant(wx, uh, h):
    return h


def any_number(*states):
    return states


def any_name(wx, uh, h, **constants):
    return h


@pytest.mark.parametrize(
    ("function", "shown"),
    [
        (two_arguments, "takes (wx, h)"),
        (another_state, "takes (wx, uh, s)"),
        (too_many, "takes (wx, uh, h, c)"),
        (positional_constant, "takes (wx, uh, h, k)"),
        (other_constant, "keyword arguments are (q); declared units and constants are (k)"),
        (without_constant, "keyword arguments are (); declared units and constants are (k)"),
        (any_number, "named one by one"),
        (any_name, "named one by one"),
    ],
)
def test_a_wrong_signature_is_refused(function: Callable[..., Any], shown: str) -> None:
    name = function.__name__
    with pytest.raises(CellError) as caught:
        tt.cell(gates="a", state="h", constants={"k": 1.0})(function)
    assert f"cell {name!r}" in str(caught.value)
    assert shown in str(caught.value)
    assert f"expected def {name}(wx, uh, h, *, k)" in str(caught.value)


def test_a_constant_is_replaced() -> None:
    half = cells.leaky.replace(leak=0.5)
    assert half.constants == {"leak": 0.5}
    assert half.step.constants == (0.5,)
    assert cells.leaky.constants == {"leak": 0.1}
    assert half.name == "leaky"


def test_an_unknown_constant_is_refused() -> None:
    with pytest.raises(CellError, match="cell 'leaky': no constant named leek; constants are leak"):
        cells.leaky.replace(leek=0.5)
    with pytest.raises(CellError, match="cell 'gru': no constant named leak; constants are none"):
        cells.gru.replace(leak=0.5)
    with pytest.raises(CellError, match="constant leak is inf; a finite number is expected"):
        cells.leaky.replace(leak=math.inf)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, int])
def test_numpy_numbers_are_constants_too(kind: type) -> None:
    """As they come from `numpy.linspace` in a sweep over leaks."""
    assert cells.leaky.replace(leak=kind(1)).step.instructions


def test_a_cell_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        cells.gru.name = "mine"  # type: ignore[misc]


def test_states_that_go_together_are_declared() -> None:
    assert cells.slstm.together == ("c", "n", "m")
    assert cells.lstm.together == ()
    assert cells.slstm.replace().together == ("c", "n", "m")


@pytest.mark.parametrize("together", ["c", "c c", "c k", "h c wx"])
def test_what_goes_together_are_two_or_more_states(together: str) -> None:
    message = f"together names two or more of the states h, c; got {together}"
    with pytest.raises(CellError, match=message):
        tt.cell(gates="a", state="h c", together=together)(lambda wx, uh, h, c: (h + wx.a, c))


def test_the_class_and_each_cell_have_their_documentation() -> None:
    assert "written as equations for one unit" in (inspect.getdoc(tt.Cell) or "")
    assert (inspect.getdoc(cells.gru) or "").startswith("Gated recurrent unit (Cho et al. 2014)")
