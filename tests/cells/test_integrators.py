"""Cells that integrate over time: continuous time, noise, slow context."""

import math

import pytest
import torch

import throughtime as tt
from tests.cells.blocks import gate_rows
from tests.contracts.closeness import assert_close
from throughtime import cells


def deaf(cell: str | tt.Cell, units: int = 3, inputs: int = 1) -> tt.nn.Recurrent:
    """Give a layer without biases whose recurrent weights are zero."""
    layer = tt.nn.Recurrent(cell, inputs, units, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_hh_l0.zero_()
    return layer


@pytest.mark.parametrize("steps", [2.0, 10.0, 250.0])
def test_a_potential_decays_with_its_time_constant(steps: float) -> None:
    layer = deaf("continuous_time")
    with torch.no_grad():
        layer.slowness_l0.fill_(math.log(steps - 1))
    start = torch.full((1, 1, 3), 0.8, dtype=torch.float64)
    y, (h, v) = layer(torch.zeros(20, 1, 1).double(), (start.tanh(), start))
    expected = 0.8 * (1 - 1 / steps) ** torch.arange(1, 21, dtype=torch.float64)
    assert_close(y[:, 0, 0], expected.tanh(), "outputs", 1e-12)
    assert_close(h, v.tanh(), "h", 1e-12)


def test_units_have_time_constants_of_their_own() -> None:
    layer = deaf("continuous_time", 2)
    with torch.no_grad():
        layer.slowness_l0.copy_(
            torch.tensor([0.0, math.log(3.0)], dtype=torch.float64)
        )  # 2 and 4 steps
    start = torch.ones(1, 1, 2, dtype=torch.float64)
    _, (_, v) = layer(torch.zeros(1, 1, 1).double(), (start, start))
    assert v.flatten().tolist() == pytest.approx([0.5, 0.75], rel=1e-14)


@pytest.mark.parametrize("slowness", [-1e3, -5.0, 0.0, 5.0, 1e3])
def test_no_time_constant_is_unstable(slowness: float) -> None:
    """A potential goes towards its drive, here 1, and never past it."""
    layer = deaf("continuous_time")
    with torch.no_grad():
        layer.slowness_l0.fill_(slowness)
        layer.weight_ih_l0.fill_(1.0)
    y, _ = layer(torch.ones(100, 1, 1).double())
    v = torch.atanh(y)
    assert (v.diff(dim=0) >= -1e-12).all()
    assert (v <= 1 + 1e-12).all()
    y[-1].sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in layer.parameters())


def test_a_noisy_network_without_noise_integrates_its_drive() -> None:
    layer = tt.nn.Recurrent("noisy_leaky", 2, 3, dtype=torch.float64)
    for rows in gate_rows(layer, "xi"):
        rows.zero_()
    x = torch.randn(9, 4, 2, dtype=torch.float64)
    weights = layer.weights(0)
    W, b, U, c = weights.W[:3], weights.b[:3], weights.U, weights.c
    h = v = torch.zeros(4, 3, dtype=torch.float64)
    for x_t in x:
        v = 0.8 * v + 0.2 * (x_t @ W.T + b + h @ U.T + c)
        h = v.relu()
    assert_close(layer(x)[1][1][0], v, "v", 1e-12)
    assert_close(layer(x)[1][0][0], h, "h", 1e-12)


@pytest.mark.parametrize(("leak", "sigma"), [(0.2, 0.15), (0.05, 2.0)])
def test_noise_has_its_standard_deviation(leak: float, sigma: float) -> None:
    """Noise alone: v has the variance sigma^2 / (1 - leak / 2), and each unit noise of its own."""
    layer = deaf(cells.noisy_leaky.replace(leak=leak, sigma=sigma), 2, inputs=3)
    (W_a, _), (W_xi,) = gate_rows(layer, "a"), gate_rows(layer, "xi")
    W_a.zero_()
    W_xi.copy_(torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
    x = torch.randn(400, 2000, 3, dtype=torch.float64)
    with torch.no_grad():
        _, (_, v) = layer(x)
    expected = sigma / math.sqrt(1 - leak / 2)
    # 4000 draws: the standard error of a standard deviation is 1.1 %, that of a correlation 2.2 %.
    assert float(v.std()) == pytest.approx(expected, rel=0.045)
    assert abs(float(torch.corrcoef(v[0].T)[0, 1])) < 0.09


def test_the_context_is_a_slow_mean_that_only_the_input_enters() -> None:
    layer = tt.nn.Recurrent("structural_context", 2, 3, bias=False, dtype=torch.float64)
    W = next(gate_rows(layer, "s"))
    x = torch.randn(30, 4, 2, dtype=torch.float64)
    h = torch.randn(1, 4, 3, dtype=torch.float64)
    _, (_, s) = layer(x, (h, torch.zeros_like(h)))
    ages = torch.arange(29, -1, -1, dtype=torch.float64)
    expected = torch.einsum("t,tbi,hi->bh", 0.05 * 0.95**ages, x, W)
    assert_close(s[0], expected, "context", 1e-12)


def test_a_context_of_alpha_one_stands_still() -> None:
    layer = tt.nn.Recurrent(cells.structural_context.replace(alpha=1.0), 2, 3).double()
    h, s = torch.randn(2, 1, 4, 3, dtype=torch.float64)
    _, (_, after) = layer(torch.randn(30, 4, 2).double(), (h, s))
    assert torch.equal(after, s)


def test_without_its_context_it_is_a_logistic_network() -> None:
    layer = tt.nn.Recurrent("structural_context", 2, 3, dtype=torch.float64)
    with torch.no_grad():
        layer.p_l0.zero_()
    x = torch.randn(1, 4, 2, dtype=torch.float64)
    W, U, b, c = gate_rows(layer, "a")
    h = torch.randn(1, 4, 3, dtype=torch.float64)
    y, _ = layer(x, (h, h))
    assert_close(y, torch.sigmoid(x @ W.T + b + h @ U.T + c), "outputs", 1e-12)
