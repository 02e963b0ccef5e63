"""Numbers for sequences and for steps: learned, scaled, scored; about two seconds."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone, is_regressor
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

from throughtime.data import DataError
from throughtime.estimators import NotFittedError, SequenceRegressor, SettingsError
from throughtime.nn import Network

QUICK: dict[str, Any] = {"hidden": 6, "epochs": 20, "learning_rate": 0.05}
ONCE: dict[str, Any] = {"hidden": 4, "epochs": 1, "dtype": "float64"}
STEP: dict[str, Any] = {"per": "step"}


def smoothed(N: int = 16, columns: int = 1) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Sequences of noise, and at each step a weighed sum of the last two."""
    draw = np.random.default_rng(0)
    X = [draw.normal(3, 2, (draw.integers(20, 50), columns)) for _ in range(N)]
    return X, [100 + 10 * np.convolve(x[:, 0], [0.6, 0.4])[: len(x)] for x in X]


def means(N: int = 60) -> tuple[list[np.ndarray], np.ndarray]:
    """Sequences of noise around a number each, and that number."""
    draw = np.random.default_rng(0)
    y = draw.normal(0, 2, N)
    return [mean + draw.normal(0, 0.5, (draw.integers(8, 16), 2)) for mean in y], 50 + 5 * y


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"cell": "lstm", "method": "tbptt:8", "window": 10, "warm_up": 3, "batch_size": 16},
        {"bidirectional": True, "layers": 2, "dropout": 0.05, "epochs": 15},
        {"method": "rtrl", "epochs": 4, "learning_rate": 0.05},
        {"optimizer": "adamw", "weight_decay": 0.01, "schedule": "constant", "dtype": "float64"},
    ],
)
def test_it_learns_steps(parameters: dict[str, Any]) -> None:
    X, y = smoothed()
    regressor = SequenceRegressor(**{**QUICK, **STEP, **parameters})
    assert regressor.fit(X, y) is regressor
    assert regressor.score(X, y) > 0.8
    answers = regressor.predict(X)
    assert [a.shape for a in answers] == [d.shape for d in y]
    pooled = r2_score(np.concatenate(y), np.concatenate(answers))
    assert regressor.score(X, y) == pytest.approx(pooled, abs=1e-6)


@pytest.mark.parametrize("parameters", [{}, {"pooling": "mean", "bidirectional": True}])
def test_it_learns_sequences(parameters: dict[str, Any]) -> None:
    X, y = means()
    regressor = SequenceRegressor(**QUICK, **parameters).fit(X[:40], y[:40])
    assert regressor.score(X[40:], y[40:]) > 0.8
    both = np.stack([y, -y], 1)
    twice = SequenceRegressor(**QUICK, **parameters).fit(X[:40], both[:40])
    assert twice.predict(X).shape == (60, 2)
    expected = r2_score(both[40:], twice.predict(X[40:]))
    assert twice.score(X[40:], both[40:]) == pytest.approx(expected, abs=1e-9)
    assert expected > 0.8


def test_what_means_nothing_is_not_learned() -> None:
    X, y = means()
    other = np.random.default_rng(1).permutation(y)
    assert SequenceRegressor(**QUICK).fit(X[:40], other[:40]).score(X[40:], other[40:]) < 0.3


def test_no_loss_comes_from_a_warm_up() -> None:
    X, y = smoothed()
    wrong = [np.where(np.arange(len(d)) < 5, d[5:].mean(), d) for d in y]
    other = [np.where(np.arange(len(d)) < 5, 2 * d[5:].mean() - d, d) for d in y]

    def trained(targets: list[np.ndarray], warm_up: int) -> np.ndarray:
        regressor = SequenceRegressor(**ONCE, **STEP, warm_up=warm_up, method="tbptt:4")
        training = regressor.prepared(X, targets)
        training.targets = [torch.from_numpy(d[:, None] / 100) for d in targets]  # one scaling
        regressor.learn(training)
        return np.concatenate([w.detach().numpy().ravel() for w in regressor.network_.parameters()])

    np.testing.assert_array_equal(trained(wrong, 5), trained(other, 5))
    assert (trained(wrong, 4) != trained(other, 4)).any()


def test_the_gradient_after_a_warm_up_is_that_of_the_mean_over_the_other_steps() -> None:
    X, y = smoothed(2)
    X, y = [x[:20] for x in X], [d[:20] for d in y]
    regressor = SequenceRegressor(**ONCE, **STEP, warm_up=5, optimizer="sgd", clip=None,
                                  learning_rate=0.5, schedule="constant")  # fmt: skip
    training = regressor.prepared(X, y)
    network = training.network
    before = [w.detach().clone() for w in network.parameters()]
    outputs, _ = network(torch.stack(list(training.inputs), 1))
    errors = (outputs - torch.stack(list(training.targets), 1))[5:]
    expected = torch.autograd.grad(errors.square().mean(), list(network.parameters()))
    regressor.learn(training)
    for w, old, gradient in zip(network.parameters(), before, expected, strict=True):
        torch.testing.assert_close(w.detach(), old - 0.5 * gradient, rtol=0, atol=1e-12)


def test_scaling_is_of_what_is_learned_from_alone() -> None:
    X, y = smoothed()
    regressor = SequenceRegressor(**ONCE, **STEP, validation=0.25)
    held = regressor.prepared(X, y).held
    assert len(held) == 4
    kept = [i for i in range(16) if i not in held]
    for scaling, of in ((regressor.scaling_, X), (regressor.target_scaling_, y)):
        rows = np.concatenate([np.reshape(of[i], (len(of[i]), -1)) for i in kept])
        np.testing.assert_allclose(scaling.center, rows.mean(0), rtol=1e-12)
        np.testing.assert_allclose(scaling.scale, rows.std(0), rtol=1e-12)
    x, d = np.concatenate(X), np.concatenate(y)
    alone = SequenceRegressor(**ONCE, **STEP, validation=0.25, warm_up=3)
    training = alone.prepared([x], [d])  # of one sequence the last steps are held out
    assert [len(part) for part in training.inputs] == [
        len(x) - round(len(x) / 4),
        round(len(x) / 4),
    ]
    first = len(training.inputs[0])
    np.testing.assert_allclose(alone.target_scaling_.center, d[:first].mean(), rtol=1e-12)
    assert alone.fit([x], [d]).outcome_.best_validation_loss is not None


def test_shapes_of_answers_are_those_of_targets() -> None:
    x = np.random.default_rng(0).normal(size=(4, 12, 1))
    flat = SequenceRegressor(**ONCE, **STEP).fit(x, x[..., 0])
    assert flat.predict(x).shape == (4, 12)
    assert [a.shape for a in flat.predict(list(x))] == [(12,)] * 4
    deep = SequenceRegressor(**ONCE, **STEP).fit(list(x), [np.hstack([a, a]) for a in x])
    assert deep.predict(torch.from_numpy(x)).shape == (4, 12, 2)
    assert isinstance(deep.build(1, 1), Network)


def test_company_changes_nothing_and_the_same_seed_gives_the_same_bytes() -> None:
    X, y = smoothed()
    before = torch.get_rng_state()
    regressor = SequenceRegressor(**ONCE, **STEP, noise=0.1, window=9, warm_up=2).fit(X, y)
    assert torch.equal(torch.get_rng_state(), before)
    together = regressor.predict(X)
    again = clone(regressor).fit(X, y).predict(X)
    for i, x in enumerate(X):
        np.testing.assert_allclose(regressor.predict([x])[0], together[i], rtol=0, atol=1e-11)
        np.testing.assert_array_equal(again[i], together[i])


def test_long_sequences_are_answered_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = smoothed()
    regressor = SequenceRegressor(**ONCE, **STEP, cell="lstm").fit(X, y)
    whole = regressor.predict(X)
    monkeypatch.setattr("throughtime.estimators.step_training._STEPS", 30)
    for a, b in zip(regressor.predict(X), whole, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-11)


def test_scikit_learn_searches_over_its_parameters() -> None:
    X, y = means(24)
    search = GridSearchCV(SequenceRegressor(**ONCE), {"hidden": [2, 3]}, cv=2).fit(X, y)
    assert search.best_params_["hidden"] in (2, 3)
    assert is_regressor(search.best_estimator_)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"per": "row"}, "sequence, step"),
        ({"window": 5}, "per is 'sequence'"),
        ({"warm_up": 5}, "per is 'sequence'"),
        ({**STEP, "window": 0}, "window must be a whole number of at least 1"),
        ({**STEP, "warm_up": 2.5}, "warm_up must be a whole number of at least 0"),
        ({**STEP, "pooling": "mean"}, "pooling is 'mean'"),
        ({**STEP, "stretch": 0.1}, "cannot be stretched"),
        ({**STEP, "method": "tbptt:2", "bidirectional": True}, "does not take this network"),
        ({**STEP, "patience": 3}, "give validation too"),
        ({"cell": "gruu"}, "gru"),
    ],
)
def test_what_cannot_be_is_refused(parameters: dict[str, Any], said: str) -> None:
    X, y = smoothed() if parameters.get("per") == "step" else means()
    with pytest.raises(SettingsError, match=said):
        SequenceRegressor(**{**ONCE, **parameters}).fit(X, y)


def test_unusable_targets_are_refused() -> None:
    X, y = smoothed()
    step, whole = SequenceRegressor(**ONCE, **STEP), SequenceRegressor(**ONCE)
    with pytest.raises(NotFittedError, match="fit first"):
        step.predict(X)
    short = [d[:-1] if i in (2, 5) else d for i, d in enumerate(y)]
    with pytest.raises(DataError, match=r"sequence 2 has \d+ steps and targets.*sequence 5 has"):
        step.fit(X, short)
    with pytest.raises(DataError, match=r"sequence 0 has \d+ steps, none after the warm-up of 99"):
        clone(step).set_params(warm_up=99).fit(X, y)
    with pytest.raises(DataError, match=r"y, the targets of each step: .* nan in step 3"):
        step.fit(X, [np.where(np.arange(len(d)) == 3, np.nan, d) for d in y])
    with pytest.raises(SettingsError, match="16 sequences and 15 targets"):
        step.fit(X, y[:-1])
    with pytest.raises(DataError, match="inf for sequence 1"):
        whole.fit(X, [1.0, np.inf, *range(14)])
    with pytest.raises(DataError, match="y holds no numbers"):
        whole.fit(X, ["loud"] * 16)
    with pytest.raises(DataError, match="parted into 41 to learn from and 4 to validate on"):
        clone(step).set_params(validation=0.1, warm_up=5).fit([np.zeros(45)], [np.zeros(45)])
