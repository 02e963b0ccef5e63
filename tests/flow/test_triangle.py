"""The gradient triangle against autograd on a plainly written loop. About 4 s."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import throughtime as tt
from tests.flow import plainly
from throughtime.flow import flow

squared = nn.MSELoss(reduction="none")


@pytest.mark.parametrize("cell", tt.cells.registry)
def test_the_triangle_equals_autograds_ragged_and_in_two_layers(cell: str) -> None:
    T, lengths = 7, [7, 4, 6]
    network = tt.Network(cell, 2, 3, 2, num_layers=2, dtype=torch.float64)
    x, d = torch.randn(2, T, 3, 2, dtype=torch.float64)
    start = plainly.start_of(network, 3)
    rows = [
        plainly.unrolled(network, x, d, start, row, length) for row, length in enumerate(lengths)
    ]
    x[4:, 1], d[6:, 2] = float("nan"), float("nan")
    result = flow(network, x, d, squared, plainly.as_state(start), torch.tensor(lengths))
    for number, layer in enumerate(result.layers):
        triangle = layer.triangle
        assert triangle.losses == tuple(range(T))
        for s in range(T):
            assert triangle.mean[s, s + 1 :].isnan().all()
            for t in range(s + 1):
                norms = [
                    float(row.gradient(s, number, t).norm())
                    for row, length in zip(rows, lengths, strict=True)
                    if s < length
                ]
                found = [
                    float(table[s, t])
                    for table in (triangle.mean, triangle.lower, triangle.median, triangle.upper)
                ]
                wanted = [np.mean(norms), *np.quantile(norms, [0.1, 0.5, 0.9])]
                np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-300)


def test_another_network_has_another_triangle() -> None:
    # The comparison above would notice a cell that is not the one measured.
    x, d = torch.randn(2, 7, 1, 2, dtype=torch.float64)
    network = tt.Network("gru", 2, 3, 2, dtype=torch.float64)
    other = tt.Network("minimal_gated", 2, 3, 2, dtype=torch.float64)
    row = plainly.unrolled(network, x, d, plainly.start_of(network, 1), 0, 7)
    mean = flow(other, x, d, squared).layers[0].triangle.mean
    assert abs(float(row.gradient(6, 0, 2).norm()) / float(mean[6, 2]) - 1) > 1e-3


def test_a_cell_whose_units_hear_each_other_in_other_ways_is_followed_too() -> None:
    @tt.cell(gates="a", state="h", units="gain")
    def normed(wx, uh, h, *, gain):
        return tt.tanh(gain * tt.layer_norm(wx.a + uh.a))

    network = tt.Network(normed, 2, 4, 2, num_layers=2, dtype=torch.float64)
    x, d = torch.randn(2, 6, 1, 2, dtype=torch.float64)
    start = [torch.zeros(2, 1, 4, dtype=torch.float64)]
    row = plainly.unrolled(network, x, d, start, 0, 6)
    for number, layer in enumerate(flow(network, x, d, squared).layers):
        for s, t in ((5, 0), (5, 5), (3, 1)):
            wanted = float(row.gradient(s, number, t).norm())
            assert float(layer.triangle.mean[s, t]) == pytest.approx(wanted, rel=1e-10)


def test_zoneout_counts_with_its_expectation() -> None:
    network = tt.Network("lstm", 2, 3, 1, dtype=torch.float64)
    network.recurrent = tt.nn.Recurrent("lstm", 2, 3, zoneout=(0.3, 0.1), dtype=torch.float64)
    network.eval()
    x, d = torch.randn(2, 6, 1, 2, dtype=torch.float64)
    start = torch.randn(2, 1, 1, 3, dtype=torch.float64).requires_grad_()
    y, _ = network(x, tuple(start))
    (by_start,) = torch.autograd.grad(((y[5] - d[5, :, :1]) ** 2).sum(), start)
    # One step more, before which nothing is lost: the state before the first one.
    whole = flow(network, x, d[..., :1], squared, tuple(start.detach()))
    after_one = network.recurrent(x[:1], tuple(start.detach()))[1]
    again = [s.detach().requires_grad_() for s in after_one]
    y, _ = network(x[1:], tuple(again))
    found = torch.autograd.grad(((y[4] - d[5, :, :1]) ** 2).sum(), again)
    wanted = float(torch.cat([g.flatten() for g in found]).norm())
    assert float(whole.layers[0].triangle.mean[5, 0]) == pytest.approx(wanted, rel=1e-10)
    assert by_start.any()


@pytest.mark.parametrize("kind", ["Recurrent", "GRU"])
def test_a_layer_is_read_by_a_readout_of_ones_own(kind: str) -> None:
    network = tt.Network("gru", 2, 3, 4, dtype=torch.float64)
    layer = network.recurrent
    if kind == "GRU":
        layer = tt.nn.GRU(2, 3, dtype=torch.float64)
        layer.load_state_dict(network.recurrent.state_dict())
    x = torch.randn(6, 2, 2, dtype=torch.float64)
    classes = torch.randint(4, (6, 2))

    def loss(y: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(y.movedim(-1, 1), classes, reduction="none")

    whole = flow(network, x, classes, loss).as_dict()
    assert flow(layer, x, classes, loss, readout=network.readout).as_dict() == whole
    with pytest.raises(ValueError, match="has its own readout"):
        flow(network, x, classes, loss, readout=network.readout)


@pytest.mark.parametrize("cell", ["lstm", "gru", "structural_context"])
def test_losses_that_go_back_in_pieces_arrive_at_the_same(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = tt.Network(cell, 2, 3, 2, num_layers=2, dtype=torch.float64)
    x, d = torch.randn(2, 9, 2, 2, dtype=torch.float64)
    kept = torch.zeros(9, 1, 1, dtype=torch.float64)
    kept[[1, 2, 5, 7, 8]] = 1.0  # steps that are no slice
    losses = [squared, lambda y, d: kept * (y - d) ** 2]
    whole = [flow(network, x, d, loss).as_dict() for loss in losses]
    monkeypatch.setattr("throughtime.flow.step_adjoint.AT_ONCE", 2 * 2 * 3)
    for loss, wanted in zip(losses, whole, strict=True):
        found = flow(network, x, d, loss).as_dict()
        for mine, theirs in zip(found["layers"], wanted["layers"], strict=True):
            np.testing.assert_allclose(mine["median"], theirs["median"], rtol=1e-12)
            np.testing.assert_allclose(
                mine["discarded"]["share"], theirs["discarded"]["share"], rtol=1e-9, atol=1e-14
            )


def test_rows_without_a_step_are_left_out() -> None:
    network = tt.Network("lstm", 2, 3, 2, dtype=torch.float64)
    x, d = torch.randn(2, 6, 3, 2, dtype=torch.float64)
    rows = [0, 2]
    some = flow(network, x, d, squared, lengths=[6, 0, 4])
    wanted = flow(network, x[:, rows], d[:, rows], squared, lengths=[6, 4])
    one, other = some.layers[0], wanted.layers[0]
    torch.testing.assert_close(one.triangle.mean, other.triangle.mean, equal_nan=True)
    np.testing.assert_allclose(one.median, other.median, rtol=1e-12)
    np.testing.assert_allclose(some.discarded(2), wanted.discarded(2), rtol=1e-12)
    assert one.paths.kept == pytest.approx(other.paths.kept, rel=1e-12)
    assert one.gates[0].mean == pytest.approx(other.gates[0].mean, rel=1e-12)


def test_one_step_and_one_unit_are_enough() -> None:
    network = tt.Network("lstm", 1, 1, 1, dtype=torch.float64)
    x, d = torch.randn(2, 1, 1, 1, dtype=torch.float64)
    (layer,) = flow(network, x, d, squared).layers
    row = plainly.unrolled(network, x, d, [torch.zeros(1, 1, 1).double()] * 2, 0, 1)
    assert float(layer.triangle.mean) == pytest.approx(float(row.gradient(0, 0, 0).norm()))
    assert layer.by_lag.growth is None


def test_a_large_triangle_is_thinned_in_files() -> None:
    network = tt.Network("gru", 1, 2, 1)
    figures = flow(network, *torch.randn(2, 100, 1, 1), squared).as_dict()
    triangle = json.loads(json.dumps(figures, allow_nan=False))["layers"][0]["triangle"]
    assert len(triangle["losses"]) == len(triangle["steps"]) == 48
    assert triangle["losses"][-1] == triangle["steps"][-1] == 99
    assert triangle["every"] is False
    assert triangle["mean"][0][1] is None
    assert len(triangle["mean"]) == len(triangle["mean"][0]) == 48


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_the_figures_are_those_of_the_processor_on_a_gpu() -> None:
    network = tt.Network("lstm", 1, 3, 1, num_layers=2, dtype=torch.float64)
    x, d = torch.randn(2, 12, 2, 1, dtype=torch.float64)
    here = flow(network, x, d, squared).layers[0]
    there = flow(network.cuda(), x.cuda(), d.cuda(), squared).layers[0]
    torch.testing.assert_close(there.triangle.mean, here.triangle.mean, equal_nan=True)
    np.testing.assert_allclose(there.median, here.median, rtol=1e-9)
