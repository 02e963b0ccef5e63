"""Verdicts on networks made to deserve them. About 2 s."""

import math

import pytest
import torch
from torch import nn

import throughtime as tt
from throughtime.flow import LayerFlow, flow

squared = nn.MSELoss(reduction="none")


def measured(network: tt.Network, T: int = 120, scale: float = 1.0) -> LayerFlow:
    x, d = scale * torch.randn(2, T, 3, 1, dtype=torch.float64)
    return flow(network, x, d, squared).layers[0]


def scaled(cell: str | tt.Cell, gain: float, H: int = 12) -> tt.Network:
    """Give a network whose recurrent weights are an orthogonal matrix times a gain."""
    network = tt.Network(cell, 1, H, 1, bias=False, dtype=torch.float64)
    tt.nn.init.orthogonal_(network.recurrent, gain)
    return network


@tt.cell(gates="a", state="h")
def linear(wx, uh, h):
    return wx.a + uh.a


def kind(layer: LayerFlow) -> str:
    assert layer.verdict is not None
    return layer.verdict.kind


@pytest.mark.parametrize(
    ("gain", "wanted"),
    [(0.8, "vanishing"), (1.0, "healthy"), (0.97, "healthy"), (1.1, "exploding")],
)
def test_a_linear_network_is_what_its_eigenvalues_make_of_it(gain: float, wanted: str) -> None:
    layer = measured(scaled(linear, gain))
    assert kind(layer) == wanted
    assert layer.verdict is not None
    assert layer.verdict.growth == pytest.approx(gain, rel=1e-6)
    assert layer.verdict.top_exponent == pytest.approx(math.log(gain), abs=1e-6)
    if wanted == "vanishing":
        steps = math.ceil(math.log(0.01) / math.log(gain))
        assert layer.verdict.horizon == steps
        assert f"falls to 1 % after {steps} of the 60 steps" in layer.verdict.evidence


def test_a_bounded_network_with_large_weights_is_chaotic() -> None:
    torch.manual_seed(1)
    network = tt.Network("elman", 1, 48, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        network.recurrent.weight_hh_l0.normal_(0.0, 3.0 / math.sqrt(48))
    layer = measured(network, scale=0.1)
    assert kind(layer) == "chaotic"
    assert layer.verdict is not None
    assert layer.verdict.top_exponent is not None
    assert layer.verdict.top_exponent > 0.1
    assert abs(layer.verdict.state_growth) < 0.01
    # The same weights without the bounds of tanh: nothing chaotic about what grows for ever.
    other = tt.Network(linear, 1, 48, 1, bias=False, dtype=torch.float64)
    other.load_state_dict(network.state_dict())
    assert kind(measured(other, scale=0.1)) == "exploding"


def test_a_gradient_beyond_all_numbers_is_exploding() -> None:
    network = scaled(linear, 100.0)
    zeros = torch.zeros(400, 2, 1, dtype=torch.float64)
    x = zeros.clone()
    x[0] = 1e-300
    layer = flow(network, x[:150], zeros[:150] + 1, squared).layers[0]
    assert kind(layer) == "exploding"
    longer = flow(network, zeros, zeros + 1, squared)
    assert longer.layers[0].verdict is not None
    assert longer.layers[0].verdict.peak == math.inf
    assert longer.as_dict()["layers"][0]["verdict"]["peak"] is None


def test_two_steps_are_too_few_for_a_verdict() -> None:
    assert measured(scaled(linear, 0.5), T=2).verdict is None
    assert measured(scaled(linear, 0.5), T=5).verdict is not None
