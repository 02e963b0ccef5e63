"""scikit-learn's own tools and checks take the estimators; the package never imports it."""

import json
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

from tests.estimators.test_classifier import QUICK, problem
from throughtime.data.audio import LogMel
from throughtime.estimators import (
    Forecaster,
    LanguageModel,
    SequenceClassifier,
    SequenceRegressor,
    Settings,
)

# What estimators of sequences do otherwise, on purpose: arrays [N, T] are N sequences of one
# column, of any length; errors are this package's own.
OTHERWISE = {
    "check_n_features_in_after_fitting": "sequences may be longer than those learned from",
    "check_classifiers_train": "likewise, at its end",
    "check_regressors_train": "four epochs do not reach the score that it asks for",
    "check_fit2d_predict1d": "likewise",
    "check_n_features_in": "likewise: one column is what it says",
    "check_estimators_unfitted": "the error is not scikit-learn's, which is not imported",
    "check_dtype_object": "objects are sequences",
    "check_estimators_empty_data_messages": "the message speaks of steps, not of features",
    "check_supervised_y_2d": "a column of classes is refused, not raveled with a warning",
    "check_estimator_sparse_tag": "sparse arrays are refused by their type",
    "check_estimator_sparse_array": "likewise",
    "check_estimator_sparse_matrix": "likewise",
}


def test_it_is_cloned() -> None:
    X, y = problem()
    classifier = SequenceClassifier(**QUICK, class_weight={"up": 2.0}).fit(X, y)
    copy = clone(classifier)
    assert copy.get_params() == classifier.get_params()
    assert not hasattr(copy, "network_")
    assert is_classifier(classifier)


def test_numbers_of_numpys_are_searched_over() -> None:
    X, y = problem()
    grid = {"hidden": np.array([2, 4]), "bidirectional": np.array([True, False]),
            "learning_rate": np.array([0.01])}  # fmt: skip
    search = GridSearchCV(SequenceClassifier(**QUICK), grid, cv=2, error_score="raise")
    found = search.fit(X, y).best_estimator_.get_params()
    assert [type(found[name]) for name in grid] == [int, bool, float]
    sizes = {"hidden": np.int64(3), "epochs": np.int32(1), "window": np.int64(8)}
    assert json.dumps(Settings(**sizes).as_dict())
    for estimator, given in (
        (Forecaster(**sizes), (np.sin(np.arange(60.0)),)),
        (LanguageModel(**sizes, dropout=np.float32(0.5)), ("to be or not to be. " * 20,)),
        (SequenceRegressor(hidden=np.int64(3), epochs=np.int64(1)), (X, np.arange(len(X)) * 1.0)),
    ):
        clone(estimator).fit(*given)


def test_cross_validation_on_ragged_lists() -> None:
    X, y = problem()
    scores = cross_val_score(SequenceClassifier(**QUICK), X, y, cv=3)
    assert min(scores) > 0.7
    groups = [place // 4 for place in range(40)]
    assert len(cross_val_score(SequenceClassifier(**QUICK), X, y, groups=groups, cv=GroupKFold(2)))


def test_grid_search_in_a_pipeline_of_features() -> None:
    draw = np.random.default_rng(0)
    y = ["low", "high"] * 8
    waveforms = [
        np.sin(np.arange(draw.integers(400, 800)) * (0.3 if label == "low" else 1.5)) for label in y
    ]
    pipeline = make_pipeline(LogMel(rate=4000, bands=8), SequenceClassifier(**QUICK))
    search = GridSearchCV(pipeline, {"sequenceclassifier__hidden": [2, 4]}, cv=2)
    search.fit(waveforms, y)
    assert search.best_score_ > 0.9
    assert search.best_params_["sequenceclassifier__hidden"] in (2, 4)


def _checks() -> list[Any]:
    quick: dict[str, Any] = {"hidden": 2, "epochs": 4, "learning_rate": 0.1, "batch_size": 64}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are no BaseEstimator: that would need scikit-learn
        return [
            found
            for estimator in (SequenceClassifier(**quick), SequenceRegressor(**quick))
            for found in estimator_checks_generator(estimator, legacy=True)
        ]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(e, c, id=f"{type(e).__name__}-{c.func.__name__}")
        for e, c in _checks()
        if c.func.__name__ not in OTHERWISE
    ],
)
def test_the_checks_of_scikit_learn_pass(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.thorough  # a process of its own
def test_the_package_does_without_scikit_learn() -> None:
    code = (
        "import sys; from throughtime.estimators import SequenceClassifier as C\n"
        "import throughtime.data.audio\n"
        "C(hidden=2, epochs=1).fit([[1.0, 2.0], [3.0]], [0, 1]).predict([[1.0]])\n"
        "assert not {'sklearn', 'soundfile'} & set(sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
