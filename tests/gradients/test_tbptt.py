"""Truncated backpropagation through time against in-window terms summed one by one."""

from __future__ import annotations

import random
import re
import warnings
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

import throughtime as tt
from throughtime.gradients import TBPTT, Clipping

squared = nn.MSELoss(reduction="none")
CELLS = ["elman", "gru", "lstm", "lstm_peephole"]


@dataclass
class Case:
    """A network, sequences for it, and windows."""

    model: tt.Network
    inputs: Tensor
    targets: Tensor
    k1: int
    k2: int
    lengths: Tensor | None
    reset: Tensor | None
    reduce: Any = "mean"


def drawn(seed: int) -> Case:
    draw = random.Random(seed)
    torch.manual_seed(seed)
    T, B = draw.randint(1, 24), draw.randint(1, 3)
    lengths = reset = None
    if draw.random() < 0.4:
        lengths = torch.tensor([draw.randint(0, T) for _ in range(B)])
        lengths[draw.randrange(B)] = T if draw.random() < 0.5 else max(1, T // 2)
    if draw.random() < 0.4:
        reset = torch.rand(T, B) < 0.15
    model = tt.Network(draw.choice(CELLS), 2, 3, 2, num_layers=draw.randint(1, 2)).double()
    x, d = (torch.randn(T, B, 2, dtype=torch.float64) for _ in range(2))
    reduce = draw.choice(["mean", "sum"])
    return Case(model, x, d, draw.randint(1, T + 2), draw.randint(1, T + 2), lengths, reset, reduce)


class Oracle:
    """The sum over losses s and steps t of a window of dE_s/dW_t, each term by itself.

    Every step has weights of its own, those it was computed with; `wrong` shifts the window.
    """

    def __init__(self, case: Case, wrong: int = 0) -> None:
        self.case, self.wrong = case, wrong
        self.weights: list[dict[str, Tensor]] = []  # of each step
        self.states: list[Any] = []  # before each step, numbers
        self.state: Any = None

    def forward(self, steps: range) -> None:
        for t in steps:
            self.weights.append(
                {
                    n: p.detach().clone().requires_grad_()
                    for n, p in self.case.model.named_parameters()
                }
            )
            self.states.append(self.state)
            with torch.no_grad():
                _, self.state = self.step(t, self.state)

    def step(self, t: int, state: Any) -> tuple[Tensor, Any]:
        case = self.case
        if case.reset is not None and state is not None:
            keep = (~case.reset[t])[:, None].double()
            state = tuple(s * keep for s in state) if isinstance(state, tuple) else state * keep
        y, after = functional_call(case.model, self.weights[t], (case.inputs[t : t + 1], state))
        if case.lengths is not None and state is not None:  # rows that have ended stand still
            on = (t < case.lengths)[:, None]
            pairs = zip(after, state, strict=True) if isinstance(after, tuple) else [(after, state)]
            held = tuple(torch.where(on, new, old) for new, old in pairs)
            after = held if isinstance(after, tuple) else held[0]
        return y[0], after

    def gradients(self, losses: range, window: range) -> list[Tensor]:
        case = self.case
        state, errors = self.states[window.start], {}
        for t in window:
            y, state = self.step(t, state)
            errors[t] = squared(y, case.targets[t])
            if case.lengths is not None:
                errors[t] = torch.where((t < case.lengths)[:, None], errors[t], 0.0)
        valid = [s for s in losses if s in window]
        count = sum(
            errors[s].numel() if case.lengths is None else 2 * int((s < case.lengths).sum())
            for s in valid
        )
        names = list(self.weights[0])
        total = {name: torch.zeros_like(self.weights[0][name]) for name in names}
        for s in valid:
            E_s = errors[s].sum() / (count if case.reduce == "mean" else 1)
            steps = range(window.start, s + 1)
            leaves = [self.weights[t][name] for t in steps for name in names]
            terms = torch.autograd.grad(E_s, leaves, retain_graph=True, allow_unused=True)
            for name, term in zip(names * len(steps), terms, strict=True):
                if term is not None:
                    total[name] += term
        return list(total.values())


def check(case: Case, method: TBPTT, wrong: int = 0) -> int:
    """Compare every update of a training; give how many there were."""
    oracle, count = Oracle(case), 0
    T = len(case.inputs) if case.lengths is None else int(case.lengths.max())
    ends = [*range(case.k1, T, case.k1), T]
    begin = 0
    with tt.engine.use("reference"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optimizer = torch.optim.SGD(case.model.parameters(), lr=0.05)
        arguments = (case.model, case.inputs, case.targets, squared, None)
        updates = method(*arguments, case.lengths, case.reset)
        for end in ends:
            oracle.forward(range(begin, end))
            next(updates)
            found = [p.grad for p in case.model.parameters() if p.grad is not None]
            first = begin - (case.k2 - case.k1) if case.k2 >= case.k1 else max(begin, end - case.k2)
            window = range(max(0, first - wrong), end)
            expected = oracle.gradients(range(begin, end), window)
            for mine, other in zip(found, expected, strict=True):
                assert float((mine - other).abs().max()) < 1e-9 * (1 + float(other.abs().max()))
            optimizer.step()
            optimizer.zero_grad()
            begin, count = end, count + 1
        assert next(updates, None) is None
    return count


SEEDS = [
    *range(30),
    *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(30, 500)),
]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gradient_is_the_sum_of_the_terms_in_the_window(seed: int) -> None:
    case = drawn(seed)
    check(case, TBPTT(case.k1, case.k2, case.reduce))


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_same_step_by_step(seed: int) -> None:
    case = drawn(seed)
    check(case, TBPTT(case.k1, case.k2, case.reduce, Clipping(state=1e9)))


def test_a_window_of_another_length_is_noticed() -> None:
    noticed = 0
    for seed in range(40):
        case = drawn(seed)
        try:
            check(case, TBPTT(case.k1, case.k2, case.reduce), wrong=1)
        except AssertionError:
            noticed += 1
    assert noticed > 20  # where the window is longer than the sequence there is nothing to notice


class Product(nn.Module):
    """h_t = w h_{t-1}."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(0.2, dtype=torch.float64))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        outputs = []
        for _ in x:
            h = self.w * h
            outputs.append(h)
        return torch.stack(outputs), h


def recipe(model: Product, h: Tensor, T: int) -> list[float]:
    """The recipe of a forum (discuss.pytorch.org/t/15500), k1 = 1: wrong from the third step on."""
    states, found = [h], []
    for _ in range(T):
        before = states[-1].detach().requires_grad_()
        after = model.w * before
        states[-1:] = [before, after]
        model.w.grad = None
        after.sum().backward(retain_graph=True)
        for earlier in range(len(states) - 2, 0, -1):
            # What the state before has received in earlier rounds is still there.
            (model.w * states[earlier - 1]).backward(states[earlier].grad, retain_graph=True)
        found.append(float(model.w.grad))
    return found


def test_the_third_step_of_a_scalar() -> None:
    h = torch.tensor([[0.9]], dtype=torch.float64)
    x = torch.zeros(3, 1, 1, dtype=torch.float64)
    model, found = Product(), []
    for _ in TBPTT(1, 3)(model, x, x, lambda y, d: y - d, h):
        found.append(float(model.w.grad))
        model.w.grad = None
    assert found == pytest.approx([0.9, 0.36, 0.108])
    assert recipe(Product(), h, 3) == pytest.approx([0.9, 0.36, 0.288])


class Nested(nn.Module):
    """Carries a dictionary: a pair, and a list with a number beside a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(2, 3)
        self.gru = nn.GRU(3, 3)

    def forward(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        state = state or {"lower": None, "upper": [None, 0]}
        y, lower = self.lstm(x, state["lower"])
        y, upper = self.gru(y, state["upper"][0])
        return y, {"lower": lower, "upper": [upper, state["upper"][1] + len(x)]}


def test_any_nesting_of_states_is_cut_whole() -> None:
    model, x = Nested(), torch.randn(7, 2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    states = []
    for update in TBPTT(2, 5)(model, x, torch.randn(7, 2, 3), squared):
        optimizer.step()
        optimizer.zero_grad()
        states.append(update.state)
    assert states[-1]["upper"][1] == 7
    assert not any(t.requires_grad for t in (*states[-1]["lower"], states[-1]["upper"][0]))


def test_memory_is_that_of_the_window() -> None:
    calls: list[int] = []

    class Counting(nn.Module):
        """Knows how many of its outputs still have a graph."""

        def __init__(self) -> None:
            super().__init__()
            self.gru = tt.nn.GRU(1, 4)
            self.alive: list[Any] = []

        def forward(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
            import weakref

            calls.append(len(x))
            y, state = self.gru(x, state)
            self.alive = [ref for ref in self.alive if ref() is not None]
            self.alive.append(weakref.ref(y.grad_fn))
            return y, state

    model = Counting()
    x = torch.zeros(200, 1, 1)
    most = 0
    for _ in TBPTT(5, 20)(model, x, torch.zeros(200, 1, 4), squared):
        most = max(most, len(model.alive))
    assert most <= 6, "pieces outlive their window"
    assert sum(calls) == 200, "a step is run forward more than once"


def test_what_flows_back_is_limited_at_every_step() -> None:
    torch.manual_seed(0)
    model = Product()
    with torch.no_grad():
        model.w.fill_(3.0)
    h, x = torch.ones(1, 1, dtype=torch.float64), torch.zeros(4, 1, 1, dtype=torch.float64)
    clip = Clipping(state=0.5)
    (update,) = tt.BPTT(reduce="sum", clip=clip)(model, x, x, lambda y, d: y - d, h)
    # dE/dh_4 = 1; what flows to h_3 is 3, limited to 0.5, and so on back.
    states = [1.0, 3.0, 9.0, 27.0]
    expected = states[3] * 1 + sum(s * 1.5 for s in states[:3])
    assert float(model.w.grad) == pytest.approx(expected)
    assert update.info["clipped_states"] == 3  # nobody asks for the gradient of the start
    assert update.info["norm"] == pytest.approx(expected)


@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, "3", None])
def test_a_window_is_a_number_of_steps(wrong: Any) -> None:
    with pytest.raises(ValueError, match="k1 is a whole number of steps"):
        TBPTT(wrong)
    if wrong is not None:
        with pytest.raises(ValueError, match="k2 is a whole number of steps"):
            TBPTT(3, wrong)


LONGER = {
    (5, 5): "the 5 steps of the sequence.*full backpropagation",
    (5, 9): "the 5 steps of the sequence.*full backpropagation",
    (9, 9): "the 5 steps of the sequence.*full backpropagation",
    (2, 9): "looks back further than the 5 steps.*every update is full backpropagation",
    (2, 6): "looks back further than the 5 steps.*every update is full backpropagation",
}


def said(method: TBPTT, calls: list[int], **carried: Any) -> list[str]:
    """What is warned of over some calls with so many steps."""
    model = tt.Network("gru", 1, 2, 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for T in calls:
            x = torch.zeros(T, 1, 1)
            if "reset" in carried:
                carried["reset"] = torch.zeros(T, 1, dtype=torch.bool)
            list(method(model, x, x, squared, **carried))
    assert all(warning.filename == __file__ for warning in caught)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize(("k1", "k2"), LONGER)
def test_a_window_longer_than_the_sequence_says_so_once(k1: int, k2: int) -> None:
    (only,) = said(TBPTT(k1, k2), [5, 5, 4])
    assert re.search(LONGER[k1, k2], only)


@pytest.mark.parametrize(("k1", "k2"), [(2, 5), (3, 4), (2, 2), (4, 4), (9, 2)])
def test_a_window_that_is_what_was_asked_for_says_nothing(k1: int, k2: int) -> None:
    assert not said(TBPTT(k1, k2), [5, 5])


def test_every_update_is_full_backpropagation_where_that_is_said() -> None:
    torch.manual_seed(0)
    model, x = tt.Network("gru", 1, 2, 1).double(), torch.randn(8, 1, 1, dtype=torch.float64)
    for k1, k2 in ((3, 9), (2, 9), (1, 30), (7, 30)):
        with pytest.warns(UserWarning, match="every update is full"):
            updates = list(TBPTT(k1, k2)(model, x, x, squared))
        assert all(update.info["window"] == update.steps.stop for update in updates)


def test_chunks_of_a_stream_say_nothing_unless_windows_reach_beyond_them() -> None:
    for carried in ({"state": torch.zeros(1, 1, 2)}, {"reset": True}):
        assert not said(TBPTT(5), [5, 5, 3], **carried)
        assert not said(TBPTT(2, 5), [5, 5, 3], **carried)
        assert not said(TBPTT(2, 5), [3], **carried)  # the last one, of a training taken up there
        (only,) = said(TBPTT(9), [5, 5, 5], **carried)
        assert "full backpropagation" in only
        (only,) = said(TBPTT(5, 20), [5, 5, 5], **carried)
        assert re.search(r"looks back 20 steps and is given 5 in a call.*chunk=", only)


def test_a_model_that_looks_ahead_is_refused() -> None:
    model = tt.Network("gru", 1, 2, 1, bidirectional=True)
    x = torch.zeros(5, 1, 1)
    with pytest.raises(ValueError, match=r"recurrent is bidirectional.*use BPTT"):
        list(TBPTT(2)(model, x, x, squared))


def test_a_gradient_that_is_no_number_is_named() -> None:
    class Broken(Product):
        def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            y, after = super().forward(x, h)
            return y, (after - after).sqrt() + after  # finite, its derivative is not

    model = Broken()
    h, x = torch.ones(1, 1, dtype=torch.float64), torch.zeros(4, 1, 1, dtype=torch.float64)
    before = model.w.detach().clone()
    with pytest.raises(FloatingPointError, match=r"flows back through step 0 .*no weight"):
        list(TBPTT(2, 4, clip=Clipping(state=1.0))(model, x, x + 1, squared, h.requires_grad_()))
    assert torch.equal(model.w, before)


def test_rows_start_anew_where_they_are_told_to() -> None:
    model = tt.Network("lstm", 1, 4, 1)
    x, d = torch.randn(9, 2, 1), torch.randn(9, 2, 1)
    reset = torch.zeros(9, 2, dtype=torch.bool)
    reset[4, 1] = True
    (update,) = tt.BPTT()(model, x, d, squared, reset=reset)
    expected = model(x[4:, 1:])[1]
    for mine, other in zip(update.state, expected, strict=True):
        torch.testing.assert_close(mine[:, 1:], other.detach())
    with pytest.raises(ValueError, match=r"reset must be a truth value .*\[9, 2\]; got \[9\]"):
        list(tt.BPTT()(model, x, d, squared, reset=reset[:, 0]))
