"""Checkpointed BPTT against BPTT, its runs counted and its memory weighed."""

from __future__ import annotations

import random
import re
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from tests.gradients.test_placement import recursion
from tests.gradients.test_tbptt import Nested
from throughtime.engine.trail import Trail
from throughtime.gradients import CheckpointedBPTT, Clipping
from throughtime.gradients.chain import Chain
from throughtime.gradients.checkpointing import Place, Recomputation, Revolve, actions, in_bytes

squared = nn.MSELoss(reduction="none")


class Counting(nn.Module):
    """Knows how many steps it has run."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.steps = inner, 0

    def forward(self, x: Tensor, state: Any, **named: Any) -> tuple[Tensor, Any]:
        self.steps += len(x)
        return self.inner(x, state, **named)  # type: ignore[no-any-return]


def gradients(model: nn.Module) -> list[Tensor]:
    found = [p.grad for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    return found


def assert_equal(method: CheckpointedBPTT, model: nn.Module, *given: Any) -> dict[str, float]:
    """Compare one update with that of BPTT; give its figures."""
    (expected,) = tt.BPTT(method.reduce, method.clip)(model, *given)
    right = gradients(model)
    (update,) = method(model, *given)
    found = gradients(model)
    assert len(found) == len(right) > 0
    for mine, other in zip(found, right, strict=True):
        assert float((mine - other).abs().max()) <= 1e-12 * (1 + float(other.abs().max()))
    assert update.loss == pytest.approx(expected.loss, rel=1e-12)
    assert update.steps == expected.steps
    torch.testing.assert_close(update.state, expected.state, rtol=1e-12, atol=1e-12)
    return update.info


def drawn(seed: int) -> tuple[CheckpointedBPTT, tt.Network, Tensor, Tensor, Any, Any, Any]:
    draw = random.Random(seed)
    torch.manual_seed(seed)
    T, B, layers = draw.randint(1, 60), draw.randint(1, 3), draw.randint(1, 2)
    cell = draw.choice(["elman", "gru", "lstm", "lstm_peephole"])
    model = tt.Network(cell, 2, 3, 2, num_layers=layers, dtype=torch.float64)
    x, d = (torch.randn(T, B, 2, dtype=torch.float64) for _ in range(2))
    states = [torch.randn(layers, B, 3, dtype=torch.float64) for _ in model.recurrent.cell.states]
    state = draw.choice([None, tuple(states) if len(states) > 1 else states[0]])
    lengths = reset = None
    if draw.random() < 0.4:
        lengths = torch.tensor([draw.randint(0, T) for _ in range(B)])
        lengths[draw.randrange(B)] = draw.randint(1, T)
    if draw.random() < 0.4:
        reset = torch.rand(T, B) < 0.15
    arguments: dict[str, Any] = {"reduce": draw.choice(["mean", "sum"])}
    if draw.random() < 0.3:
        arguments["clip"] = Clipping(norm=0.1, state=draw.choice([None, 1e-3]))
    if draw.random() < 0.5:
        arguments |= {"slots": draw.randint(1, 8), "segment": draw.choice([None, 1, 3, 7])}
    else:
        arguments["memory"] = draw.choice([None, 6_000, 20_000, 60_000, 200_000])
    return CheckpointedBPTT(**arguments), model, x, d, state, lengths, reset


SEEDS = [
    *range(40),
    *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(40, 200)),
]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gradient_is_that_of_bptt(seed: int) -> None:
    method, model, x, d, state, lengths, reset = drawn(seed)
    try:
        info = assert_equal(method, model, x, d, squared, state, lengths, reset)
    except ValueError as error:
        if "too little" not in str(error):
            raise
        return
    assert info["forward_steps"] == info["optimum"]
    if method.slots is None:
        assert info["bytes"] <= info["budget"]


def test_most_draws_have_memory_enough() -> None:
    short = 0
    for seed in range(0, 200, 5):
        method, *given = drawn(seed)
        try:
            list(method(given[0], *given[1:3], squared, *given[3:]))
        except ValueError:
            short += 1
    assert short < 10


@pytest.mark.parametrize(
    "T", [T if T % 3 == 1 else pytest.param(T, marks=pytest.mark.thorough) for T in range(1, 41)]
)
def test_as_few_steps_are_run_as_can_be(T: int) -> None:
    model = Counting(tt.nn.RNN(1, 1))
    x = torch.randn(T, 1, 1)
    for slots in range(1, T + 1, 1 + T // 5):
        model.steps = 0
        (update,) = CheckpointedBPTT(slots=slots)(model, x, x, squared)
        best = recursion(T, slots - 1)
        assert model.steps == update.info["forward_steps"] == update.info["optimum"] == best


@pytest.mark.parametrize("memory", [12_000, 20_000, 40_000, 80_000, 160_000, 320_000, None])
def test_steps_within_a_memory_are_as_predicted(memory: int | None) -> None:
    model = Counting(tt.Network("lstm", 1, 4, 1))
    x = torch.randn(301, 2, 1)
    (update,) = CheckpointedBPTT(memory)(model, x, x, squared)
    measuring = 1 + 2 + 4
    assert model.steps - measuring == update.info["forward_steps"] == update.info["optimum"]
    n = -(-301 // int(update.info["segment"]))
    assert 301 <= update.info["optimum"] <= 301 * n


def test_more_memory_never_takes_more_time() -> None:
    model = tt.Network("gru", 1, 4, 1)
    x = torch.randn(200, 1, 1)
    taken = []
    for memory in range(20_000, 200_000, 20_000):
        (update,) = CheckpointedBPTT(memory, segment=5)(model, x, x, squared)
        taken.append(update.info["forward_steps"])
    assert taken == sorted(taken, reverse=True)
    assert taken[-1] == 200 < taken[0]


_note = Trail.note


class Weighing:
    """Follows the bytes that graphs keep alive."""

    def __init__(self, model: nn.Module, *given: Tensor) -> None:
        owned = [*model.parameters(), *given]
        self.known = {t.untyped_storage().data_ptr() for t in owned}
        self.alive: dict[int, list[int]] = {}
        self.most = 0

    def pack(self, tensor: Tensor) -> Any:
        storage = tensor.untyped_storage()
        place = storage.data_ptr()
        kept = _Kept(tensor)
        if place not in self.known:
            self.alive.setdefault(place, [storage.nbytes(), 0])[1] += 1
            weakref.finalize(kept, self.forget, place)
            self.most = max(self.most, sum(size for size, _ in self.alive.values()))
        return kept

    def note(self, trail: Trail, recurrence: Any, tape: Tensor | None, *more: Any) -> None:
        """Follow the tapes of the native engine, which autograd knows nothing of."""
        _note(trail, recurrence, tape, *more)
        if tape is not None:
            place, size = tape.data_ptr(), tape.untyped_storage().nbytes()
            self.alive.setdefault(place, [size, 0])[1] += 1
            weakref.finalize(tape, self.forget, place)
            self.most = max(self.most, sum(size for size, _ in self.alive.values()))

    def forget(self, place: int) -> None:
        self.alive[place][1] -= 1
        if self.alive[place][1] == 0:
            del self.alive[place]


class _Kept:
    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


@pytest.mark.parametrize("cell", ["lstm", "gru", "elman"])
@pytest.mark.parametrize("share", [0.06, 0.2, 0.6])
def test_graphs_stay_within_the_memory(
    cell: str, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tt.Network(cell, 2, 32, 2)
    x, d = torch.randn(600, 4, 2), torch.randn(600, 4, 2)

    def weigh(method: tt.GradientMethod) -> int:
        weighing = Weighing(model, x, d)
        monkeypatch.setattr(Trail, "note", lambda *given: weighing.note(*given))
        # What the engine keeps for itself while it runs segments twice cannot be seen from here.
        monkeypatch.setattr("throughtime.gradients.checkpointed.planned_twice", lambda *given: None)
        hooks = torch.autograd.graph.saved_tensors_hooks
        with hooks(weighing.pack, lambda kept: kept.tensor):
            list(method(model, x, d, squared))
        assert not weighing.alive
        return weighing.most

    whole = weigh(tt.BPTT())
    budget = int(share * whole)
    assert budget / 4 < weigh(CheckpointedBPTT(budget)) <= budget


def test_what_is_measured_is_given_back() -> None:
    alive: list[weakref.ref[Any]] = []

    class Watched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = tt.nn.GRU(1, 4)

        def forward(self, x: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
            y, h = self.gru(x, h)
            alive.append(weakref.ref(y.untyped_storage()))
            return y, h

    x = torch.randn(50, 1, 1)
    list(CheckpointedBPTT()(Watched(), x, torch.randn(50, 1, 4), squared))
    assert len(alive) > 3
    assert not any(ref() is not None for ref in alive)


def test_the_smallest_memory_is_named_and_does() -> None:
    model = tt.Network("gru", 1, 8, 1, dtype=torch.float64)
    x = torch.randn(30, 2, 1, dtype=torch.float64)
    named = r"memory='1kB' is too little .* 2 rows: the least .* (\d+) \(.*with (\d+) \("
    with pytest.raises(ValueError, match=named) as told:
        list(CheckpointedBPTT("1kB")(model, x, x, squared))
    assert all(p.grad is None for p in model.parameters())
    least, twice = (int(size) for size in re.findall(r"(\d+) \(", str(told.value)))
    info = assert_equal(CheckpointedBPTT(least), model, x, x, squared)
    assert (info["bytes"], info["forward_steps"]) == (least, 30 * 31 / 2)
    assert assert_equal(CheckpointedBPTT(twice), model, x, x, squared)["forward_steps"] < 3 * 30
    with pytest.raises(ValueError, match="too little"):
        list(CheckpointedBPTT(least - 1)(model, x, x, squared))


@pytest.mark.parametrize("dropping", [{}, {"recurrent_dropout": 0.4}, {"weight_dropout": 0.4}])
@pytest.mark.parametrize("limits", [{"slots": 2, "segment": 4}, {"memory": 40_000}, {}])
def test_what_is_dropped_is_dropped_again(dropping: dict[str, float], limits: Any) -> None:
    class Model(nn.Module):
        """Draws; draws again when it is run again, unless the random numbers are the same."""

        def __init__(self) -> None:
            super().__init__()
            self.recurrent = tt.nn.Recurrent(
                "lstm", 2, 5, num_layers=2, dropout=0.3, **dropping
            ).double()
            self.readout = nn.Linear(5, 2).double()
            self.drawn: list[float] = []

        def forward(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
            h, state = self.recurrent(x, state)
            self.drawn.append(float(torch.rand(())))
            return self.readout(h), state

    torch.manual_seed(3)
    model = Model()
    x, d = (torch.randn(50, 3, 2, dtype=torch.float64) for _ in range(2))
    torch.manual_seed(5)
    (update,) = CheckpointedBPTT(**limits)(model, x, d, squared)
    after = torch.rand(())
    found, drawn = gradients(model), model.drawn
    assert update.info["forward_steps"] > 50

    # The same segments as pieces of one graph, run once from the same random numbers.
    torch.manual_seed(5)
    model.drawn = []
    chain = Chain(model, x, d, squared)
    pieces = chain.run(50, each=int(update.info["segment"]))
    loss, d_outputs = chain.losses(pieces, "mean")
    chain.back(pieces, d_outputs)
    assert torch.equal(torch.rand(()), after), "the generator stands elsewhere"
    assert update.loss == pytest.approx(loss, rel=1e-12)
    assert set(drawn[-len(pieces) :]) <= set(model.drawn) or not limits
    for mine, other in zip(found, gradients(model), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)


def test_a_state_that_is_a_view_does_not_keep_what_it_is_of() -> None:
    kept: list[weakref.ref[Any]] = []
    most = 0

    class Views(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = tt.nn.GRU(1, 4)

        def forward(self, x: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
            nonlocal most
            y, _ = self.gru(x, h)
            kept.append(weakref.ref(y.untyped_storage()))
            most = max(most, sum(ref() is not None for ref in kept))
            return y, y[-1:]

    model, x = Views(), torch.randn(100, 2, 1)
    (update,) = CheckpointedBPTT(slots=20, segment=5)(model, x, torch.randn(100, 2, 4), squared)
    assert update.info["forward_steps"] == 195
    assert most <= 4


def test_any_nesting_of_states_is_stored_whole() -> None:
    model = Nested().double()
    x, d = torch.randn(23, 2, 2).double(), torch.randn(23, 2, 3).double()
    for limits in ({"slots": 3}, {"slots": 2, "segment": 4}, {}):
        assert_equal(CheckpointedBPTT(**limits), model, x, d, squared)


@pytest.mark.parametrize("limits", [{"slots": 2}, {"slots": 3, "segment": 4}, {}])
def test_a_learned_start_receives_its_gradient(limits: Any) -> None:
    model = tt.Network("lstm", 2, 3, 2, dtype=torch.float64)
    x, d = (torch.randn(17, 2, 2, dtype=torch.float64) for _ in range(2))
    found = []
    for method in (tt.BPTT(), CheckpointedBPTT(**limits)):
        start = tuple(torch.ones(1, 2, 3).double().requires_grad_() for _ in range(2))
        list(method(model, x, d, squared, start))
        found.append([part.grad for part in start])
    torch.testing.assert_close(found[0], found[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("limits", [{"slots": 2}, {"slots": 3, "segment": 2}])
def test_a_loss_that_is_not_finite_touches_nothing(limits: Any) -> None:
    model = tt.Network("gru", 1, 3, 1)
    x, d = torch.randn(9, 2, 1), torch.randn(9, 2, 1)
    d[2, 1] = d[8, 0] = float("nan")
    with pytest.raises(FloatingPointError, match=r"nan from step 2 .*row 1; 2 of 18"):
        list(CheckpointedBPTT(**limits)(model, x, d, squared))
    assert all(p.grad is None for p in model.parameters())


def test_states_only_tapes_are_weighed_as_they_are() -> None:
    model = tt.Network("lstm", 8, 64, 1)
    x, d = torch.randn(400, 8, 8), torch.randn(400, 8, 1)
    (everything,) = CheckpointedBPTT("4MB")(model, x, d, squared)
    with tt.engine.keep("states"):
        (states,) = CheckpointedBPTT("4MB")(model, x, d, squared)
    assert states.info["forward_steps"] < everything.info["forward_steps"]


def test_a_model_that_looks_ahead_is_refused() -> None:
    model, x = tt.Network("gru", 1, 2, 1, bidirectional=True), torch.zeros(5, 1, 1)
    with pytest.raises(ValueError, match=r"recurrent is bidirectional.*use BPTT"):
        list(CheckpointedBPTT()(model, x, x, squared))


# Arguments.


@pytest.mark.parametrize(
    ("written", "size"),
    [
        (1, 1),
        (64_000_000, 64_000_000),
        ("64MB", 64_000_000),
        ("1.5GiB", 3 << 29),
        ("512 kB", 512_000),
        ("512 KiB", 512 << 10),
        ("2TB", 2 * 10**12),
        ("100B", 100),
    ],
)
def test_memory_as_it_is_written(written: Any, size: int) -> None:
    assert in_bytes(written) == size
    assert repr(written) in repr(CheckpointedBPTT(written))


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5, "64", "64 megabytes", "-1MB", "MB", "0B", ""])
def test_memory_that_is_no_size_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"memory is a whole number of bytes.*\"64MB\".*got"):
        CheckpointedBPTT(wrong)


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5, "3"])
def test_slots_and_segments_are_whole_numbers(wrong: Any) -> None:
    with pytest.raises(ValueError, match="slots is a whole number of carried states"):
        CheckpointedBPTT(slots=wrong)
    with pytest.raises(ValueError, match="segment is a whole number of steps"):
        CheckpointedBPTT(segment=wrong)


def test_memory_and_slots_are_not_given_together() -> None:
    with pytest.raises(ValueError, match="memory='1MB' and slots=3 are two ways"):
        CheckpointedBPTT("1MB", slots=3)


# Negative control.


def test_a_schedule_that_is_off_by_one_is_noticed() -> None:
    class Late(Revolve):
        def place(self, segments: int, free: int) -> Place | None:
            place = super().place(segments, free)
            return Place(place.after + 1, False) if place and place.after + 1 < segments else place

    model = Counting(tt.nn.RNN(1, 1))
    x = torch.randn(30, 1, 1)
    run = Recomputation(Chain(model, x, x, squared), 1, None, "mean")
    run.follow(actions(Late(30, 4)))
    assert model.steps == run.forward_steps > recursion(30, 4)
