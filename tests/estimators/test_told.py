import csv
import math
from pathlib import Path

import numpy as np
import pytest

from throughtime.estimators.told import Told

PROBABILITIES = np.array([[0.7, 0.3], [0.4, 0.6], [0.8, 0.2], [0.1, 0.9]])
TOLD = Told(("a", "b"), ("a", "a", "b", "b"), PROBABILITIES, commonest="b")


def test_scores_by_hand() -> None:
    scores = TOLD.scores()
    assert scores["model"]["accuracy"] == 0.5
    likelihoods = (0.7, 0.4, 0.2, 0.9)
    assert scores["model"]["log_loss"] == pytest.approx(-sum(map(math.log, likelihoods)) / 4)
    assert scores["commonest class"] == {"accuracy": 0.5, "count": 4}
    assert TOLD.confusion() == [[1, 1], [1, 1]]


def test_a_probability_of_zero_stays_a_number() -> None:
    certain = Told(("a", "b"), ("b",), np.array([[1.0, 0.0]]), commonest="b")
    assert math.isfinite(certain.scores()["model"]["log_loss"])


def test_a_row_a_file(tmp_path: Path) -> None:
    TOLD.write(tmp_path / "told.csv", ["1", "2", "3", "4"])
    with (tmp_path / "told.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[1] == {
        "file": "2",
        "label": "a",
        "predicted": "b",
        "a": "0.400000",
        "b": "0.600000",
    }
