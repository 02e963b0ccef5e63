import pytest
import torch
from sklearn.metrics import r2_score

from throughtime.estimators.regression_scores import determination, error_to_signal


def test_determination_is_that_of_scikit_learn() -> None:
    torch.manual_seed(0)
    y = torch.randn(30, 3, dtype=torch.float64)
    y[:, 2] = 4.0
    for told in (y + torch.randn_like(y), y, torch.full_like(y, 4.0)):
        assert determination(y, told) == pytest.approx(r2_score(y, told), abs=1e-12)


def test_error_to_signal_ratio() -> None:
    y = torch.tensor([3.0, -4.0])
    assert error_to_signal(y, y) == 0
    assert error_to_signal(y, torch.zeros(2)) == 1
    assert error_to_signal(y, torch.tensor([3.0, -3.0])) == pytest.approx(1 / 25)
    with pytest.raises(ValueError, match=r"\[2\], answers \[2, 1\]"):
        error_to_signal(y, y[:, None])
    with pytest.raises(ValueError, match="no signal"):
        error_to_signal(torch.zeros(2), y)
