"""Gradient flow: norms by lag, against autograd on a plainly written loop."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import throughtime as tt
from tests.flow import plainly
from throughtime.flow import ByLag, Flow, NoFlowError, flow
from throughtime.flow.by_lag import growth

squared = nn.MSELoss(reduction="none")


@pytest.mark.parametrize("cell", tt.cells.registry)
def test_norms_equal_autograds(cell: str) -> None:
    T, B, layers = 9, 2, 2
    network = tt.Network(cell, 2, 3, 2, num_layers=layers, dtype=torch.float64)
    x, d = torch.randn(2, T, B, 2, dtype=torch.float64)
    start = plainly.start_of(network, B)
    rows = [plainly.unrolled(network, x, d, start, row, T) for row in range(B)]
    every = flow(network, x, d, squared, plainly.as_state(start))
    some = flow(network, x, d, squared, plainly.as_state(start), samples=3)
    assert every.losses == tuple(range(T))
    assert every.every
    assert some.losses == (2, 5, 8)
    assert not some.every
    for result, counted in ((every, (4, 5, 6, 7, 8)), (some, (5, 8))):
        for number, layer in enumerate(result.layers):
            assert layer.name == f"layer {number}"
            assert layer.lag == tuple(range(counted[0] + 1))
            table = np.array(
                [
                    [float(row.gradient(s, number, s - lag).norm()) for lag in layer.lag]
                    for s in counted
                    for row in rows
                ]
            )
            table = table / table[:, :1]
            by_lag = layer.by_lag
            for norms, share in ((by_lag.median, 0.5), (by_lag.lower, 0.1), (by_lag.upper, 0.9)):
                np.testing.assert_allclose(norms, np.quantile(table, share, axis=0), rtol=1e-10)


def test_measuring_changes_nothing() -> None:
    network = tt.Network("lstm", 1, 3, 1, num_layers=2, dropout=0.5)
    x, d = torch.randn(2, 8, 2, 1)
    before = torch.get_rng_state()
    first = flow(network, x, d, squared)
    assert torch.equal(torch.get_rng_state(), before), "dropout was drawn"
    assert first.as_dict() == flow(network, x, d, squared).as_dict()
    assert all(p.grad is None for p in network.parameters())
    assert network.training
    with torch.no_grad():
        assert flow(network, x, d, squared).as_dict() == first.as_dict()


def test_a_state_that_needs_gradients_may_be_carried_in() -> None:
    network = tt.Network("gru", 1, 3, 1)
    x, d = torch.randn(2, 8, 2, 1)
    _, state = network(x)
    assert len(flow(network, x, d, squared, state).layers) == 1


# A network whose gradient decays by a known factor: h_t = W x_t + decay * h_{t-1}.


@tt.cell(gates="a", state="h")
def linear(wx, uh, h):
    return wx.a + uh.a


def decaying(factor: float, layers: int = 1) -> tt.Network:
    network = tt.Network(linear, 1, 3, 1, num_layers=layers, dtype=torch.float64)
    tt.nn.init.identity_(network.recurrent, factor)
    return network


def measure(network: tt.Network, T: int = 101, B: int = 2, **options: Any) -> Flow:
    x, d = torch.randn(2, T, B, 1, dtype=torch.float64)
    return flow(network, x, d, squared, **options)


@pytest.mark.parametrize("factor", [0.5, 0.8, 0.93, 1.0, 1.1])
def test_the_norm_decays_by_the_known_factor(factor: float) -> None:
    result = measure(decaying(factor))
    (layer,) = result.layers
    assert layer.lag == tuple(range(51))
    expected = [factor**lag for lag in layer.lag]
    for norms in (layer.median, layer.by_lag.lower, layer.by_lag.upper):
        np.testing.assert_allclose(norms, expected, rtol=1e-10)
    for fraction in (0.5, 0.1, 0.01):
        reach = math.ceil(math.log(fraction) / math.log(factor) - 1e-9) if factor < 1 else 99
        assert result.horizon(fraction) == (reach if reach <= 50 else None)


def test_one_row_and_one_sample_are_enough() -> None:
    result = measure(decaying(0.5), T=1, B=1, samples=1)
    assert result.layers[0].lag == (0,)
    assert result.layers[0].median == (1.0,)
    assert result.horizon() is None
    assert result.horizon(1.0) == 0


def test_rows_without_a_gradient_do_not_count() -> None:
    network = decaying(0.5)
    x, d = torch.randn(2, 11, 2, 1, dtype=torch.float64)
    with torch.no_grad():
        d[:, 0] = network(x)[0][:, 0]  # no error in row 0
    (layer,) = flow(network, x, d, squared).layers
    np.testing.assert_allclose(layer.by_lag.upper, [0.5**lag for lag in layer.lag], rtol=1e-10)


def test_the_horizon_is_that_of_the_layer_that_reaches_furthest() -> None:
    def seen(*reaches: int | None) -> Flow:
        network = tt.Network("gru", 1, 2, 1, num_layers=len(reaches), dtype=torch.float64)
        result = measure(network, T=5)
        layers = []
        for layer, reach in zip(result.layers, reaches, strict=True):
            norms = tuple(0.001 if reach is not None and lag >= reach else 1.0 for lag in range(9))
            layers.append(replace(layer, by_lag=ByLag(tuple(range(9)), norms, norms, norms, 1.0)))
        return replace(result, layers=tuple(layers))

    assert seen(3, 5).horizon() == 5
    assert seen(5, 3).horizon() == 5
    assert seen(5, None).horizon() is None


def test_the_growth_is_that_of_the_later_lags() -> None:
    curve = [0.9**lag * (1 + 5 * 0.3**lag) for lag in range(101)]
    assert growth(curve) == pytest.approx(0.9, rel=1e-12)
    assert growth([0.9**lag for lag in range(40)] + [0.0] * 60) == pytest.approx(0.9, rel=1e-12)
    assert growth([1.0, 0.5]) == pytest.approx(0.5, rel=1e-12)
    assert growth([1.0, 0.0, 0.0]) == 0.0
    assert growth([1.0]) is None


def test_a_loss_at_the_last_step_alone_shows_all_lags() -> None:
    network = decaying(0.5)
    x, d = torch.randn(2, 21, 2, 1, dtype=torch.float64)
    last = torch.zeros(21, 1, 1, dtype=torch.float64)
    last[-1] = 1.0
    result = flow(network, x, d, lambda y, d: last * (y - d) ** 2)
    assert result.losses == (20,)
    assert result.every
    assert result.layers[0].lag == tuple(range(21))
    np.testing.assert_allclose(result.layers[0].median, [0.5**lag for lag in range(21)], rtol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_gradient_that_vanishes_is_followed_to_the_end_of_the_numbers(
    dtype: torch.dtype,
) -> None:
    network = decaying(0.01).to(dtype)
    x, d = torch.randn(2, 401, 2, 1, dtype=dtype)
    (layer,) = flow(network, x, d, squared).layers
    np.testing.assert_allclose(layer.median[:70], [0.01**lag for lag in range(70)], rtol=1e-5)
    assert layer.lag == tuple(range(201))
    assert layer.median[75:] == (0.0,) * 126
    assert layer.by_lag.growth == pytest.approx(0.01, rel=1e-6)


def test_a_gradient_that_grows_beyond_all_numbers_is_followed_as_far_as_they_go() -> None:
    network = decaying(1.0)
    x, d = torch.randn(2, 401, 2, 1, dtype=torch.float64)
    with torch.no_grad():  # nothing comes in that could grow: the states stay zero
        network.recurrent.weight_ih_l0.zero_()
        network.recurrent.weight_hh_l0.mul_(100.0)
    (layer,) = flow(network, x, d, squared).layers
    assert layer.by_lag.overflow is not None
    assert 70 < layer.by_lag.overflow < 80
    assert layer.lag == tuple(range(layer.by_lag.overflow))
    assert layer.by_lag.growth == pytest.approx(100.0, rel=1e-6)
    assert layer.triangle.mean[-1, 401 - layer.by_lag.overflow :].isfinite().all()
    assert layer.triangle.mean[-1, : 401 - layer.by_lag.overflow].isnan().all()
    json.dumps(flow(network, x, d, squared).as_dict(), allow_nan=False)


def test_figures_are_plain() -> None:
    figures = json.loads(json.dumps(measure(decaying(0.5), T=21).as_dict(0.1)))
    assert figures["fraction"] == 0.1
    assert figures["losses"] == list(range(21))
    assert figures["steps"] == 11
    (layer,) = figures["layers"]
    assert layer["name"] == "layer 0"
    assert layer["horizon"] == 4
    assert len(layer["lag"]) == len(layer["median"]) == len(layer["lower"]) == 11


def test_a_long_sequence_is_sampled_evenly() -> None:
    result = measure(decaying(0.9), T=200, B=1, samples=5)
    assert result.losses == (39, 79, 119, 159, 199)
    assert result.layers[0].lag == tuple(range(120))
    assert not result.every
    assert result.as_dict()["every"] is False


# What is refused.


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (nn.GRU(1, 2), TypeError, r"in a throughtime\.Network or in a layer .*; got GRU"),
        (nn.Linear(1, 1), TypeError, "got Linear"),
        (tt.nn.LSTM(1, 2, proj_size=1), ValueError, "proj_size=0"),
        (tt.Network("gru", 1, 2, 1, bidirectional=True), ValueError, "bidirectional=False"),
        (tt.Network("gru", 1, 2, 1, batch_first=True), ValueError, "batch_first=False"),
    ],
)
def test_models_that_cannot_be_measured_are_refused(
    model: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        flow(model, torch.zeros(4, 1, 1), torch.zeros(4, 1, 1), squared)


@pytest.mark.parametrize(("T", "B", "samples"), [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_nothing_to_measure_is_refused(T: int, B: int, samples: int) -> None:
    message = (
        "nothing to learn from" if T * B == 0 else "samples must be an integer of at least 1, got 0"
    )
    with pytest.raises(ValueError, match=message):
        measure(decaying(0.5), T=T, B=B, samples=samples)


def test_no_gradient_at_all_is_refused() -> None:
    network = tt.Network("gru", 1, 2, 1)
    x = torch.randn(5, 2, 1)
    with torch.no_grad(), tt.engine.use("reference"):  # the very numbers that flow computes
        d, _ = network(x)
    with pytest.raises(ValueError, match="every loss has a gradient of zero"):
        flow(network, x, d, squared)


def test_a_gradient_that_is_not_finite_is_refused_as_such() -> None:
    network = tt.Network("gru", 1, 2, 1)
    x, d = torch.randn(2, 5, 2, 1)
    d[3] = float("nan")
    with pytest.raises(NoFlowError, match=r"not finite at step 3 \(row 0\)"):
        flow(network, x, d, squared)


def test_inputs_that_are_no_numbers_are_named() -> None:
    network = tt.Network("gru", 1, 2, 1)
    x, d = torch.randn(2, 5, 2, 1)
    x[2, 1] = float("nan")
    with pytest.raises(NoFlowError, match=r"inputs are not finite from step 2 on \(row 1\)"):
        flow(network, x, d, squared)
    flow(network, x, d, squared, lengths=torch.tensor([5, 2]))  # in the padding


def test_activations_that_are_no_numbers_are_named_where_they_begin() -> None:
    @tt.cell(gates="a", state="h")
    def rooted(wx, uh, h):
        return tt.sqrt(wx.a) + 0.0 * uh.a

    network = tt.Network(rooted, 1, 2, 1, num_layers=2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0)
    x = torch.ones(5, 2, 1)
    x[3, 1] = -9.0
    message = r"layer 0: .* from step 3 on \(row 1, unit 0\): sqrt\(-\d+\) is not a number"
    with pytest.raises(NoFlowError, match=message):
        flow(network, x, torch.zeros(5, 2, 1), squared)


def test_weights_that_are_no_numbers_are_named() -> None:
    network = tt.Network("gru", 1, 2, 1, num_layers=2)
    with torch.no_grad():
        network.recurrent.weight_hh_l1[0, 0] = float("nan")
    with pytest.raises(NoFlowError, match=r"layer 1: .* from step 0 on .*weights are not finite"):
        flow(network, *torch.randn(2, 5, 2, 1), squared)


@pytest.mark.parametrize(
    ("x", "d", "loss", "state", "message"),
    [
        ((5, 2, 1), (5, 2, 2), squared, None, r"\(5, 2, 1\), targets \(5, 2, 2\)"),
        ((5, 2, 1), (5, 2, 1), nn.MSELoss(), None, 'reduction="none"'),
        ((5, 2, 3), (5, 2, 1), squared, None, r"3 column\(s\).*input_size=1"),
        ((5, 1), (5, 1), squared, None, r"\[T, B, I\]"),
        ((5, 2, 1), (5, 2, 1), squared, (1, 3, 2), r"\[1, 2, 2\], got \[1, 3, 2\]"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    x: tuple[int, ...],
    d: tuple[int, ...],
    loss: Any,
    state: tuple[int, ...] | None,
    message: str,
) -> None:
    network = tt.Network("gru", 1, 2, 1)
    before = None if state is None else torch.zeros(state)
    with pytest.raises(ValueError, match=message):
        flow(network, torch.zeros(x), torch.zeros(d), loss, before)
