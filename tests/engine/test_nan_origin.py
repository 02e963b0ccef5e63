"""A NaN that the equations make is traced to its instruction, gates, step, row and unit."""

import math

import pytest
import torch

import throughtime as tt
from throughtime.engine.recurrence import Recurrence
from throughtime.engine.textbook import nan_origin


@tt.cell(gates="a b", state="h", units="p")
def logarithmic(wx, uh, h, *, p):
    return tt.tanh(tt.log(wx.a + p) * wx.b) + 0.1 * h


def layer(**options: object) -> tt.nn.Recurrent:
    """One with W = 1 for gate a, 0 for b, and p = 0: x is what the logarithm is given."""
    made = tt.nn.Recurrent(logarithmic, 1, 2, dtype=torch.float64, **options)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            parameter.zero_()
            if name.startswith("weight_ih"):
                parameter[:2, :1] = 1.0
    return made


def test_the_instruction_and_its_gates_are_named() -> None:
    x = torch.ones(5, 3, 1, dtype=torch.float64)
    x[2, 1] = -0.25
    expected = (
        r"cell 'logarithmic', layer 0: log\(-0.25\) is not a number at step 2, row 1, unit 0, "
        r"computed from wx.a = -0.25, p = 0"
    )
    with pytest.raises(FloatingPointError, match=expected):
        layer()(x)


def test_the_first_in_the_direction_of_the_layer_is_named() -> None:
    x = torch.ones(5, 3, 1, dtype=torch.float64)
    x[1, 0] = x[3, 2] = -1.0
    made = layer(bidirectional=True)
    with pytest.raises(FloatingPointError, match=r"layer 0: .* step 1, row 0"):
        made(x)
    with torch.no_grad():
        made.p_l0.fill_(9.0)
    with pytest.raises(FloatingPointError, match=r"layer 0, reverse direction: .* step 3, row 2"):
        made(x)


def test_padding_is_not_looked_at() -> None:
    x = torch.ones(5, 2, 1, dtype=torch.float64)
    x[3, 1] = -1.0
    y, _ = layer()(x, lengths=torch.tensor([5, 3]))
    assert y.isfinite().all()


def test_a_nan_from_outside_goes_out_again() -> None:
    x = torch.ones(5, 2, 1, dtype=torch.float64)
    x[3, 1] = math.nan
    y, _ = layer()(x)
    assert y.isnan().any(2).nonzero().tolist() == [[3, 1], [4, 1]]


def test_a_training_that_meets_one_ends_with_its_name() -> None:
    network = tt.Network(logarithmic, 1, 2, 1)
    x = -torch.ones(4, 1, 1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(0.5)
    with pytest.raises(FloatingPointError, match=r"log\(.*\) is not a number"):
        list(tt.BPTT()(network, 9 * x, x, torch.nn.MSELoss(reduction="none")))
    assert all(parameter.grad is None for parameter in network.parameters())


def test_without_a_nan_there_is_no_origin() -> None:
    made = layer()
    x = torch.ones(5, 2, 1, dtype=torch.float64)
    state = (torch.zeros(2, 2, dtype=torch.float64),)
    assert nan_origin(Recurrence(logarithmic, x, state, made.weights(0))) is None
