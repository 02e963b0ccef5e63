import itertools

import numpy as np
import pytest

from tests.estimators.test_regressor import ONCE, STEP, smoothed
from throughtime.data import DataError
from throughtime.estimators import SequenceRegressor, SettingsError
from throughtime.estimators.streaming import real_time_factor


@pytest.mark.parametrize("cell", ["lstm", "gru", "slstm"])
@pytest.mark.parametrize("columns", [1, 2])
def test_blocks_of_any_sizes_give_what_predict_gives_in_one(cell: str, columns: int) -> None:
    X, y = smoothed(columns=columns)
    y = [np.stack([d, -d], 1) for d in y] if columns == 2 else y
    regressor = SequenceRegressor(**ONCE, **STEP, cell=cell, layers=columns).fit(X, y)
    x = np.concatenate(X)
    expected = regressor.predict([x])[0]
    stream = regressor.stream()
    for _ in range(2):
        cuts = [0, 1, 2, 2, 5, 60, 61, 99, len(x)]
        given = [stream(x[a:b]) for a, b in itertools.pairwise(cuts)]
        np.testing.assert_allclose(np.concatenate(given), expected, rtol=0, atol=1e-11)
        assert abs(stream(x[:1])[0] - expected[0]).max() > 1e-9  # it went on
        stream.reset()
    if columns == 1:
        np.testing.assert_allclose(stream(x[:4, 0]), expected[:4], rtol=0, atol=1e-11)


def test_a_share_of_the_signals_time() -> None:
    regressor = SequenceRegressor(**ONCE, **STEP).fit(*smoothed())
    factor = real_time_factor(regressor.stream(), rate=100, block=10, seconds=1, repeats=1)
    assert 0 < factor < 1  # a hundred steps in less than a second
    with pytest.raises(ValueError, match="a block at least"):
        real_time_factor(regressor.stream(), rate=100, block=1000, seconds=1)


def test_what_cannot_stream_is_refused() -> None:
    X, y = smoothed()
    with pytest.raises(SettingsError, match="one direction"):
        SequenceRegressor(**ONCE, **STEP, bidirectional=True).fit(X, y).stream()
    with pytest.raises(SettingsError, match="per step"):
        SequenceRegressor(**ONCE).fit(X, [d[0] for d in y]).stream()
    stream = SequenceRegressor(**ONCE, **STEP).fit(X, y).stream()
    with pytest.raises(DataError, match=r"\[n, 1\] or \[n\], and came as \[2, 3\]"):
        stream(np.zeros((2, 3)))
    with pytest.raises(DataError, match="step 1 of the block"):
        stream([0.0, np.nan])
