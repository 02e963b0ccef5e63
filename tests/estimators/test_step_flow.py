"""Gradient flow of a regressor: what it is measured on, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import throughtime as tt
from throughtime.data import DataError
from throughtime.data.tasks.asked import squared
from throughtime.estimators import SequenceRegressor, SettingsError
from throughtime.estimators.parameters import NotFittedError
from throughtime.estimators.step_flow import BEFORE, Excerpt, excerpts_of, state_before
from throughtime.flow import Flow, NoFlowError
from throughtime.flow.probe import FlowProbe

Arrays = list[Any]


def drawn(*lengths: int, columns: int = 1) -> tuple[Arrays, Arrays]:
    draw = np.random.default_rng(0)
    X = [draw.normal(size=(T, columns)) for T in lengths]
    return X, [np.convolve(x[:, 0], [0.2, 0.5, 0.3])[: len(x)] for x in X]


@pytest.fixture(scope="module")
def fitted() -> tuple[SequenceRegressor, Arrays, Arrays]:
    X, y = drawn(90)
    regressor = SequenceRegressor(
        per="step", hidden=5, epochs=20, warm_up=10, learning_rate=0.03, dtype="float64"
    )
    return regressor.fit(X, y), X, y


def by_hand(regressor: SequenceRegressor, X: Arrays, y: Arrays, state: Any) -> Flow:
    """Measure what comes after the warm-up of one sequence."""
    x = regressor.scaling_.apply(torch.from_numpy(X[0]))[10:, None]
    d = regressor.target_scaling_.apply(torch.from_numpy(y[0])[:, None])[10:, None]
    return tt.flow(regressor.network_, x, d, squared, state)  # type: ignore[arg-type]


def test_it_is_measured_after_the_warm_up_from_the_state_that_this_leads_to(
    fitted: tuple[SequenceRegressor, Arrays, Arrays],
) -> None:
    regressor, X, y = fitted
    before = regressor.scaling_.apply(torch.from_numpy(X[0]))[:10, None]
    with torch.no_grad():
        _, state = regressor.network_(before)
    found = regressor.flow(X, y)
    assert found.as_dict() == by_hand(regressor, X, y, state).as_dict()
    assert found.pooling is None
    # The control: without that state the figures are others.
    assert found.as_dict() != by_hand(regressor, X, y, None).as_dict()


def test_excerpts_are_spread_over_sequences_and_over_long_ones() -> None:
    assert excerpts_of([5000], 1000, steps=600) == [
        Excerpt(0, range(stop - 600, stop)) for stop in (2000, 3000, 4000, 5000)
    ]
    assert excerpts_of([1300], 0, steps=600) == [
        Excerpt(0, range(50, 650)), Excerpt(0, range(700, 1300)),
    ]  # fmt: skip
    many = excerpts_of([30] * 9, 25, steps=600)
    assert [one.sequence for one in many] == [0, 3, 5, 8]
    assert all(one.steps == range(25, 30) for one in many)


def test_each_excerpt_begins_with_the_state_of_its_own_sequence() -> None:
    """Side by side as one by one, where one has no step before it and one a great many."""
    x = [torch.from_numpy(one) for one in drawn(11, 400, 2 * BEFORE)[0]]
    torch.manual_seed(0)
    network = tt.Network("lstm", 1, 3, 1, dtype=torch.float64)
    excerpts = excerpts_of([len(one) for one in x], 0)
    assert [one.steps.start for one in excerpts] == [0, 0, 2 * BEFORE - 600]
    found = state_before(network, x, excerpts, BEFORE)
    for row, one in enumerate(excerpts):
        before = x[row][max(0, one.steps.start - BEFORE) : one.steps.start, None]
        for part, together in enumerate(found):
            expected = torch.zeros(3, dtype=torch.float64)
            if len(before):
                expected = network(before)[1][part][0, 0]
            torch.testing.assert_close(together[0, row], expected, rtol=0, atol=1e-14)
    assert state_before(network, x, excerpts[:2], BEFORE) is None


def test_a_sequence_of_one_answer_is_followed_from_where_its_loss_enters() -> None:
    X, _ = drawn(12, 30, 25, 18, columns=2)
    regressor = SequenceRegressor(hidden=4, epochs=2, bidirectional=True)
    means = np.array([x.mean(0) for x in X])
    found = regressor.fit(X, means).flow(X, means)
    assert found.pooling == "last"
    assert [layer.name for layer in found.layers] == [
        "layer 0, forward direction", "layer 0, backward direction",
    ]  # fmt: skip
    with pytest.raises(SettingsError, match="a sequence has one; give per='step'"):
        regressor.walk(X, means)


def test_a_walk_has_the_last_steps_and_the_losses_that_were_learned(
    fitted: tuple[SequenceRegressor, Arrays, Arrays],
) -> None:
    regressor, X, y = fitted
    found = regressor.walk(X, y)
    assert found.labels == [str(step) for step in range(26, 90)]
    told = regressor.predict(X)[0]
    scale = regressor.target_scaling_.scale[0]
    losses = ((told - y[0]) / scale)[26:] ** 2
    np.testing.assert_allclose(np.array(found.losses, float), losses, rtol=1e-9)


def test_a_probe_changes_nothing(fitted: tuple[SequenceRegressor, Arrays, Arrays]) -> None:
    regressor, X, y = fitted
    other = SequenceRegressor(**regressor.get_params())
    training = other.prepared(X, y)
    probe = training.probe()
    assert isinstance(probe, FlowProbe)
    other.learn(training, [probe])
    assert probe.looks[0].update == 1
    assert probe.looks[0].layers
    for one, two in zip(other.network_.parameters(), regressor.network_.parameters(), strict=True):
        assert torch.equal(one, two)


def test_what_cannot_be_measured_is_said(
    fitted: tuple[SequenceRegressor, Arrays, Arrays],
) -> None:
    regressor, X, y = fitted
    for more, targets, said in (
        (X, [y[0][:-1]], "sequence 0 has 90 steps and targets for 89"),
        (X * 2, y, "2 sequences and 1 targets"),
        ([X[0][:10]], [y[0][:10]], "none after the warm-up of 10"),
        (X, [np.stack([y[0]] * 2, 1)], "targets have 2 columns, those learned have 1"),
        ([np.hstack([X[0]] * 2)], y, "has 2 columns, not 1"),
        ([X[0] * np.nan], y, "sequence 0 has nan in step 0"),
    ):
        for measure in (regressor.flow, regressor.walk):
            with pytest.raises(DataError, match=said):
                measure(more, targets)
    with pytest.raises(NotFittedError):
        SequenceRegressor(per="step").flow(X, y)
    both = SequenceRegressor(per="step", hidden=2, epochs=1, bidirectional=True)
    assert both.prepared(X, y).probe() is None
    with pytest.raises(SettingsError, match="give bidirectional=False"):
        both.fit(X, y).flow(X, y)
    met = regressor.predict(X)
    with pytest.raises(NoFlowError, match="gradient of zero"):
        _unfollowable(regressor).flow(X, met)
    whole = SequenceRegressor(hidden=2, epochs=1).fit(X * 2, [0.0, 1.0])
    with pytest.raises(DataError, match="2 sequences and 1 targets"):
        whole.flow(X * 2, [0.0])


def _unfollowable(regressor: SequenceRegressor) -> SequenceRegressor:
    """Give a regressor whose readout hears no state."""
    found = SequenceRegressor(**regressor.get_params())
    found.__dict__.update(regressor.__dict__)
    found.network_ = tt.Network("gru", 1, 5, 1, dtype=torch.float64)
    torch.nn.init.zeros_(found.network_.readout.weight)
    return found
