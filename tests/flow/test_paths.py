"""The ways back through a step, against autograd on loops in which U h is held. About 4 s."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from tests.flow import plainly
from throughtime.flow import Paths, flow

squared = nn.MSELoss(reduction="none")


def paths_of(network: tt.Network, x: Tensor, d: Tensor, **options: Tensor) -> Paths:
    return flow(network, x, d, squared, **options).layers[-1].paths


@pytest.mark.parametrize("cell", tt.cells.registry)
def test_the_carry_path_equals_autograds(cell: str) -> None:
    T, B = 7, 2
    network = tt.Network(cell, 2, 3, 2, dtype=torch.float64)
    x, d = torch.randn(2, T, B, 2, dtype=torch.float64)
    start = plainly.start_of(network, B)
    paths = flow(network, x, d, squared, plainly.as_state(start)).layers[0].paths
    whole = [plainly.unrolled(network, x, d, start, row, T) for row in range(B)]
    held = [plainly.unrolled(network, x, d, start, row, T, held=True) for row in range(B)]
    assert paths.lag == (0, 1, 2, 3)
    for lag in paths.lag:
        norms, shares = [], []
        for s in range(3, T):
            for one, other in zip(held, whole, strict=True):
                alone, all_ways = one.gradient(s, 0, s - lag), other.gradient(s, 0, s - lag)
                norms.append(float(alone.norm() / other.gradient(s, 0, s).norm()))
                if all_ways.any():
                    shares.append(float(alone @ all_ways / (all_ways @ all_ways)))
        middle = [np.sort(values)[(len(values) - 1) // 2] for values in (norms, shares) if values]
        found = [paths.carry[lag], paths.share[lag]][: len(middle)]
        np.testing.assert_allclose(found, middle, rtol=1e-10)
    assert sum(paths.step.values()) == pytest.approx(1.0, abs=1e-12)
    assert tuple(paths.step) == ("carry", *network.recurrent.cell.recurrent_gates)


def test_what_is_kept_is_the_mean_of_the_forget_gate() -> None:
    lengths = torch.tensor([6, 3])
    x, d = torch.randn(2, 6, 2, 2, dtype=torch.float64)
    for cell, gate, state in (("lstm", 1, "c"), ("gru", 1, "h")):
        network = tt.Network(cell, 2, 3, 2, dtype=torch.float64)
        weights = network.recurrent.weights(0)
        with torch.no_grad():
            y, _ = network.recurrent(x)
        before = torch.cat([torch.zeros_like(y[:1]), y[:-1]])
        a = x @ weights.W.T + weights.b + before @ weights.U.T + weights.c
        values = torch.sigmoid(a.detach()[..., gate * 3 : gate * 3 + 3])
        valid = torch.arange(6)[:, None] < lengths
        kept = paths_of(network, x, d, lengths=lengths).kept
        assert kept is not None
        assert kept[state] == pytest.approx(float(values[valid].mean()), rel=1e-12)
        assert kept.get("h" if state == "c" else "c", 0.0) == 0.0


def test_a_cell_that_only_carries_and_one_that_never_does() -> None:
    x, d = torch.randn(2, 8, 2, 2, dtype=torch.float64)
    only = paths_of(tt.Network("quasi_recurrent", 2, 3, 2, dtype=torch.float64), x, d)
    assert only.step == {"carry": 1.0}
    assert only.share == pytest.approx((1.0,) * 5)
    never = paths_of(tt.Network("elman", 2, 3, 2, dtype=torch.float64), x, d)
    assert never.step == pytest.approx({"carry": 0.0, "a": 1.0})
    assert never.share[1:] == (0.0,) * 4


def test_a_gate_without_recurrent_weights_lets_nothing_through() -> None:
    network = tt.Network("gru", 2, 3, 2, dtype=torch.float64)
    with torch.no_grad():
        network.recurrent.weight_hh_l0[3:] = 0.0  # z and n
    step = paths_of(network, *torch.randn(2, 8, 2, 2, dtype=torch.float64)).step
    assert step["z"] == step["n"] == 0.0
    # r multiplies what n hears, and n hears nothing but its bias.
    assert step["carry"] + step["r"] == pytest.approx(1.0)
    assert step["r"] != 0.0


def test_a_cell_that_normalises_over_its_units_has_no_factor_of_its_own() -> None:
    @tt.cell(gates="a", state="h")
    def normed(wx, uh, h):
        return 0.5 * h + tt.tanh(tt.layer_norm(wx.a + uh.a))

    network = tt.Network(normed, 2, 4, 2, dtype=torch.float64)
    paths = paths_of(network, *torch.randn(2, 6, 1, 2, dtype=torch.float64))
    assert paths.kept is None
    assert paths.carry == pytest.approx([0.5**lag for lag in paths.lag])
