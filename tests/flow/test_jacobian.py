"""Jacobians and Lyapunov exponents against autograd, algebra and published values. About 4 s."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import throughtime as tt
from tests.flow import plainly
from throughtime.flow import Flow, LayerFlow, flow

squared = nn.MSELoss(reduction="none")


@pytest.mark.parametrize("cell", tt.cells.registry)
def test_jacobians_and_their_products_equal_autograds(cell: str) -> None:
    T, lengths = 7, [5, 7, 2, 6]
    network = tt.Network(cell, 2, 3, 2, num_layers=2, dtype=torch.float64)
    x, d = torch.randn(2, T, 4, 2, dtype=torch.float64)
    start = plainly.start_of(network, 4)
    result = flow(network, x, d, squared, plainly.as_state(start), torch.tensor(lengths))
    rows = [plainly.unrolled(network, x, d, start, row, 6) for row in (1, 3)]
    for number, layer in enumerate(result.layers):
        jacobian = layer.jacobian
        assert jacobian is not None
        assert jacobian.rows == (1, 3)
        assert jacobian.steps == range(1, 6)
        for place, row in enumerate(rows):
            largest = [torch.linalg.norm(row.jacobian(number, t, t - 1), 2) for t in range(1, 6)]
            np.testing.assert_allclose(jacobian.largest[place], largest, rtol=1e-10, atol=1e-14)
        assert jacobian.lag == (1, 2, 3)
        for lag, found in zip(jacobian.lag, jacobian.singular_values, strict=True):
            first = 5 - jacobian.lag[-1]
            values = [
                torch.linalg.svdvals(row.jacobian(number, first + lag, first)) for row in rows
            ]
            wanted = np.median(np.stack(values), axis=0)
            np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-13 * max(1.0, wanted[0]))


def test_the_comparison_would_notice_another_step() -> None:
    network = tt.Network("lstm", 2, 3, 2, dtype=torch.float64)
    x, d = torch.randn(2, 6, 1, 2, dtype=torch.float64)
    row = plainly.unrolled(network, x, d, [torch.zeros(1, 1, 3).double()] * 2, 0, 6)
    jacobian = flow(network, x, d, squared).layers[0].jacobian
    assert jacobian is not None
    wrong = float(torch.linalg.norm(row.jacobian(0, 4, 3), 2))
    assert abs(float(jacobian.largest[0, 2]) / wrong - 1) > 1e-4  # the step from 2 to 3


def test_a_cell_that_normalises_over_its_units_has_jacobians_too() -> None:
    @tt.cell(gates="a", state="h")
    def normed(wx, uh, h):
        return tt.tanh(tt.layer_norm(wx.a + uh.a))

    network = tt.Network(normed, 2, 4, 2, dtype=torch.float64)
    x, d = torch.randn(2, 5, 1, 2, dtype=torch.float64)
    row = plainly.unrolled(network, x, d, [torch.zeros(1, 1, 4, dtype=torch.float64)], 0, 5)
    jacobian = flow(network, x, d, squared).layers[0].jacobian
    assert jacobian is not None
    wanted = float(torch.linalg.norm(row.jacobian(0, 3, 2), 2))
    assert float(jacobian.largest[0, 2]) == pytest.approx(wanted, rel=1e-10)


@tt.cell(gates="a", state="h")
def linear(wx, uh, h):
    return wx.a + uh.a


def of_linear(U: torch.Tensor, T: int = 401) -> LayerFlow:
    network = tt.Network(linear, 1, len(U), 1, dtype=torch.float64)
    with torch.no_grad():
        network.recurrent.weight_hh_l0.copy_(U)
    x, d = torch.randn(2, T, 2, 1, dtype=torch.float64)
    return flow(network, x, d, squared).layers[0]


def matrix(*eigenvalues: float) -> torch.Tensor:
    basis = torch.randn(len(eigenvalues), len(eigenvalues), dtype=torch.float64)
    return basis @ torch.diag(torch.tensor(eigenvalues).double()) @ torch.linalg.inv(basis)


@pytest.mark.parametrize("eigenvalues", [(0.95, -0.8, 0.5, 0.1), (1.05, 0.9, -0.6), (0.7,)])
def test_the_exponents_of_a_linear_network_are_those_of_its_eigenvalues(
    eigenvalues: tuple[float, ...],
) -> None:
    layer = of_linear(matrix(*eigenvalues))
    assert layer.lyapunov is not None
    wanted = sorted((math.log(abs(value)) for value in eigenvalues), reverse=True)
    np.testing.assert_allclose(layer.lyapunov.exponents, wanted, atol=1e-6)
    assert layer.by_lag.growth is not None
    assert math.log(layer.by_lag.growth) == pytest.approx(layer.lyapunov.top, abs=1e-6)


def test_turning_changes_no_exponent() -> None:
    U, _ = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64))
    layer = of_linear(0.97 * U)
    assert layer.lyapunov is not None
    np.testing.assert_allclose(layer.lyapunov.exponents, [math.log(0.97)] * 6, atol=1e-10)
    assert layer.by_lag.growth == pytest.approx(0.97, abs=1e-10)


@tt.cell(gates="a", state="x y")
def henon(wx, uh, x, y):
    return 1.0 - 1.4 * x * x + y + wx.a, 0.3 * x


def of_henon(T: int) -> Flow:
    network = tt.Network(henon, 1, 1, 1, dtype=torch.float64)
    with torch.no_grad():
        for parameter in network.recurrent.parameters():
            parameter.zero_()
    state = torch.full((1, 1, 1), 0.1, dtype=torch.float64)
    zeros = torch.zeros(T, 1, 1, dtype=torch.float64)
    return flow(network, zeros, zeros, squared, (state, state), samples=1)


@pytest.mark.thorough
def test_the_exponents_of_the_henon_map_are_the_published_ones() -> None:
    """0.419 and log(0.3) - 0.419 (Sprott 2003, Chaos and Time-Series Analysis)."""
    lyapunov = of_henon(4000).layers[0].lyapunov
    assert lyapunov is not None
    assert lyapunov.top == pytest.approx(0.419, rel=0.02)
    assert float(lyapunov.exponents.sum()) == pytest.approx(math.log(0.3), abs=1e-9)


def test_a_state_that_is_forgotten_has_an_exponent_of_minus_infinity() -> None:
    network = tt.Network("noisy_leaky", 1, 2, 1, dtype=torch.float64)
    figures = flow(network, *torch.randn(2, 9, 1, 1, dtype=torch.float64), squared).as_dict()
    assert figures["layers"][0]["lyapunov"]["exponents"][-1] is None


def test_a_sequence_of_one_step_has_no_jacobian() -> None:
    network = tt.Network("gru", 1, 2, 1)
    (layer,) = flow(network, torch.randn(1, 2, 1), torch.randn(1, 2, 1), squared).layers
    assert layer.jacobian is None
    assert layer.lyapunov is None


def test_a_large_layer_is_looked_at_along_its_last_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("throughtime.flow.measure._CUBES", 27 * 20)
    monkeypatch.setattr("throughtime.flow.jacobian.CHUNK", 50)
    network = tt.Network("gru", 1, 3, 1, dtype=torch.float64)
    x, d = torch.randn(2, 60, 2, 1, dtype=torch.float64)
    some = flow(network, x, d, squared).layers[0].jacobian
    monkeypatch.undo()
    whole = flow(network, x, d, squared).layers[0].jacobian
    assert some is not None
    assert whole is not None
    assert some.steps == range(40, 60)
    torch.testing.assert_close(some.largest, whole.largest[:, -20:])
