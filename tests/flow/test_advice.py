"""Each piece of advice, given to a network that needs it, followed, and seen to help. 7 s."""

import math
import re

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from throughtime.flow import Advice, Flow, flow

squared = nn.MSELoss(reduction="none")
T, H = 100, 12


def data(scale: float = 1.0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(3)
    return scale * torch.randn(T, 3, 1, dtype=torch.float64), torch.randn(T, 3, 1).double()


def of(cell: str, scale: float = 1.0, units: int = H, **changed: Tensor) -> tuple[tt.Network, Flow]:
    network = tt.Network(cell, 1, units, 1, dtype=torch.float64)
    with torch.no_grad():
        for name, value in changed.items():
            getattr(network.recurrent, name).copy_(value)
    return network, flow(network, *data(scale), squared)


def found(result: Flow, text: str) -> Advice:
    (advice,) = [advice for advice in result.advice if text in advice.do]
    return advice


def reach(result: Flow) -> float:
    return math.inf if (horizon := result.horizon()) is None else horizon


@pytest.mark.parametrize("cell", ["lstm", "gru", "minimal_gated", "lstm_coupled"])
def test_a_gated_cell_that_forgets_is_advised_a_forget_bias(cell: str) -> None:
    network, before = of(cell)
    advice = found(before, "forget_bias_")
    assert advice.figure == "paths.kept"
    assert before.layers[0].paths.kept is not None
    assert advice.now == max(before.layers[0].paths.kept.values())
    bias = float(re.findall(r"[\d.]+(?=\))", advice.do)[0])
    tt.nn.init.forget_bias_(network.recurrent, bias)
    after = flow(network, *data(), squared)
    assert after.layers[0].paths.kept is not None
    assert max(after.layers[0].paths.kept.values()) == pytest.approx(advice.then, abs=0.01)
    assert reach(after) > 3 * reach(before)
    assert not any("forget_bias_" in advice.do for advice in after.advice)


def test_a_network_of_weak_weights_is_advised_an_orthogonal_start() -> None:
    network, before = of("elman", scale=0.1)
    advice = found(before, "orthogonal_")
    U = network.recurrent.weight_hh_l0
    assert advice.now == pytest.approx(float(torch.linalg.svdvals(U.detach())[-1]))
    tt.nn.init.orthogonal_(network.recurrent)
    assert float(torch.linalg.svdvals(U.detach())[-1]) == pytest.approx(advice.then)
    after = flow(network, *data(0.1), squared)
    assert reach(after) > 3 * reach(before)
    assert not any("orthogonal_" in advice.do for advice in after.advice)


@pytest.mark.parametrize("gain", [0.1, 1.6])
def test_a_rectified_network_is_advised_an_identity_start(gain: float) -> None:
    torch.manual_seed(5)
    U = gain * torch.linalg.qr(torch.randn(H, H, dtype=torch.float64))[0].abs()
    network, before = of("elman_relu", weight_hh_l0=U)
    assert before.layers[0].verdict is not None
    assert before.layers[0].verdict.kind == ("exploding" if gain > 1 else "vanishing")
    advice = found(before, "identity_")
    values = torch.linalg.svdvals(U)
    assert advice.now == pytest.approx(float(values[0] if gain > 1 else values[-1]))
    tt.nn.init.identity_(network.recurrent)
    after = flow(network, *data(), squared).layers[0].verdict
    assert after is not None
    assert after.kind == "healthy"


def test_what_an_orthogonal_start_cannot_mend_is_advised_a_gated_cell() -> None:
    network = tt.Network("elman", 1, H, 1, dtype=torch.float64)
    tt.nn.init.orthogonal_(network.recurrent)
    before = flow(network, *data(5.0), squared)
    advice = found(before, "gates keep the state")
    assert advice.now == 0.0
    gated = tt.Network("lstm", 1, H, 1, dtype=torch.float64)
    tt.nn.init.forget_bias_(gated.recurrent, 5.0)
    after = flow(gated, *data(), squared)
    assert after.layers[0].paths.kept is not None
    assert after.layers[0].paths.kept["c"] == pytest.approx(advice.then, abs=0.02)
    assert reach(after) > 3 * reach(before)


def test_a_gradient_that_grows_is_advised_a_threshold() -> None:
    torch.manual_seed(1)
    U = torch.randn(48, 48, dtype=torch.float64) * 3 / math.sqrt(48)
    network, before = of("elman", scale=0.1, units=48, weight_hh_l0=U)
    assert before.layers[0].verdict is not None
    assert before.layers[0].verdict.kind == "chaotic"
    advice = found(before, "clip gradients")

    def norm(method: tt.GradientMethod) -> float:
        network.zero_grad()
        with tt.engine.use("reference"):  # chaos: other roundings lead to other states
            for _ in method(network, *data(0.1), squared):
                pass
        return float(torch.cat([p.grad.flatten() for p in network.parameters()]).norm())

    assert norm(tt.BPTT()) == pytest.approx(advice.now, rel=1e-6)
    threshold = float(re.findall(r"norm=([\d.e+-]+)\)", advice.do)[0])
    assert threshold == advice.then
    assert norm(tt.BPTT(clip=tt.Clipping(norm=threshold))) == pytest.approx(advice.then, rel=1e-5)
    assert advice.now > 10 * advice.then


def test_a_window_that_spares_nothing_is_advised_to_be_shorter() -> None:
    network, before = of("elman")
    advice = found(before, "TBPTT")
    k2 = int(advice.then)
    assert advice.now == T

    def gradient(method: tt.GradientMethod) -> Tensor:
        network.zero_grad()
        for _ in method(network, *data(), squared):
            pass
        return torch.cat([p.grad.flatten() for p in network.parameters()])

    full = gradient(tt.BPTT(reduce="sum"))
    lost = [
        float((gradient(tt.TBPTT(1, steps, reduce="sum")) - full).norm() / full.norm())
        for steps in (k2 - 1, k2)
    ]
    assert lost[0] > 0.01 >= lost[1]


def test_a_healthy_network_is_left_alone() -> None:
    network = tt.Network("elman_relu", 1, H, 1, dtype=torch.float64)
    tt.nn.init.identity_(network.recurrent)
    result = flow(network, *data(), squared)
    assert result.layers[0].verdict is not None
    assert result.layers[0].verdict.kind == "healthy"
    assert result.advice == ()


def test_each_layer_is_advised_by_its_name() -> None:
    network = tt.Network("lstm", 1, H, 1, num_layers=2, dtype=torch.float64)
    advice = flow(network, *data(), squared).advice
    assert [(a.where, "forget_bias_" in a.do) for a in advice] == [
        ("layer 0", True), ("layer 1", True), ("network", False),
    ]  # fmt: skip
