"""What truncation discards, against autograd on plainly written loops that are cut. About 6 s."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from tests.flow import plainly
from throughtime.flow import Discarded, Truncation, flow

squared = nn.MSELoss(reduction="none")


def gradients(
    network: tt.Network, x: Tensor, d: Tensor, start: list[Tensor], lengths: list[int], k2: int
) -> list[Tensor]:
    """Give the gradient of the sum of all losses with the terms of each loss's window of k2."""
    parameters = list(network.parameters())
    sums = [torch.zeros_like(p) for p in parameters]
    for row, length in enumerate(lengths):
        for s in range(length):
            run = plainly.unrolled(network, x, d, start, row, s + 1, cut=max(0, s + 1 - k2))
            found = torch.autograd.grad(run.errors[s], parameters, allow_unused=True)
            for total, part in zip(sums, found, strict=True):
                if part is not None:
                    total += part
    return sums


def compared(within: list[Tensor], full: list[Tensor]) -> tuple[float, float]:
    one, other = (torch.cat([g.flatten() for g in part]) for part in (within, full))
    cosine = torch.nn.functional.cosine_similarity(one, other, 0, eps=1e-300)
    return float((other - one).norm() / other.norm()), float(cosine)


@pytest.mark.parametrize("cell", tt.cells.registry)
def test_what_a_window_discards_equals_autograds(cell: str) -> None:
    T, lengths = 5, [5, 3]
    network = tt.Network(cell, 2, 3, 2, num_layers=2, dtype=torch.float64)
    x, d = torch.randn(2, T, 2, 2, dtype=torch.float64)
    start = plainly.start_of(network, 2)
    result = flow(network, x, d, squared, plainly.as_state(start), torch.tensor(lengths))
    names = [name for name, _ in network.named_parameters()]
    full = gradients(network, x, d, start, lengths, T)
    for k2 in (1, 3):
        within = gradients(network, x, d, start, lengths, k2)
        np.testing.assert_allclose(result.discarded(k2), compared(within, full), rtol=1e-10)
        for number, layer in enumerate(result.layers):
            own = [name.endswith(f"_l{number}") for name in names]
            parts = [[g for g, o in zip(part, own, strict=True) if o] for part in (within, full)]
            assert layer.truncation is not None
            found = layer.truncation.discarded(k2)
            np.testing.assert_allclose(found, compared(*parts), rtol=1e-10)
    assert result.discarded(k2=T).share < 1e-14
    assert result.discarded(k2=T).cosine == pytest.approx(1.0, abs=1e-12)
    assert result.discarded(k2=100) == (0.0, 1.0)
    # The comparison would notice a window of another length.
    assert abs(result.discarded(2).share - result.discarded(3).share) > 1e-6


def test_it_is_what_truncated_backpropagation_leaves_out() -> None:
    network = tt.Network("gru", 2, 4, 1, dtype=torch.float64)
    x, d = torch.randn(12, 3, 2, dtype=torch.float64), torch.randn(12, 3, 1, dtype=torch.float64)

    def gradient(method: tt.GradientMethod) -> list[Tensor]:
        network.zero_grad()
        for _ in method(network, x, d, squared):
            pass
        return [p.grad.clone() for p in network.parameters() if p.grad is not None]

    full, within = gradient(tt.BPTT(reduce="sum")), gradient(tt.TBPTT(1, 4, reduce="sum"))
    found = flow(network, x, d, squared).discarded(4)
    np.testing.assert_allclose(found, compared(within, full), rtol=1e-10)


def test_the_shortest_window_that_keeps_enough_is_found() -> None:
    network = tt.Network("elman", 1, 3, 1, dtype=torch.float64)
    truncation = flow(network, *torch.randn(2, 40, 2, 1, dtype=torch.float64), squared).truncation
    assert truncation is not None
    k2 = truncation.window(0.01)
    assert truncation.discarded(k2).share <= 0.01
    assert truncation.discarded(k2 - 1).share > 0.01
    assert truncation.window(1e9) == 1


def test_of_a_sample_of_losses_it_is_the_gradient_of_these() -> None:
    network = tt.Network("gru", 1, 3, 1, dtype=torch.float64)
    x, d = torch.randn(2, 9, 2, 1, dtype=torch.float64)
    kept = torch.zeros(9, 1, 1, dtype=torch.float64)
    kept[[2, 5, 8]] = 1.0
    some = flow(network, x, d, lambda y, d: kept * (y - d) ** 2)
    sampled = flow(network, x, d, squared, samples=3)
    assert some.losses == sampled.losses == (2, 5, 8)
    assert some.discarded(2) == pytest.approx(sampled.discarded(2), rel=1e-12)


def test_a_window_without_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one step, got k2=0"):
        Truncation((), 1.0, 1.0).discarded(0)


def test_a_gradient_that_is_no_number_has_no_share() -> None:
    network = tt.Network("elman_relu", 1, 1, 1, dtype=torch.float64)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(0.0)
        network.recurrent.weight_hh_l0.fill_(100.0)
        network.recurrent.bias_hh_l0.fill_(1e-290)
        network.readout.weight.fill_(1.0)
    result = flow(network, torch.zeros(90, 1, 1).double(), torch.ones(90, 1, 1).double(), squared)
    assert result.as_dict()["discarded"] is None
    with pytest.raises(ValueError, match="not finite"):
        result.discarded(3)


def test_without_a_gradient_by_the_weights_nothing_is_discarded() -> None:
    network = tt.Network("elman", 1, 1, 1, bias=False, dtype=torch.float64)
    zeros = torch.zeros(4, 1, 1, dtype=torch.float64)
    layer = flow(network, zeros, zeros + 1, squared).layers[0]
    assert layer.truncation is not None
    share, cosine = layer.truncation.discarded(2)
    assert share == 0.0
    assert math.isnan(cosine)


def test_round_windows_are_among_those_that_are_recorded() -> None:
    """Of many steps not every window is: those that people ask for are."""
    windows = tuple(Discarded(1 / k2, 1.0) for k2 in range(1, 778))
    found = Truncation(windows, 1.0, 1.0).as_dict(most=50)
    assert {1, 2, 5, 10, 20, 50, 100, 200, 500, 777} <= set(found["k2"])
    assert len(found["k2"]) < 60
    assert found["share"] == [1 / k2 for k2 in found["k2"]]
