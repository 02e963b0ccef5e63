"""Random truncation: unbiased, cut by cut."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from throughtime.gradients import RandomTBPTT
from throughtime.gradients.chain import Chain

squared = nn.MSELoss(reduction="none")
T = 6


class Told(RandomTBPTT):
    """Cuts where it is told to, and notes how probable that was."""

    def __init__(self, pattern: tuple[bool, ...], **options: Any) -> None:
        super().__init__(length=4, every=1, alpha=3.0, **options)
        self.pattern: Iterator[bool] = iter(pattern)
        self.likelihood = 1.0

    def _cut(self, chance: float) -> bool:
        cut = next(self.pattern)
        self.likelihood *= chance if cut else 1 - chance
        return cut


class Unweighted(Told):
    """Wrong: what is let through is not reweighted."""

    def _stretch(self, chain: Chain) -> Any:
        pieces, _ = super()._stretch(chain)
        return pieces, {}


def problem(reduce: str) -> tuple[Any, ...]:
    torch.manual_seed(3)
    model = tt.Network("lstm", 2, 3, 1, num_layers=2).double()
    x, d = (torch.randn(T, 3, n, dtype=torch.float64) for n in (2, 1))
    lengths = torch.tensor([6, 4, 2])
    tt.BPTT(reduce=reduce)  # type: ignore[arg-type]
    return model, x, d, squared, None, lengths


def gradient(model: nn.Module) -> list[Tensor]:
    found = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    return found


def mean_over_all_cuts(method: type[Told], reduce: str) -> tuple[list[Tensor], float]:
    arguments = problem(reduce)
    total = [torch.zeros_like(p) for p in arguments[0].parameters()]
    likelihood = 0.0
    for pattern in itertools.product((False, True), repeat=T - 1):
        told = method(pattern, reduce=reduce)
        (update,) = told(*arguments)
        assert update.steps == range(T)
        likelihood += told.likelihood
        for whole, part in zip(total, gradient(arguments[0]), strict=True):
            whole += told.likelihood * part
    return total, likelihood


def furthest(reduce: str, method: type[Told]) -> float:
    found, likelihood = mean_over_all_cuts(method, reduce)
    assert likelihood == pytest.approx(1)
    arguments = problem(reduce)
    list(tt.BPTT(reduce=reduce)(*arguments))  # type: ignore[arg-type]
    pairs = zip(found, gradient(arguments[0]), strict=True)
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_the_mean_over_all_cuts_is_the_full_gradient(reduce: str) -> None:
    assert furthest(reduce, Told) < 1e-10
    assert furthest(reduce, Unweighted) > 1e-2


class Noted(RandomTBPTT):
    """Draws as it does, and notes where it cuts."""

    def __init__(self, **options: Any) -> None:
        super().__init__(length=4, every=1, alpha=3.0, **options)
        self.pattern: list[bool] = []

    def _cut(self, chance: float) -> bool:
        self.pattern.append(super()._cut(chance))
        return self.pattern[-1]

    def draw(self) -> tuple[bool, ...]:
        """Draw the cuts of one sequence, its steps not run; True ends a stretch."""
        self.pattern, steps = [], Counted()
        while steps.at < T:
            self._stretch(steps)  # type: ignore[arg-type]
        return tuple(self.pattern)


class Counted:
    """What cuts follow from of a chain: its steps."""

    at, T = 0, T

    def run(self, stop: int, each: int | None = None) -> list[Any]:
        self.at = min(stop, self.T)
        return []


def standard_errors(method: type[Told], drawn: Counter[tuple[bool, ...]]) -> dict[str, float]:
    """Give how far the mean over draws is from the full gradient, block by block.

    The gradient is a function of the cuts, so it is computed once for each pattern that was drawn.
    """
    arguments, draws = problem("mean"), drawn.total()
    model = arguments[0]
    list(tt.BPTT()(*arguments))
    exact = gradient(model)
    found: list[list[Tensor]] = []
    for pattern in drawn:
        list(method(pattern)(*arguments))
        found.append(gradient(model))
    counts = torch.tensor(list(drawn.values()), dtype=torch.float64)
    apart = {}
    for (name, _), expected, *blocks in zip(model.named_parameters(), exact, *found, strict=True):
        each = torch.stack([block.flatten() for block in blocks])  # [patterns, weights]
        mean = counts @ each / draws
        variance = (counts @ (each - mean).square()).sum() / (draws - 1) / draws
        if name.startswith("recurrent"):
            apart[name] = float((mean - expected.flatten()).norm() / variance.sqrt())
        else:  # nothing is cut on the way to the readout
            torch.testing.assert_close(mean, expected.flatten())
    return apart


@pytest.mark.thorough
def test_the_mean_of_20000_draws_is_within_three_standard_errors() -> None:
    """And a control: without the weights it is not."""
    drawing = Noted(seed=1)
    drawn = Counter(drawing.draw() for _ in range(20_000))
    assert len(drawn) == 2 ** (T - 1), "some cuts are never drawn"
    assert max(standard_errors(Told, drawn).values()) < 3
    assert min(standard_errors(Unweighted, drawn).values()) > 10


def test_the_cuts_that_are_drawn_are_those_that_are_made() -> None:
    arguments = problem("mean")
    drawing, making = Noted(seed=1), RandomTBPTT(length=4, every=1, alpha=3.0, seed=1)
    for _ in range(20):
        list(making(*arguments))
        made = gradient(arguments[0])
        list(Told(drawing.draw())(*arguments))
        for ours, told in zip(made, gradient(arguments[0]), strict=True):
            torch.testing.assert_close(ours, told)


def test_updates_after_each_cut_add_up_to_a_multiple_of_the_same() -> None:
    pattern = (False, True, False, True, False)
    arguments = problem("sum")
    (update,) = Told(pattern, reduce="sum")(*arguments)
    whole = gradient(arguments[0])
    parts = [
        (update.steps, gradient(arguments[0]))
        for update in Told(pattern, reduce="sum", updates="cut")(*arguments)
    ]
    assert [steps for steps, _ in parts] == [range(2), range(2, 4), range(4, 6)]
    for place, expected in enumerate(whole):
        torch.testing.assert_close(sum(part[place] for _, part in parts), expected)
    assert update.info == {"cuts": 2.0, "longest": 2.0}


def test_the_seed_tells_the_cuts() -> None:
    model, x = tt.Network("gru", 1, 2, 1), torch.zeros(300, 1, 1)

    def cuts(seed: int) -> list[range]:
        method = RandomTBPTT(length=30, seed=seed, updates="cut")
        return [update.steps for _ in range(2) for update in method(model, x, x, squared)]

    first = cuts(0)
    assert first == cuts(0)
    assert first != cuts(1)
    half = [steps.start for steps in first].index(0, 1)
    assert first[:half] != first[half:], "each call draws on"


def test_stretches_have_the_length_asked_for() -> None:
    model, x = tt.Network("elman", 1, 1, 1), torch.zeros(6000, 1, 1)
    method = RandomTBPTT(length=40, every=10, updates="cut")
    lengths = [len(update.steps) for update in method(model, x, x, squared)]
    assert 30 < sum(lengths) / len(lengths) < 60


@pytest.mark.parametrize(
    ("length", "alpha", "every", "mean"),
    [(50, 6.0, 5, 50), (50, 4.0, 7, 50), (20, 6.0, 1, 20), (6, 6.0, 5, 6), (5, 6.0, 5, 5.6)],
)
def test_the_mean_stretch_is_the_length(length: int, alpha: float, every: int, mean: float) -> None:
    method = RandomTBPTT(length, alpha, every)
    longer, expected, since = 1.0, 0.0, 0  # the chance that a stretch is longer than so many steps
    while longer > 1e-12:
        expected += longer * every
        since += every
        longer *= 1 - method.probability(since)
    assert expected == pytest.approx(mean, rel=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 0}, "length is a whole number of steps"),
        ({"length": 3, "every": 5}, "every=5 steps between possible cuts are more than the 3"),
        ({"alpha": 1.0}, "alpha must be above 1"),
        ({"alpha": "x"}, "alpha must be above 1, got 'x'"),
        ({"updates": "often"}, 'updates must be "sequence" or "cut"'),
        ({"seed": "x"}, "seed is a whole number; got 'x'"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandomTBPTT(**options)
