"""Variants of the LSTM (Greff et al. 2017): each is the LSTM with one part held or tied."""

import math

import pytest
import torch

import throughtime as tt
from tests.cells.blocks import fix, pair, tie
from tests.contracts.closeness import assert_close

OPEN = 60.0  # sigmoid(60) is 1 in double precision


def test_coupled_gates_are_the_lstm_whose_forget_gate_mirrors_its_input_gate() -> None:
    coupled, lstm, x = pair("lstm_coupled", "lstm")
    for gate in "igo":
        tie(lstm, gate, coupled, gate)
    tie(lstm, "f", coupled, "i", -1.0)  # sigmoid(-a) = 1 - sigmoid(a)
    for found, expected in zip(coupled(x)[1], lstm(x)[1], strict=True):
        assert_close(found, expected, "state", 1e-12)
    assert_close(coupled(x)[0], lstm(x)[0], "outputs", 1e-12)


@pytest.mark.parametrize(
    ("cell", "missing"),
    [("lstm_no_input_gate", "i"), ("lstm_no_forget_gate", "f"), ("lstm_no_output_gate", "o")],
)
def test_without_a_gate_it_is_the_lstm_with_this_gate_open(cell: str, missing: str) -> None:
    variant, lstm, x = pair(cell, "lstm")
    assert variant.cell.gates == tuple(gate for gate in "ifgo" if gate != missing)
    for gate in variant.cell.gates:
        tie(lstm, gate, variant, gate)
    fix(lstm, missing, OPEN)
    assert_close(variant(x)[0], lstm(x)[0], "outputs", 1e-12)
    for found, expected in zip(variant(x)[1], lstm(x)[1], strict=True):
        assert_close(found, expected, "state", 1e-12)


def test_without_forget_gate_the_cell_state_is_carried_on_exactly() -> None:
    layer = tt.nn.Recurrent("lstm_no_forget_gate", 1, 3, dtype=torch.float64)
    fix(layer, "i", -1000.0)  # an input gate that is shut: sigmoid(-1000) is 0
    c = torch.randn(1, 2, 3, dtype=torch.float64, requires_grad=True)
    _, (_, after) = layer(torch.randn(500, 2, 1).double(), (torch.zeros(1, 2, 3).double(), c))
    assert torch.equal(after, c)
    after.sum().backward()
    assert torch.equal(c.grad, torch.ones_like(c)), "nor does its gradient change"


@pytest.mark.parametrize(
    ("cell", "h", "c"),
    [
        ("lstm", 0.5 * math.tanh(0.5 * math.tanh(3.0)), 0.5 * math.tanh(3.0)),
        ("lstm_no_input_activation", 0.5 * math.tanh(1.5), 1.5),
        ("lstm_no_output_activation", 0.25 * math.tanh(3.0), 0.5 * math.tanh(3.0)),
    ],
)
def test_activation_functions_by_hand(cell: str, h: float, c: float) -> None:
    """From a state of zeros, each gate half open, with a candidate of pre-activation 3."""
    layer = tt.nn.Recurrent(cell, 1, 1, dtype=torch.float64)
    for gate in "ifo":
        fix(layer, gate, 0.0)
    fix(layer, "g", 3.0)
    _, after = layer(torch.zeros(1, 1, 1).double())
    assert [state.item() for state in after] == pytest.approx([h, c], rel=1e-14)


def test_peepholes_of_zero_leave_the_lstm() -> None:
    peephole, lstm, x = pair("lstm_peephole", "lstm")
    with torch.no_grad():
        for unit in ("p_i", "p_f", "p_o"):
            getattr(peephole, f"{unit}_l0").zero_()
    lstm.load_state_dict({n: p for n, p in peephole.state_dict().items() if "p_" not in n})
    assert_close(peephole(x)[0], lstm(x)[0], "outputs", 1e-12)
