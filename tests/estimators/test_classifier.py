from typing import Any

import numpy as np
import pytest
import torch

from throughtime.data import DataError
from throughtime.estimators import NotFittedError, SequenceClassifier, SettingsError
from throughtime.nn import Network

QUICK: dict[str, Any] = {"hidden": 6, "epochs": 15, "learning_rate": 0.02}
ONCE: dict[str, Any] = {"hidden": 6, "epochs": 1}  # where nothing needs to be learned


def problem(N: int = 40, columns: int = 2) -> tuple[list[np.ndarray], list[str]]:
    """Sequences of noise whose mean tells the class."""
    draw = np.random.default_rng(0)
    y = ["up" if i % 2 else "down" for i in range(N)]
    return [
        draw.normal(0.7 if label == "up" else -0.7, 1, (draw.integers(5, 20), columns))
        for label in y
    ], y


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"pooling": "last", "cell": "lstm", "layers": 2, "dropout": 0.1},
        {"pooling": "max", "bidirectional": True, "label_smoothing": 0.1},
        pytest.param(
            {
                "method": "tbptt:4:8",
                "optimizer": "sgd",
                "learning_rate": 0.2,
                "schedule": "constant",
            },
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            {"method": "rtrl", "pooling": "last", "epochs": 3, "learning_rate": 0.05},
            marks=pytest.mark.thorough,
        ),
        {"stretch": 0.2, "noise": 0.1, "offset": 0.1, "masked_columns": 1, "masked_steps": 0.1},
        {"dtype": "float64", "weight_decay": 0.01, "optimizer": "adamw"},
    ],
)
def test_it_learns(parameters: dict[str, Any]) -> None:
    X, y = problem()
    classifier = SequenceClassifier(**{**QUICK, **parameters})
    assert classifier.fit(X, y) is classifier
    assert classifier.classes_.tolist() == ["down", "up"]
    assert classifier.score(X, y) >= 0.8
    probabilities = classifier.predict_proba(X)
    assert probabilities.shape == (40, 2)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert (classifier.classes_[probabilities.argmax(1)] == classifier.predict(X)).all()


def test_labels_without_meaning_are_not_learned() -> None:
    X, y = problem()
    shuffled = np.random.default_rng(1).permutation(y)
    told = SequenceClassifier(**QUICK).fit(X[:20], shuffled[:20]).score(X[20:], shuffled[20:])
    assert told < 0.8


def test_the_order_of_rows_and_their_company_change_nothing() -> None:
    X, y = problem()
    classifier = SequenceClassifier(**ONCE, dtype="float64").fit(X, y)
    together = classifier.predict_proba(X)
    alone = np.concatenate([classifier.predict_proba([sequence]) for sequence in X])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-12)
    np.testing.assert_allclose(classifier.predict_proba(X[::-1]), together[::-1], atol=1e-12)


def test_the_same_seed_gives_the_same_bytes_and_leaves_torchs_alone() -> None:
    X, y = problem()
    before = torch.get_rng_state()
    first = SequenceClassifier(**ONCE, noise=0.1).fit(X, y).predict_proba(X)
    assert torch.equal(torch.get_rng_state(), before)
    assert (SequenceClassifier(**ONCE, noise=0.1).fit(X, y).predict_proba(X) == first).all()
    other = SequenceClassifier(**ONCE, noise=0.1, seed=1).fit(X, y).predict_proba(X)
    assert (other != first).any()


def test_the_scaling_is_of_what_is_learned_from_alone() -> None:
    X, y = problem()
    classifier = SequenceClassifier(**ONCE, validation=0.25)
    classifier.fit(X, y)
    assert not np.allclose(classifier.scaling_.center, np.concatenate(X).mean(0), atol=1e-9)
    whole = SequenceClassifier(**ONCE).fit(X, y)
    np.testing.assert_allclose(whole.scaling_.center, np.concatenate(X).mean(0), atol=1e-5)


def test_patience_ends_the_training_with_the_weights_that_validated_best() -> None:
    X, y = problem()
    shuffled = np.random.default_rng(1).permutation(
        y
    )  # what is learned of these is wrong elsewhere
    rate = {"learning_rate": 0.05, "schedule": "constant", "epochs": 200, "hidden": 4}
    classifier = SequenceClassifier(**rate, validation=0.25, patience=3).fit(X, shuffled)
    outcome = classifier.outcome_
    assert outcome.stopped == "early"
    assert outcome.history[-1].epoch == outcome.best_epoch + 3
    validated = [row.validation_loss for row in outcome.history if row.validation_loss is not None]
    assert min(validated) == outcome.best_validation_loss


def test_class_weights_move_what_is_told() -> None:
    X, _ = problem()
    noise = [sequence * 0 for sequence in X]
    rare = ["up"] * 4 + ["down"] * 36

    def told(weight: Any) -> float:
        classifier = SequenceClassifier(
            **{**QUICK, "schedule": "constant", "epochs": 15, "learning_rate": 0.05},
            class_weight=weight,
        )
        return float(classifier.fit(noise, rare).predict_proba(noise)[0, 1])

    assert abs(told(None) - 0.1) < 0.05
    assert abs(told("balanced") - 0.5) < 0.1
    assert abs(told({"up": 27.0, "down": 1.0}) - 0.75) < 0.1


def test_a_plain_network_where_online_methods_can_have_one() -> None:
    assert isinstance(SequenceClassifier(pooling="last").build(2, 2), Network)
    with pytest.raises(SettingsError, match="rtrl"):
        SequenceClassifier(**QUICK, method="rtrl").fit(*problem())


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"cell": "gruu"}, "gru"),
        ({"pooling": "median"}, "last, mean, max"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1"),
        ({"noise": "a"}, "noise must be a number"),
        ({"hidden": 0}, "hidden"),
        ({"patience": 3}, "give validation too"),
        ({"class_weight": "even"}, "balanced"),
        ({"class_weight": {"left": 2}}, "left"),
        ({"label_smoothing": 1}, "label_smoothing"),
        ({"method": "bptt:5"}, "bptt"),
        ({"bidirectional": 1}, "True or False"),
    ],
)
def test_what_cannot_be_is_refused(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SequenceClassifier(**{**QUICK, **parameters}).fit(*problem())


def test_unusable_sequences_are_refused() -> None:
    X, y = problem()
    with pytest.raises(NotFittedError, match="fit first"):
        SequenceClassifier().predict(X)
    with pytest.raises(DataError, match="1 class"):
        SequenceClassifier().fit(X, ["a"] * 40)
    with pytest.raises(SettingsError, match="40 sequences and 39 targets"):
        SequenceClassifier().fit(X, y[:-1])
    fitted = SequenceClassifier(hidden=2, epochs=1).fit(X, y)
    with pytest.raises(DataError, match="3 columns, not 2"):
        fitted.predict([np.zeros((4, 3))])


def test_parameters_by_name() -> None:
    classifier = SequenceClassifier(hidden=8)
    assert classifier.get_params()["hidden"] == 8
    assert classifier.set_params(hidden=9, cell="lstm") is classifier
    assert repr(classifier) == "SequenceClassifier(cell='lstm', hidden=9)"
    with pytest.raises(ValueError, match="no parameter hiden; it has cell, hidden"):
        classifier.set_params(hiden=3)


@pytest.mark.parametrize(
    "shape",
    [{"pooling": "last"}, {"pooling": "max", "layers": 2}, {"bidirectional": True, "dropout": 0.2}],
)
def test_flow_and_credit_of_every_shape(shape: dict[str, Any]) -> None:
    X, y = problem(12)
    classifier = SequenceClassifier(**ONCE, **shape, dtype="float64").fit(X, y)
    before = [parameter.clone() for parameter in classifier.network_.parameters()]
    flow = classifier.flow(X, y)
    assert flow.pooling == shape.get("pooling", "mean")
    assert len(flow.layers) == 2 if len(shape) == 2 else 1
    sizes = classifier.credit(X[:2], y[:2])
    assert [len(heard) for heard in sizes] == [len(x) for x in X[:2]]
    # By finite differences of the loss, along the gradient's direction at one step.
    x, label = np.array(X[0]), classifier.classes_.tolist().index(y[0])

    def loss(at: int, column: int, by: float) -> float:
        moved = x.copy()
        moved[at, column] += by * float(classifier.scaling_.scale[column])
        return float(-np.log(classifier.predict_proba([moved])[0, label]))

    for at in (0, len(x) - 1):
        slopes = [(loss(at, c, 1e-5) - loss(at, c, -1e-5)) / 2e-5 for c in range(2)]
        assert sizes[0][at] == pytest.approx(float(np.hypot(*slopes)), rel=1e-5)
    after = classifier.network_.parameters()
    assert all(map(torch.equal, before, after))
    with pytest.raises(DataError, match="were not learned: sideways"):
        classifier.flow(X[:1], ["sideways"])
