"""Cells that leave something out, or hold something odd: the engines know programs, not cells."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import throughtime as tt
from tests.contracts import cases
from tests.contracts.checks import check_against_autograd, check_against_differences
from throughtime import Cell, engine


@tt.cell(gates="a", state="h")
def input_only(wx, uh, h):
    return tt.tanh(wx.a)


@tt.cell(gates="a", state="h")
def recurrent_only(wx, uh, h):
    return tt.tanh(uh.a) + 0.5 * h


@tt.cell(gates="a", state="h")
def fading(wx, uh, h):
    return 0.5 * h


@tt.cell(gates="a", state="h", units="decay")
def unit_only(wx, uh, h, *, decay):
    return tt.sigmoid(decay)


@tt.cell(gates="a", state="h", units="unused decay")
def unused_unit(wx, uh, h, *, unused, decay):
    return tt.sigmoid(decay) * h + wx.a


@tt.cell(gates="a", state="h")
def constant(wx, uh, h):
    return 0.25


@tt.cell(gates="a b", state="h c e")
def exchanged(wx, uh, h, c, e):
    return c, e, tt.tanh(wx.b + uh.a) * h  # states change places


@tt.cell(gates="a", state="h c")
def idle_state(wx, uh, h, c):
    return tt.tanh(wx.a + uh.a), c


@tt.cell(gates="a", state="h c")
def twin_states(wx, uh, h, c):
    new = tt.tanh(wx.a + uh.a + c)
    return new, new


@tt.cell(gates="a", state="h", units="threshold")
def gated_by_comparison(wx, uh, h, *, threshold):
    drive = wx.a + uh.a
    return tt.where(drive > threshold, tt.softplus(drive), 0.3 * h)


@tt.cell(gates="a", state="h", units="floor ceiling")
def clipped(wx, uh, h, *, floor, ceiling):
    return tt.maximum(tt.minimum(wx.a + uh.a + h, ceiling + 1.0), floor - 1.0)


@tt.cell(gates="u v", state="h", units="p")
def everything(wx, uh, h, *, p):
    drive = tt.abs(wx.u) + 0.5
    return (
        tt.log(drive) * tt.sqrt(tt.exp(tt.tanh(uh.v)))
        + tt.relu(h - p) / (1.0 + tt.softplus(wx.v))
        + drive ** tt.tanh(p)
        - tt.where(h <= wx.v, 1.0, 0.0) * uh.u
    )


unusual = [
    input_only,
    recurrent_only,
    fading,
    unit_only,
    unused_unit,
    constant,
    exchanged,
    idle_state,
    twin_states,
    gated_by_comparison,
    clipped,
    everything,
]
each_cell = pytest.mark.parametrize("cell", unusual, ids=lambda cell: cell.name)


pytestmark = pytest.mark.usefixtures("each_engine")


@each_cell
@given(data=st.data())
@settings(max_examples=10)
def test_gradients_equal_autograd(cell: Cell, data: st.DataObject) -> None:
    check_against_autograd(data.draw(cases.recurrences(cell)))


@each_cell
@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_equal_differences(cell: Cell, reverse: bool) -> None:
    check_against_differences(
        cases.recurrence(cell, 4, 3, 2, 2, lengths=[2, 4, 0], reverse=reverse, seed=6)
    )


@each_cell
def test_second_derivatives(cell: Cell) -> None:
    recurrence = cases.recurrence(cell, 3, 2, 1, 2, lengths=[3, 1], seed=7)
    named = cases.tensors(cases.leaves(recurrence))

    def function(*values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        new = dict(zip(named, values, strict=True))
        outputs, final = engine.run(cases.with_tensors(recurrence, lambda n, _: new[n]))
        return tuple(r for r in (outputs, *final) if r.requires_grad)

    if function(*named.values()):
        assert torch.autograd.gradcheck(function, tuple(named.values()), fast_mode=True)
        assert torch.autograd.gradgradcheck(function, tuple(named.values()), fast_mode=True)


@each_cell
def test_layers_of_them_run(cell: Cell) -> None:
    layer = tt.nn.Recurrent(cell, 2, 3, num_layers=2, bidirectional=True)
    y, after = layer(torch.zeros(4, 2, 2), lengths=torch.tensor([4, 1]))
    assert y.shape == (4, 2, 6)
    states = (after,) if isinstance(after, torch.Tensor) else after
    assert [tuple(state.shape) for state in states] == [(4, 2, 3)] * len(cell.states)
    if y.requires_grad:
        y.sum().backward()


@pytest.mark.parametrize("name", ["weight_ih", "weight_hh", "bias_ih", "bias_hh"])
def test_a_unit_may_not_take_the_name_of_a_weight(name: str) -> None:
    """It would replace the weight silently: parameters are told apart by name."""
    function: dict[str, Callable[..., object]] = {}
    exec(f"def mine(wx, uh, h, *, {name}): return wx.a + uh.a * {name}", function)
    with pytest.raises(ValueError, match=name):
        tt.nn.Recurrent(tt.cell(gates="a", state="h", units=name)(function["mine"]), 2, 3)


def test_outputs_do_not_alias_the_state_given() -> None:
    layer = tt.nn.Recurrent(idle_state, 2, 3)
    start = (torch.zeros(1, 2, 3), torch.ones(1, 2, 3))
    with torch.no_grad():
        for steps in (0, 2):
            _, after = layer(torch.zeros(steps, 2, 2), start)
            for state in after:
                state += 5.0
    assert torch.equal(start[0], torch.zeros(1, 2, 3))
    assert torch.equal(start[1], torch.ones(1, 2, 3))
