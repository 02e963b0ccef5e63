import pytest
import torch

from throughtime.data import sunspots
from throughtime.data.drift import drift, suited_difference

T = torch.arange(200.0).double()
WAVE = torch.sin(T * 0.7)


@pytest.mark.parametrize(
    ("values", "difference"),
    [
        (WAVE, 0),
        (WAVE + 0.05 * T, 1),
        (-(T**2), 1),
        (1e9 + WAVE, 0),
        (torch.full((200,), 3.0).double(), 0),
        (torch.randn(200, generator=torch.Generator().manual_seed(0)).double(), 0),
        (sunspots().series.values[:221, 0], 0),
        (WAVE[:7] + T[:7], 0),  # too short to tell
    ],
)
def test_levels_that_drift_are_differenced(values: torch.Tensor, difference: int) -> None:
    assert suited_difference([values]) == difference


def test_most_of_several_series_decide() -> None:
    assert suited_difference([WAVE, WAVE + T, WAVE - T]) == 1
    assert suited_difference([WAVE, WAVE, WAVE - T]) == 0
    assert suited_difference([WAVE, WAVE - T]) == 1  # half of them
    assert suited_difference([]) == 0


def test_the_drift_is_in_deviations_of_what_came_before() -> None:
    values = torch.cat([torch.tensor([-1.0, 1.0] * 75), torch.full((50,), 3.0)]).double()
    assert drift(values) == pytest.approx(3.0)
    assert drift(7 - 5 * values) == pytest.approx(3.0)
