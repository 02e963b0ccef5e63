"""Gradient flow: norms by lag, against autograd on a plainly written loop."""

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from tests.contracts import plain
from throughtime.flow import Flow, LayerFlow, flow

squared = nn.MSELoss(reduction="none")


def norms_by_autograd(
    network: tt.Network, x: Tensor, d: Tensor, start: list[Tensor]
) -> dict[tuple[int, int, int, int], float]:
    """Give |dE_s/dS_t| by layer, row, s and t.

    Every state passes through an alias of its own before anything reads it, so that each of
    several states counts by itself.
    """
    layer = network.recurrent
    step = plain.step_of(layer.cell)
    T, B = x.shape[:2]
    norms = {}
    for row in range(B):
        states = [[s[number, row] for s in start] for number in range(layer.num_layers)]
        aliases: dict[tuple[int, int], list[Tensor]] = {}
        errors = []
        for t in range(T):
            below = x[t, row]
            for number in range(layer.num_layers):
                weights = layer.weights(number)
                a = plain.affine(weights.W, below, weights.b)
                u = plain.affine(weights.U, states[number][0], weights.c)
                new = step(a, u, states[number], weights.units)
                states[number] = aliases[number, t] = [s.view_as(s) for s in new]
                below = states[number][0]
            errors.append(((network.readout(below) - d[t, row]) ** 2).sum())
        for s in range(T):
            for (number, t), alias in aliases.items():
                if t <= s:
                    found = torch.autograd.grad(
                        errors[s], alias, retain_graph=True, allow_unused=True
                    )
                    parts = [g for g in found if g is not None]
                    norms[number, row, s, t] = float(torch.cat(parts).norm())
    return norms


@pytest.mark.parametrize("cell", tt.cells.registry)
@pytest.mark.parametrize("samples", [32, 2])
def test_norms_equal_autograds(cell: str, samples: int) -> None:
    T, B, layers = 9, 2, 2
    network = tt.Network(cell, 2, 3, 2, num_layers=layers, dtype=torch.float64)
    x, d = torch.randn(2, T, B, 2, dtype=torch.float64)
    start = [torch.randn(layers, B, 3, dtype=torch.float64) for _ in network.recurrent.cell.states]
    norms = norms_by_autograd(network, x, d, start)
    result = flow(
        network, x, d, squared, tuple(start) if len(start) > 1 else start[0], samples=samples
    )
    assert result.losses == ((4, 5, 6, 7, 8) if samples == 32 else (4, 8))
    for number, layer in enumerate(result.layers):
        assert layer.name == f"layer {number}"
        assert layer.lag == (0, 1, 2, 3, 4)
        table = np.array(
            [
                [norms[number, row, s, s - lag] / norms[number, row, s, s] for lag in layer.lag]
                for s in result.losses
                for row in range(B)
            ]
        )
        np.testing.assert_allclose(layer.median, np.quantile(table, 0.5, axis=0), rtol=1e-10)
        np.testing.assert_allclose(layer.lower, np.quantile(table, 0.1, axis=0), rtol=1e-10)
        np.testing.assert_allclose(layer.upper, np.quantile(table, 0.9, axis=0), rtol=1e-10)


def test_measuring_changes_nothing() -> None:
    network = tt.Network("lstm", 1, 3, 1, num_layers=2, dropout=0.5)
    x, d = torch.randn(2, 8, 2, 1)
    before = torch.get_rng_state()
    first = flow(network, x, d, squared)
    assert torch.equal(torch.get_rng_state(), before), "dropout was drawn"
    assert first == flow(network, x, d, squared)
    assert all(p.grad is None for p in network.parameters())
    assert network.training
    with torch.no_grad():
        assert flow(network, x, d, squared) == first


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
    for norms in (layer.median, layer.lower, layer.upper):
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
    np.testing.assert_allclose(layer.upper, [0.5**lag for lag in layer.lag], rtol=1e-10)


def test_the_horizon_is_that_of_the_layer_that_reaches_furthest() -> None:
    def layer(name: str, *norms: float) -> LayerFlow:
        return LayerFlow(name, tuple(range(len(norms))), norms, norms, norms)

    short, long = layer("layer 0", 1.0, 0.1, 0.01), layer("layer 1", 1.0, 0.5, 0.1)
    assert short.horizon(0.1) == 1
    assert long.horizon(0.1) == 2
    assert long.horizon(0.01) is None
    assert Flow((short, long), (2,)).horizon(0.1) == 2
    assert Flow((short, long), (2,)).horizon(0.01) is None


def test_figures_are_plain() -> None:
    figures = json.loads(json.dumps(measure(decaying(0.5), T=21).as_dict(0.1)))
    assert figures["fraction"] == 0.1
    assert figures["losses"] == list(range(10, 21))
    assert figures["steps"] == 11
    (layer,) = figures["layers"]
    assert layer["name"] == "layer 0"
    assert layer["horizon"] == 4
    assert len(layer["lag"]) == len(layer["median"]) == len(layer["lower"]) == 11


def test_a_long_sequence_is_sampled_evenly() -> None:
    result = measure(decaying(0.9), T=200, B=1, samples=5)
    assert result.losses == (100, 125, 150, 174, 199)
    assert result.layers[0].lag == tuple(range(101))


# What is refused.


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (nn.GRU(1, 2), TypeError, r"flow needs a throughtime\.Network, got GRU"),
        (tt.nn.Recurrent("gru", 1, 2), TypeError, "got Recurrent"),
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
    message = "nothing to learn from" if T * B == 0 else "at least one sample, got 0"
    with pytest.raises(ValueError, match=message):
        measure(decaying(0.5), T=T, B=B, samples=samples)


def test_no_gradient_at_all_is_refused() -> None:
    network = tt.Network("gru", 1, 2, 1)
    x = torch.randn(5, 2, 1)
    with torch.no_grad(), tt.engine.use("reference"):  # the very numbers that flow computes
        d, _ = network(x)
    with pytest.raises(ValueError, match="every sampled loss has a gradient of zero"):
        flow(network, x, d, squared)


def test_a_gradient_that_is_not_finite_is_refused_as_such() -> None:
    network = tt.Network("gru", 1, 2, 1)
    x, d = torch.randn(2, 5, 2, 1)
    d[3] = float("nan")
    with pytest.raises((ValueError, FloatingPointError), match=r"finite|NaN|nan"):
        flow(network, x, d, squared)


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
