import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn.functional import softplus

from throughtime.estimators.outputs import registry
from throughtime.estimators.outputs.quantiles import LEVELS

GIVEN = {
    "point": [0.7],
    "gaussian": [0.7, -0.4],
    "student_t": [0.7, -0.4, 0.9],
    "negative_binomial": [0.7, -0.4],
    "quantiles": [0.7, *np.linspace(-1, 0.5, len(LEVELS) - 1)],
}


def given(name: str) -> torch.Tensor:
    return torch.tensor(GIVEN[name], dtype=torch.float64)


def plus(x: float) -> float:
    return math.log1p(math.exp(x))


def frozen(name: str, size: float = 1.0) -> stats.rv_continuous:
    """The same distribution, by scipy."""
    if name == "gaussian":
        return stats.norm(0.7, plus(-0.4) + 1e-3)
    if name == "student_t":
        return stats.t(2 + plus(0.9), 0.7, plus(-0.4) + 1e-3)
    mean, shape = (plus(0.7) + 1e-4) * size, plus(-0.4) + 1e-4
    return stats.nbinom(1 / shape, 1 / (1 + mean * shape))


def test_every_output_is_tested() -> None:
    assert set(GIVEN) == set(registry)
    assert all(len(GIVEN[name]) == output.parameters for name, output in registry.items())


@pytest.mark.parametrize("name", ["gaussian", "student_t"])
def test_the_loss_is_the_likelihood(name: str) -> None:
    values = torch.linspace(-2, 3, 11, dtype=torch.float64)
    found = registry[name].loss(given(name).expand(11, -1), values)
    expected = torch.from_numpy(-frozen(name).logpdf(values.numpy()))
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [1.0, 7.3])
def test_the_loss_of_counts_is_the_likelihood_of_counts(size: float) -> None:
    counts = torch.arange(12, dtype=torch.float64)
    sizes = torch.full((12,), size, dtype=torch.float64)
    output = registry["negative_binomial"]
    found = output.loss(given("negative_binomial").expand(12, -1), counts / sizes, sizes)
    expected = torch.from_numpy(-frozen("negative_binomial", size).logpmf(counts.numpy()))
    assert torch.allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["gaussian", "student_t", "negative_binomial"])
def test_draws_are_of_the_distribution(name: str) -> None:
    torch.manual_seed(0)
    size = torch.full((20_000,), 5.0, dtype=torch.float64)
    drawn = registry[name].draw(given(name).expand(20_000, -1), size)
    if name == "negative_binomial":
        expected = frozen(name, 5.0)
        assert float((drawn * 5).mean()) == pytest.approx(expected.mean(), rel=0.05)
        assert float((drawn * 5).var()) == pytest.approx(expected.var(), rel=0.1)
        return
    assert stats.kstest(drawn.numpy(), frozen(name).cdf).pvalue > 1e-3
    shifted = (drawn + 0.05).numpy()
    assert stats.kstest(shifted, frozen(name).cdf).pvalue < 1e-3  # the test can fail


def quantiles_of(numbers: torch.Tensor) -> torch.Tensor:
    """The naive way: step by step, away from the median."""
    middle = LEVELS.index(0.5)
    found = {middle: float(numbers[0])}
    for place in range(middle - 1, -1, -1):
        found[place] = found[place + 1] - float(softplus(numbers[1 + middle - 1 - place]))
    for place in range(middle + 1, len(LEVELS)):
        found[place] = found[place - 1] + float(softplus(numbers[place]))
    return torch.tensor([found[place] for place in range(len(LEVELS))], dtype=torch.float64)


def test_quantiles_are_in_order_and_drawn_from() -> None:
    output, numbers = registry["quantiles"], given("quantiles")
    quantiles = quantiles_of(numbers)
    assert bool((quantiles.diff() > 0).all())
    torch.manual_seed(0)
    drawn = output.draw(numbers.expand(50_000, -1))
    below = (drawn[:, None] < quantiles).double().mean(0)
    assert torch.allclose(below, torch.tensor(LEVELS).double(), atol=0.01)
    assert float(output.center(numbers)) == pytest.approx(float(quantiles[LEVELS.index(0.5)]))


def test_the_loss_of_quantiles_is_the_pinball_loss() -> None:
    quantiles = quantiles_of(given("quantiles"))
    for value in (-4.0, 0.3, 0.7, 5.0):
        pinball = [
            level * (value - q) if value > q else (1 - level) * (q - value)
            for level, q in zip(LEVELS, quantiles.tolist(), strict=True)
        ]
        found = registry["quantiles"].loss(
            given("quantiles"), torch.tensor(value, dtype=torch.float64)
        )
        assert float(found) == pytest.approx(2 * sum(pinball) / len(pinball), rel=1e-9)


@pytest.mark.parametrize("name", registry)
def test_gradients_are_finite_far_away(name: str) -> None:
    numbers = (given(name) * 1.0).requires_grad_()
    for value in (-30.0, 30.0):
        far = abs(value) if registry[name].counts else value
        loss = registry[name].loss(numbers, torch.tensor(far, dtype=torch.float64))
        (gradient,) = torch.autograd.grad(loss, numbers)
        assert bool(gradient.isfinite().all())
