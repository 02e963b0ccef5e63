"""Truncation with a window found by measuring."""

from __future__ import annotations

import math
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from throughtime.gradients import TBPTT, AdaptiveTBPTT, Clipping

squared = nn.MSELoss(reduction="none")


def network(radius: float) -> tt.Network:
    """Linear in effect (small numbers): the gradient decays by `radius` a step."""
    torch.manual_seed(0)
    model = tt.Network("elman", 1, 6, 1).double()
    tt.nn.init.orthogonal_(model.recurrent)
    with torch.no_grad():
        model.recurrent.weight_hh_l0.mul_(radius)
        model.recurrent.weight_ih_l0.mul_(0.01)
        model.recurrent.bias_ih_l0.zero_()
        model.recurrent.bias_hh_l0.zero_()
    return model


def sequences(T: int = 200) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(T, 4, 1, dtype=torch.float64), torch.randn(T, 4, 1, dtype=torch.float64)


def run(model: tt.Network, method: AdaptiveTBPTT) -> list[dict[str, float]]:
    infos = []
    for update in method(model, *sequences(), squared):
        infos.append(update.info)
        model.zero_grad()
    return infos


def test_the_window_follows_the_decay() -> None:
    windows = {}
    for radius in (0.3, 0.8, 0.95):
        method = AdaptiveTBPTT(tolerance=0.1, k1=5, most=100, measure=2, forget=1.0)
        infos = run(network(radius), method)
        windows[radius] = infos[-1]["k2"]
        assert infos[-1]["window"] <= infos[-1]["k2"] or infos[-1]["window"] == 100
    assert windows[0.3] <= 10 < windows[0.8] < windows[0.95] <= 100


@pytest.mark.parametrize(("T", "most"), [(100, 50), (100, 200), (85, 200), (90, 50)])
def test_sequences_of_any_length_are_learned_from(T: int, most: int) -> None:
    """With 10 updates a sequence, every 10th has nothing to look back on: others are measured."""
    model, method = network(0.3), AdaptiveTBPTT(tolerance=0.3, k1=10, most=most, measure=10)
    windows = []
    for _ in range(4):
        for update in method(model, *sequences(T), squared):
            windows.append(update.info["window"])
            model.zero_grad()
    assert method.k2 == 10
    assert method.bias(1) <= 0.3
    assert windows[-2] == 10


def test_frozen_weights_leave_nothing_to_measure() -> None:
    model = network(0.3).requires_grad_(False)
    start = torch.zeros(1, 4, 6, dtype=torch.float64, requires_grad=True)
    list(AdaptiveTBPTT(k1=5, most=50, measure=1)(model, *sequences(), squared, start))
    assert start.grad is not None


def test_without_decay_the_window_is_the_longest() -> None:
    method = AdaptiveTBPTT(tolerance=0.1, k1=5, most=40, measure=1)
    run(network(1.05), method)
    assert method.k2 == 40
    assert method.bias(8) == math.inf


def true_bias(model: tt.Network, window: int) -> float:
    """The relative bias of the last update's gradient, against a window as long as the sequence."""
    found = []
    for k2 in (200, window):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in TBPTT(5, k2)(model, *sequences(), squared):
                flat = torch.cat([p.grad.flatten() for p in model.recurrent.parameters()])  # type: ignore[union-attr]
                model.zero_grad()
        found.append(flat)
    return float((found[1] - found[0]).norm() / found[0].norm())


@pytest.mark.parametrize("tolerance", [0.03, 0.3])
def test_the_bias_is_within_the_tolerance(tolerance: float) -> None:
    model = network(0.85)
    method = AdaptiveTBPTT(tolerance=tolerance, k1=5, most=100, measure=1)
    run(model, method)
    assert true_bias(model, method.k2) <= tolerance
    assert method.bias(method.k2 // 5) <= tolerance
    assert method.bias(method.k2 // 5 - 1) > tolerance, "the window is longer than need be"
    assert true_bias(model, 5) > tolerance, "the shortest window would have done: no test at all"


def test_between_measurements_the_gradient_is_that_of_its_window() -> None:
    torch.manual_seed(0)
    model = tt.Network("lstm", 1, 4, 1, num_layers=2).double()
    method = AdaptiveTBPTT(tolerance=0.2, k1=5, most=60, measure=10_000)
    method.k2 = 15
    found = []
    for update in method(model, *sequences(60), squared):
        assert update.info["window"] <= 15
        found.append([p.grad.clone() for p in model.parameters()])  # type: ignore[union-attr]
        model.zero_grad()
    for _, expected in zip(TBPTT(5, 15)(model, *sequences(60), squared), found, strict=True):
        for p, other in zip(model.parameters(), expected, strict=True):
            torch.testing.assert_close(p.grad, other)
        model.zero_grad()


def test_measuring_looks_back_the_whole_way_and_learning_goes_on() -> None:
    model = network(0.5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    method = AdaptiveTBPTT(tolerance=0.5, k1=5, most=50, measure=4, clip=Clipping(norm=1.0))
    windows = []
    for update in method(model, *sequences(), squared):
        windows.append(int(update.info["window"]))
        optimizer.step()
        optimizer.zero_grad()
    measured = [windows[place] for place in range(12, len(windows), 4)]
    assert measured == [50] * len(measured)
    assert windows[13] < 50


def test_a_state_taken_between_chunks_measures_when_it_would_have_been_measured() -> None:
    model, (x, d) = network(0.3), sequences(96)
    whole = AdaptiveTBPTT(tolerance=0.5, k1=2, most=8, measure=10)
    shortened = False
    for begin in range(0, 96, 16):
        again = AdaptiveTBPTT(tolerance=0.5, k1=2, most=8, measure=10)
        again.load_state_dict(whole.state_dict())
        windows = [
            [u.info["window"] for u in method(model, x[begin:][:16], d[begin:][:16], squared)]
            for method in (again, whole)
        ]
        assert windows[0] == windows[1]
        shortened |= 8.0 in windows[1][4:] and windows[1][-1] < 8.0
    assert shortened  # some windows are those of a measurement, and others are not


def test_it_measures_when_it_would_have_without_a_stop() -> None:
    def windows(method: AdaptiveTBPTT) -> list[float]:
        updates = method(network(0.3), *sequences(60), squared)
        return [update.info["window"] for update in updates]

    def made() -> AdaptiveTBPTT:
        return AdaptiveTBPTT(tolerance=0.3, k1=5, most=30, measure=9)

    first, second, wrong = made(), made(), made()
    windows(first)
    second.load_state_dict(first.state_dict())
    wrong.load_state_dict(first.state_dict() | {"due": 0})
    going_on = windows(first)
    assert windows(second) == going_on
    assert windows(wrong) != going_on


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tolerance": 0.0}, "tolerance is a share between 0 and 1"),
        ({"k1": 7, "most": 20}, "most=20 must be a multiple of k1=7"),
        ({"k1": -1}, "k1 is a whole number of steps"),
        ({"forget": 0.0}, "forget is a share"),
        ({"tolerance": "x"}, "tolerance is a share between 0 and 1, got 'x'"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdaptiveTBPTT(**options)
