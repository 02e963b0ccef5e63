import pytest
import torch
from scipy import integrate, stats

from throughtime.estimators.distribution_scores import crps_of_draws, crps_of_normal


@pytest.mark.parametrize(("mean", "deviation", "observed"), [(0, 1, 0.3), (2, 0.5, -1), (1, 3, 9)])
def test_of_a_normal_it_is_the_integral(mean: float, deviation: float, observed: float) -> None:
    def squared(x: float) -> float:
        return float((stats.norm(mean, deviation).cdf(x) - (x >= observed)) ** 2)

    below, _ = integrate.quad(squared, mean - 12 * deviation, observed, epsabs=1e-11)
    above, _ = integrate.quad(squared, observed, max(mean, observed) + 12 * deviation, epsabs=1e-11)
    found = crps_of_normal(*(torch.tensor(float(x)).double() for x in (mean, deviation, observed)))
    assert float(found) == pytest.approx(below + above, abs=1e-8)


def test_of_a_number_it_is_the_absolute_error() -> None:
    found = crps_of_normal(torch.ones(1).double(), torch.zeros(1).double(), torch.tensor([-2.0]))
    assert found.tolist() == [3.0]
    assert crps_of_draws(torch.ones(5, 1), torch.tensor([-2.0])).tolist() == [3.0]


def test_of_draws_it_is_the_mean_over_pairs() -> None:
    torch.manual_seed(0)
    draws, observed = torch.randn(7, 3).double(), torch.randn(3).double()
    apart = sum((a - b).abs() for a in draws for b in draws) / (7 * 6)
    expected = (draws - observed).abs().mean(0) - apart / 2
    assert torch.allclose(crps_of_draws(draws, observed), expected, rtol=0, atol=1e-12)


def test_draws_score_as_what_they_are_drawn_from() -> None:
    torch.manual_seed(0)
    observed = torch.tensor([0.4]).double()
    found = [float(crps_of_draws(torch.randn(20, 1).double(), observed)) for _ in range(4000)]
    exact = crps_of_normal(torch.zeros(1).double(), torch.ones(1).double(), observed)
    assert sum(found) / len(found) == pytest.approx(float(exact), abs=0.01)
