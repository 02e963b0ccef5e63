"""Evolution strategies: estimates against the smoothed loss's gradient, and what is never done."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from throughtime.gradients import EvolutionStrategy
from throughtime.gradients.evolution import ranks

squared = nn.MSELoss(reduction="none")


class Case:
    """A small network; at a small sigma the smoothed loss has almost the slope of the loss."""

    def __init__(self) -> None:
        torch.manual_seed(1)
        self.model = tt.Network("gru", 1, 2, 1, dtype=torch.float64)
        self.x = 0.3 * torch.randn(8, 4, 1, dtype=torch.float64)
        self.d = torch.randn(8, 4, 1, dtype=torch.float64)

    def gradient(self, method: Any, **named: Any) -> Tensor:
        self.model.zero_grad()
        for _ in method(self.model, self.x, self.d, squared, **named):
            pass
        return torch.cat([p.grad.flatten().clone() for p in self.model.parameters()])

    def errors(self, draws: int, factor: float = 1.0, **named: Any) -> tuple[Tensor, Tensor]:
        """The mean of many estimates less the gradient, and its standard errors."""
        exact = self.gradient(tt.BPTT(), **named)
        method = EvolutionStrategy(population=32, sigma=1e-3, shaping=None)
        found = torch.stack([factor * self.gradient(method, **named) for _ in range(draws)])
        return found.mean(0) - exact, found.std(0) / draws**0.5


def test_the_estimate_is_unbiased() -> None:
    error, standard = Case().errors(60)
    assert (error.abs() < 4 * standard).all()
    assert float((error / standard).square().mean()) < 2
    assert (standard < 0.1).all()


def test_a_biased_estimate_is_noticed() -> None:
    error, standard = Case().errors(60, factor=1.5)
    assert float((error / standard).square().mean()) > 2
    assert not (error.abs() < 4 * standard).all()


def test_of_a_quadratic_the_smoothed_gradient_is_known() -> None:
    """E(w) = w^4: smoothed by s its slope is 4 w^3 + 12 w s^2, which differs from that of E."""

    class Quartic(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.tensor(0.5, dtype=torch.float64))

        def forward(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
            return x + self.w**4, state

    model, x = Quartic(), torch.zeros(1, 1, 1, dtype=torch.float64)
    method = EvolutionStrategy(population=400, sigma=0.4, shaping=None)
    found = []
    for _ in range(20):
        model.w.grad = None
        next(method(model, x, x, lambda y, d: y - d))
        found.append(float(model.w.grad))
    values = torch.tensor(found)
    standard = float(values.std() / 20**0.5)
    assert float(values.mean()) == pytest.approx(4 * 0.125 + 12 * 0.5 * 0.16, abs=4 * standard)
    assert abs(float(values.mean()) - 4 * 0.125) > 4 * standard


def test_ragged_rows_and_resets_are_those_of_bptt() -> None:
    reset = torch.zeros(8, 4, dtype=torch.bool)
    reset[3, 1] = reset[5, 2] = True
    lengths = torch.tensor([8, 5, 7, 0])
    state = torch.randn(1, 4, 2, dtype=torch.float64)
    error, standard = Case().errors(60, lengths=lengths, reset=reset, state=state)
    assert (error.abs() < 4 * standard).all()


def test_a_start_that_is_learned_receives_its_part() -> None:
    case, estimates = Case(), []
    exact = torch.zeros(1, 4, 2, dtype=torch.float64, requires_grad=True)
    case.gradient(tt.BPTT(), state=exact)
    method = EvolutionStrategy(population=32, sigma=1e-3, shaping=None)
    for _ in range(60):
        start = torch.zeros(1, 4, 2, dtype=torch.float64, requires_grad=True)
        case.gradient(method, state=start)
        estimates.append(start.grad)
    found = torch.stack(estimates)
    assert ((found.mean(0) - exact.grad).abs() < 4 * found.std(0) / 60**0.5).all()
    assert float(exact.grad.abs().max()) > 0.01


def test_ranks() -> None:
    inf = float("inf")
    values = torch.tensor([[3.0, 1.0], [inf, 2.0]])
    assert ranks(values).tolist() == [[pytest.approx(1 / 6), -0.5], [0.5, pytest.approx(-1 / 6)]]
    assert ranks(torch.ones(4)).tolist() == [0, 0, 0, 0]  # nothing to tell apart, nowhere to go
    assert ranks(torch.tensor([1.0, inf, inf])).tolist() == [-0.5, 0.25, 0.25]


def test_no_graph_is_made_and_the_model_is_left_alone() -> None:
    case = Case()
    before = [p.detach().clone() for p in case.model.parameters()]
    versions = [p._version for p in case.model.parameters()]
    seen: list[bool] = []

    def loss(y: Tensor, d: Tensor) -> Tensor:
        seen.append(y.requires_grad)
        return (y > d).double()  # has no derivative

    (update,) = EvolutionStrategy(population=6)(case.model, case.x, case.d, loss)
    assert seen == [False] * 7
    assert [p._version for p in case.model.parameters()] == versions
    for mine, other in zip(case.model.parameters(), before, strict=True):
        assert torch.equal(mine, other)
    y, state = case.model(case.x)
    assert update.loss == pytest.approx(float((y > case.d).double().mean()))
    assert torch.equal(update.state, state)
    assert update.steps == range(8)


def test_a_seed_rules_and_each_call_draws_on() -> None:
    case = Case()
    method = EvolutionStrategy(population=4)
    first, second = case.gradient(method), case.gradient(method)
    assert torch.equal(first, case.gradient(EvolutionStrategy(population=4)))
    assert not torch.equal(first, second)
    assert not torch.equal(first, case.gradient(EvolutionStrategy(population=4, seed=1)))


def test_a_candidate_that_diverges_is_the_worst_and_no_more() -> None:
    case = Case()

    def fragile(y: Tensor, d: Tensor) -> Tensor:
        calls.append(1)
        return squared(y, d) * (float("inf") if len(calls) == 2 else 1)

    calls: list[int] = []
    (update,) = EvolutionStrategy(population=6)(case.model, case.x, case.d, fragile)
    assert update.info["diverged"] == 1
    assert all(p.grad.isfinite().all() for p in case.model.parameters())
    calls.clear()
    with pytest.raises(FloatingPointError, match="the loss is inf from step 0"):
        next(EvolutionStrategy(population=6, shaping=None)(case.model, case.x, case.d, fragile))


def test_dropout_is_the_same_for_all_candidates() -> None:
    torch.manual_seed(0)
    model = tt.Network("gru", 1, 4, 1, num_layers=2, dropout=0.5)
    x, d = torch.randn(5, 2, 1), torch.randn(5, 2, 1)
    for p in model.parameters():
        p.requires_grad_(False)
    model.readout.bias.requires_grad_(True)
    losses: list[float] = []

    def loss(y: Tensor, t: Tensor) -> Tensor:
        losses.append(float((y - model.readout.bias).detach().mean()))
        return squared(y, t)

    before = torch.get_rng_state()
    next(EvolutionStrategy(population=8, sigma=1e-4)(model, x, d, loss))
    assert max(losses) - min(losses) < 1e-3, "each candidate has a mask of its own"
    assert not torch.equal(before, torch.get_rng_state()), "the next update would have the same"


def trained(method: Any, optimizer: Any, updates: int, hidden: int) -> float:
    task = tt.data.tasks.DelayedRecall(T=6, symbols=2)
    torch.manual_seed(0)
    model = tt.Network("gru", task.input_size, hidden, task.output_size)
    stepping, draw = optimizer(model.parameters()), torch.Generator().manual_seed(0)
    for _ in range(updates):
        batch = task.batch(32, draw)
        for _update in method(model, batch.inputs, batch.targets, task.loss):
            stepping.step()
            stepping.zero_grad()
    batch = task.batch(200, draw)
    return task.score(model(batch.inputs)[0], batch.targets)


@pytest.mark.thorough
def test_it_learns() -> None:
    method = EvolutionStrategy(population=32, sigma=0.1)
    score = trained(method, lambda p: torch.optim.Adam(p, lr=0.05), 150, 4)
    assert score < 0.05


# Covariance adaptation.


def test_without_the_library_the_way_to_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cmaes", None)
    with pytest.raises(ImportError, match=r"pip install \"throughtime\[evolution\]\""):
        EvolutionStrategy(optimizer="cma")


def cma(**named: Any) -> EvolutionStrategy:
    pytest.importorskip("cmaes")
    return EvolutionStrategy(optimizer="cma", **named)


def test_a_step_lands_on_the_mean_of_the_search() -> None:
    from throughtime.gradients.covariance import CovarianceAdaptation

    case, method = Case(), cma(population=10, sigma=0.3)
    optimizer = torch.optim.SGD(case.model.parameters(), lr=1)
    losses = []
    for _ in range(30):
        for update in method(case.model, case.x, case.d, squared):
            optimizer.step()
            optimizer.zero_grad()
            losses.append(update.loss)
        search = method._cma
        assert isinstance(search, CovarianceAdaptation)
        weights = torch.cat([p.detach().flatten() for p in case.model.parameters()])
        torch.testing.assert_close(
            weights, torch.from_numpy(search._search.mean), rtol=1e-12, atol=1e-12
        )
    assert min(losses) < 0.9 * losses[0]


@pytest.mark.parametrize("wrong", ["rate", "not zeroed", "clipped"])
def test_a_step_elsewhere_is_refused(wrong: str) -> None:
    case, method = Case(), cma(population=6, sigma=0.3)
    optimizer = torch.optim.SGD(case.model.parameters(), lr=0.1 if wrong == "rate" else 1)
    if wrong == "not zeroed":
        case.gradient(tt.BPTT())
    next(method(case.model, case.x, case.d, squared))
    if wrong == "clipped":
        nn.utils.clip_grad_norm_(case.model.parameters(), 1e-3)
    optimizer.step()
    with pytest.raises(ValueError, match=r"away from the mean.*SGD\(lr=1\)"):
        next(method(case.model, case.x, case.d, squared))


def test_what_the_search_cannot_take_is_refused() -> None:
    case = Case()
    start = torch.zeros(1, 4, 2, dtype=torch.float64, requires_grad=True)
    with pytest.raises(ValueError, match="starts are not"):
        case.gradient(cma(), state=start)
    large = tt.Network("gru", 1, 64, 1)
    with pytest.raises(ValueError, match="up to 3000 weights; this one has"):
        next(cma()(large, torch.zeros(2, 1, 1), torch.zeros(2, 1, 1), squared))
    method = cma(population=4)
    case.gradient(method)
    with pytest.raises(ValueError, match="make another EvolutionStrategy"):
        next(method(tt.Network("gru", 1, 1, 1), case.x.float(), case.d.float(), squared))


@pytest.mark.thorough
def test_it_learns_by_covariance_adaptation() -> None:
    score = trained(cma(population=16, sigma=0.5), lambda p: torch.optim.SGD(p, lr=1), 80, 2)
    assert score < 0.25  # of 0.5; sixteen losses an update go so far


# What is refused.


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"population": 3}, "even number.*got 3"),
        ({"population": 0}, "even number"),
        ({"population": 2.0}, "even number"),
        ({"sigma": 0}, "sigma must be positive"),
        ({"sigma": "x"}, "sigma must be positive, got 'x'"),
        ({"optimizer": "adam"}, 'None or "cma"'),
        ({"shaping": "linear"}, '"ranks" or None'),
        ({"reduce": "max"}, "reduce must be"),
        ({"seed": 1.5}, "seed is a whole number; got 1.5"),
        ({"seed": 2**64}, "seed is a whole number from"),
        ({"seed": -1, "optimizer": "cma"}, "seed .* from 0 to 4294967295; got -1"),
        ({"seed": 2**32, "optimizer": "cma"}, "seed .* from 0 to 4294967295"),
    ],
)
def test_options_are_checked(named: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EvolutionStrategy(**named)
