"""Gated cells with fewer gates than a GRU."""

import torch

import throughtime as tt
from tests.cells.blocks import fix, gate_rows, pair, tie
from tests.contracts.closeness import assert_close


def test_the_minimal_gated_unit_is_a_gru_with_tied_gates() -> None:
    minimal, gru, x = pair("minimal_gated", "gru")
    tie(gru, "n", minimal, "n")
    tie(gru, "r", minimal, "f")
    tie(gru, "z", minimal, "f", -1.0)  # the GRU's z keeps, f renews
    assert_close(minimal(x)[0], gru(x)[0], "outputs", 1e-12)


def test_a_light_gru_keeps_or_is_rectified() -> None:
    light, relu, x = pair("light_gru", "elman_relu")
    tie(relu, "a", light, "n")
    fix(light, "z", -1000.0)
    assert_close(light(x)[0], relu(x)[0], "outputs", 1e-12)
    fix(light, "z", 1000.0)
    start = torch.randn(1, 2, 3, dtype=torch.float64)
    assert torch.equal(light(x, start)[1], start)


def test_a_light_gru_is_a_gru_where_candidates_are_positive_and_small() -> None:
    light, gru, x = pair("light_gru", "gru")
    fix(gru, "r", 1000.0)
    for gate in "zn":
        tie(gru, gate, light, gate)
    for layer in (light, gru):
        for rows in gate_rows(layer, "n"):
            rows.abs_().mul_(1e-4)
    x = x.abs()
    # tanh(a) = a - a^3 / 3, and a stays below 1e-3.
    assert_close(light(x)[0], gru(x)[0], "outputs", 1e-6)
    assert light(x)[0].any()


def test_the_leak_is_the_share_of_the_new() -> None:
    whole = tt.nn.Recurrent(tt.cells.leaky.replace(leak=1.0), 2, 3, dtype=torch.float64)
    elman = tt.nn.Recurrent("elman", 2, 3, dtype=torch.float64)
    elman.load_state_dict(whole.state_dict())
    x = torch.randn(5, 2, 2, dtype=torch.float64)
    assert_close(whole(x)[0], elman(x)[0], "leak 1", 1e-12)
    frozen = tt.nn.Recurrent(tt.cells.leaky.replace(leak=0.0), 2, 3, dtype=torch.float64)
    start = torch.randn(1, 2, 3, dtype=torch.float64)
    assert torch.equal(frozen(x, start)[1], start)
