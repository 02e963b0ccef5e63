import numpy as np
import pandas as pd
import pytest
import torch

from throughtime.data import DataError
from throughtime.data.arrays import series_of_arrays


def test_one_series_and_its_covariates() -> None:
    y, X = np.arange(5.0), np.arange(10.0).reshape(5, 2)
    (found,) = series_of_arrays(y, X)
    assert found.columns == ("y", "x1", "x2")
    assert torch.equal(found.values, torch.from_numpy(np.column_stack([y, X])))
    assert found.times == ("1", "2", "3", "4", "5")
    (named,) = series_of_arrays(y, pd.DataFrame(X, columns=["price", "holiday"]))
    assert named.columns == ("y", "price", "holiday")
    (alone,) = series_of_arrays(y, np.empty((5, 0)))
    assert alone.columns == ("y",)


def test_several_series_of_any_lengths() -> None:
    found = series_of_arrays([np.arange(4.0), torch.arange(6.0)])
    assert [(one.name, len(one)) for one in found] == [("0", 4), ("1", 6)]
    (listed,) = series_of_arrays([1, 2.5, np.float64(4)])
    assert listed.values[:, 0].tolist() == [1, 2.5, 4]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match=r"y is \(4, 1\) and X \(5, 1\)"):
        series_of_arrays(np.arange(4.0), np.ones((5, 1)))
    with pytest.raises(DataError, match="covariates beside several series"):
        series_of_arrays([np.arange(4.0), np.arange(4.0)], np.ones((4, 1)))
    with pytest.raises(DataError, match="nan"):
        series_of_arrays(np.array([1.0, np.nan]))
