"""Cells whose units do not hear each other: no recurrent matrix."""

import pytest
import torch

import throughtime as tt
from tests.cells.blocks import gate_rows, pair, tie
from tests.contracts.closeness import assert_close


@pytest.mark.parametrize("cell", ["independent", "simple_recurrent_unit", "quasi_recurrent"])
def test_there_are_no_recurrent_weights(cell: str) -> None:
    layer = tt.nn.Recurrent(cell, 2, 3, num_layers=2, bidirectional=True)
    assert not [name for name, _ in layer.named_parameters() if "_hh" in name]
    assert layer.weights(0).U is None


@pytest.mark.parametrize("cell", ["independent", "simple_recurrent_unit", "quasi_recurrent"])
def test_a_unit_depends_on_its_own_past_only(cell: str) -> None:
    layer = tt.nn.Recurrent(cell, 2, 3, dtype=torch.float64)
    start = [torch.rand(1, 1, 3, dtype=torch.float64) for _ in layer.cell.states]
    for state in start:
        state.requires_grad_()
    y, _ = layer(torch.rand(4, 1, 2).double(), tuple(start) if len(start) > 1 else start[0])
    for unit in range(3):
        heard = torch.autograd.grad(y[-1, 0, unit], start, retain_graph=True, allow_unused=True)
        for gradient in heard:
            if gradient is not None:
                assert [u for u in range(3) if gradient[0, 0, u]] in ([unit], [])


def test_the_indrnn_is_a_rectified_network_with_diagonal_recurrent_weights() -> None:
    independent, relu, x = pair("independent", "elman_relu")
    with torch.no_grad():
        relu.weight_ih_l0.copy_(independent.weight_ih_l0)
        relu.bias_ih_l0.copy_(independent.bias_ih_l0)
        relu.weight_hh_l0.copy_(torch.diag(independent.u_l0))
        relu.bias_hh_l0.zero_()
    assert_close(independent(x)[0], relu(x)[0], "outputs", 1e-12)


def test_the_gradient_of_an_indrnn_is_a_power_of_its_weight() -> None:
    layer = tt.nn.Recurrent("independent", 1, 2, dtype=torch.float64)
    with torch.no_grad():
        layer.u_l0.copy_(torch.tensor([0.5, 2.0]))
        layer.bias_ih_l0.zero_()
    start = torch.ones(1, 1, 2, dtype=torch.float64, requires_grad=True)
    layer(torch.zeros(10, 1, 1).double(), start)[1].sum().backward()
    assert start.grad.flatten().tolist() == [0.5**10, 2.0**10]


def test_an_sru_whose_units_are_deaf_to_themselves_pools_as_a_quasi_recurrent_network() -> None:
    """The same mean c of the past, of W x here and of tanh(W x) there."""
    sru, quasi, x = pair("simple_recurrent_unit", "quasi_recurrent")
    tie(quasi, "f", sru, "f")
    tie(quasi, "z", sru, "g", 1e-5)  # tanh(a) = a - a^3 / 3
    with torch.no_grad():
        sru.v_f_l0.zero_()
    assert_close(1e5 * quasi(x)[1][1], sru(x)[1][1], "c", 1e-9)


def test_the_highway_of_an_sru_leads_past_the_recurrence() -> None:
    layer = tt.nn.Recurrent("simple_recurrent_unit", 3, 3, dtype=torch.float64)
    W, b = gate_rows(layer, "p")
    W.copy_(torch.eye(3))
    b.zero_()
    W, b = gate_rows(layer, "r")
    b.fill_(-1000.0)
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    assert_close(layer(x)[0], x, "outputs", 1e-12)
    b.fill_(1000.0)
    y, (h, c) = layer(x)
    assert_close(h, c, "h", 1e-12)
    assert torch.equal(y[-1], h[0])
