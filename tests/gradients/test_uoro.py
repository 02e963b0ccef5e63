"""Unbiased online recurrent optimisation: its mean over all signs, and over many draws."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

import throughtime as tt
from tests.gradients.online_cases import Problem, differences, exact, problem, squared
from throughtime.gradients import UORO, uoro


class EverySign(UORO):
    """Row r takes the signs that are the bits of r: all rows together are all there is to draw."""

    bit = 0

    def signs(self, like: Tensor) -> Tensor:
        K, B, H = like.shape
        bits = torch.arange(self.bit, self.bit + K * H).view(K, 1, H)
        self.bit += K * H
        return (2 * ((torch.arange(B)[None, :, None] >> bits) & 1) - 1).to(like)


class NoSigns(UORO):
    """Wrong: what is random in it is left out."""

    def signs(self, like: Tensor) -> Tensor:
        return torch.ones_like(like)


def copied(case: Problem, copies: int) -> Problem:
    """Repeat the one row of a problem."""
    state = tuple(s.detach().repeat(1, copies, 1).requires_grad_() for s in case.state)
    return Problem(
        case.model,
        case.inputs.repeat(1, copies, 1),
        case.targets.repeat(1, copies, 1),
        state if len(state) > 1 else state[0],
        reset=None if case.reset is None else case.reset.repeat(1, copies),
    )


def one_row(cell: str, layers: int, H: int, T: int) -> Problem:
    case = problem(cell, layers, H, T, B=1)
    if isinstance(case.state, Tensor):
        case.state = (case.state,)
    return case


def mean(gradients: dict[str, Tensor], copies: int) -> dict[str, Tensor]:
    """Average over copies: weights have the sum of all rows, the start one for each row."""
    return {
        name: g.mean(1, keepdim=True) if name.startswith("start") else g / copies
        for name, g in gradients.items()
    }


def truth(case: Problem) -> dict[str, Tensor]:
    given = case.state if len(case.state) > 1 else case.state[0]
    return exact(replace(case, state=given))


@pytest.mark.parametrize(
    ("cell", "layers", "H", "T"),
    [
        ("elman", 1, 2, 3),
        ("elman", 2, 1, 3),
        ("gru", 1, 2, 4),
        ("lstm_peephole", 1, 1, 4),
        ("simple_recurrent_unit", 1, 1, 4),
        ("continuous_time", 2, 1, 2),
    ],
)
@pytest.mark.parametrize("resets", [False, True])
def test_the_mean_over_all_signs_is_the_exact_gradient(
    cell: str, layers: int, H: int, T: int, resets: bool
) -> None:
    case = one_row(cell, layers, H, T)
    if resets:
        case.reset = torch.zeros(T, 1, dtype=torch.bool)
        case.reset[T // 2] = True
    states = layers * len(tt.cells.registry[cell].states) * H
    copies = 2 ** (states * (T + 1))  # one draw for the start
    expected = truth(case)
    found = mean(copied(case, copies).gradients(EverySign(reduce="sum")), copies)
    assert max(differences(found, expected).values()) < 1e-12
    wrong = mean(copied(case, copies).gradients(NoSigns(reduce="sum")), copies)
    assert max(differences(wrong, expected).values()) > 1e-3


def means(case: Problem, method: UORO, draws: int, runs: int) -> dict[str, Tensor]:
    """Give the means of runs of so many draws each, by parameter."""
    copies = copied(case, draws)
    found = [mean(copies.gradients(method), draws) for _ in range(runs)]
    return {name: torch.stack([one[name] for one in found]) for name in found[0]}


def standard_errors(found: dict[str, Tensor], expected: dict[str, Tensor]) -> dict[str, float]:
    """Give how far each block's mean is from the truth, in standard errors of the block."""
    apart = {}
    for name, blocks in found.items():
        if not name.startswith(("recurrent", "start")):  # nothing is random in the readout's
            torch.testing.assert_close(blocks.mean(0), expected[name])
            continue
        variance = blocks.var(0).sum() / len(blocks)
        apart[name] = float((blocks.mean(0) - expected[name]).norm() / variance.sqrt())
    return apart


@pytest.mark.thorough
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_mean_of_20000_draws_is_within_three_standard_errors(cell: str) -> None:
    case = one_row(cell, layers=2, H=3, T=5)
    expected = truth(case)
    found = means(case, UORO(seed=1, reduce="sum"), draws=500, runs=40)
    assert max(standard_errors(found, expected).values()) < 3


@pytest.mark.thorough
def test_a_bias_is_many_standard_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A control for the one above: the second factor is not the inverse of the first."""
    balance = uoro.balance

    def wrong(*vectors: Any) -> tuple[Tensor, Tensor]:
        factor, _ = balance(*vectors)
        return factor, torch.ones_like(factor)

    case = one_row("gru", layers=2, H=3, T=5)
    expected = truth(case)
    monkeypatch.setattr(uoro, "balance", wrong)
    found = means(case, UORO(seed=1, reduce="sum"), draws=500, runs=40)
    assert max(standard_errors(found, expected).values()) > 10


@pytest.mark.thorough
def test_the_factors_make_the_variance_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    case = one_row("gru", layers=1, H=3, T=8)

    def variance() -> float:
        found = means(case, UORO(seed=1, reduce="sum"), draws=50, runs=40)
        return sum(float(blocks.var(0).sum()) for blocks in found.values())

    balanced = variance()
    monkeypatch.setattr(uoro, "balance", lambda s, w: (s[0].new_ones(50, 1),) * 2)
    assert balanced < 0.7 * variance()


def test_a_seed_gives_the_same_gradients_and_goes_on() -> None:
    case = problem("gru")
    one, other = UORO(seed=3), UORO(seed=3)
    first, second = case.gradients(one), case.gradients(one)
    for name, gradient in case.gradients(other).items():
        assert torch.equal(gradient, first[name])
    assert any(not torch.equal(first[name], second[name]) for name in first)
    weights = "recurrent.weight_hh_l0"
    assert not torch.equal(case.gradients(UORO(seed=4))[weights], first[weights])


def test_memory_is_that_of_the_weights() -> None:
    case = problem("lstm", H=20, started=False)
    (*_, update) = case.run(UORO())
    weights = sum(p.numel() for p in case.model.recurrent.parameters())
    assert update.info["carried"] == 4 * (weights + 2 * 20)


def test_it_learns_online() -> None:
    model = tt.Network("gru", 1, 12, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    x = torch.randint(2, (400, 16, 1)).float()
    losses = []
    for update in UORO()(model, x, x.roll(1, 0), squared):
        losses.append(update.loss)
        optimizer.step()
        optimizer.zero_grad()
    assert sum(losses[-50:]) < 0.6 * sum(losses[:50])


@pytest.mark.parametrize("wrong", [0.5, "1", True, None])
def test_a_seed_is_a_whole_number(wrong: Any) -> None:
    with pytest.raises(ValueError, match="seed is a whole number"):
        UORO(wrong)


def test_it_shows_its_seed() -> None:
    assert repr(UORO(2, 3)) == "UORO(seed=2, k1=3, reduce='mean')"
