"""Gates that stand open, closed or nowhere, on networks made so. About 1 s."""

from itertools import pairwise

import pytest
import torch
from torch import nn

import throughtime as tt
from throughtime.flow import Gate, flow
from throughtime.flow.gates import activations

squared = nn.MSELoss(reduction="none")


def gates_of(network: tt.Network, **options: object) -> dict[str, Gate]:
    x, d = torch.randn(2, 10, 3, 1)
    return {gate.name: gate for gate in flow(network, x, d, squared, **options).layers[0].gates}


def biased(cell: str, gate: str, *values: float) -> tt.Network:
    """Give a network of a unit a value, whose gate has these values as pre-activations."""
    network = tt.Network(cell, 1, len(values), 1)
    layer, H = network.recurrent, len(values)
    place = layer.cell.input_gates.index(gate)
    with torch.no_grad():
        layer.weight_ih_l0[place * H : (place + 1) * H] = 0.0
        layer.weight_hh_l0[place * H : (place + 1) * H] = 0.0
        layer.bias_ih_l0[place * H : (place + 1) * H] = torch.tensor(values)
        layer.bias_hh_l0[place * H : (place + 1) * H] = 0.0
    return network


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("elman", ["a"]),
        ("gru", ["r", "z", "n"]),
        ("lstm", ["i", "f", "g", "o", "tanh(c)"]),
        ("lstm_peephole", ["i", "f", "g", "o", "tanh(c)"]),
        ("light_gru", ["z", "n"]),
        ("simple_recurrent_unit", ["f", "r"]),
        ("quasi_recurrent", ["z", "f", "o"]),
        ("continuous_time", ["sigmoid(slowness)", "a"]),
    ],
)
def test_gates_are_found_in_the_program(cell: str, names: list[str]) -> None:
    found = tt.cells.find(cell)
    assert {name for name, *_ in activations(found.step, found)} == {*names}


@pytest.mark.parametrize("cell", tt.cells.registry)
def test_every_cell_of_the_registry_can_be_looked_at(cell: str) -> None:
    gates = gates_of(tt.Network(cell, 1, 3, 1))
    for gate in gates.values():
        assert 0.0 <= gate.low <= 1.0
        assert gate.high is None or gate.low + gate.high <= 1.0


def test_open_and_closed_gates_are_told_apart() -> None:
    gate = gates_of(biased("lstm", "f", -9.0, 0.0, 9.0, 9.0))["f"]
    assert (gate.low, gate.high) == (0.25, 0.5)
    assert (gate.stuck_low, gate.stuck_high) == ((0,), (2, 3))
    assert gate.mean == pytest.approx(torch.tensor([-9.0, 0.0, 9.0, 9.0]).sigmoid().mean())


def test_a_unit_that_is_elsewhere_once_is_not_stuck() -> None:
    network = biased("gru", "z", 9.0)
    with torch.no_grad():
        network.recurrent.weight_ih_l0[1] = 9.0
    x = torch.zeros(10, 2, 1)
    x[4, 1] = -2.0
    gate = flow(network, x, torch.zeros(10, 2, 1), squared).layers[0].gates[1]
    assert gate.high == pytest.approx(19 / 20)
    assert gate.low == pytest.approx(1 / 20)
    assert gate.stuck_high == ()
    shorter = flow(network, x, torch.zeros(10, 2, 1), squared, lengths=torch.tensor([10, 4]))
    assert shorter.layers[0].gates[1].stuck_high == (0,)


def test_saturated_candidates_and_dead_units_are_seen() -> None:
    tanh = gates_of(biased("elman", "a", -9.0, 0.0, 9.0))["a"]
    assert (tanh.low, tanh.high) == pytest.approx((1 / 3, 1 / 3))
    relu = gates_of(biased("elman_relu", "a", -1.0, 1.0))["a"]
    assert (relu.low, relu.high, relu.stuck_low, relu.stuck_high) == (0.5, None, (0,), ())


def test_near_an_end_is_a_twentieth() -> None:
    points = [-3.0, -2.9, 2.9, 3.0]  # sigmoid(-3) = 0.047, sigmoid(-2.9) = 0.052
    gate = gates_of(biased("lstm", "o", *points))["o"]
    assert (gate.stuck_low, gate.stuck_high) == ((0,), (3,))
    assert all(a < b for a, b in pairwise(points))
