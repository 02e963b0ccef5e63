"""Segments run again inside the engine: the gradient of BPTT, the memory that was asked for."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from throughtime.engine import roll_back_again
from throughtime.engine.native_module import module
from throughtime.gradients.chain import Chain
from throughtime.gradients.checkpointing import (
    Footprint,
    Sizes,
    Twice,
    TwicePlan,
    planned_twice,
    runs_twice,
)
from throughtime.gradients.held import HeldChain, chain_of_held_weights

pytestmark = pytest.mark.skipif(module is None, reason="the native module is not built")
squared = nn.MSELoss(reduction="none")


def drawn(cell: str, T: int, B: int, H: int, **named: Any) -> tuple[tt.Network, Tensor, Tensor]:
    torch.manual_seed(0)
    model = tt.Network(cell, 2, H, 3, dtype=torch.float64, **named)
    x = torch.randn(T, B, 2, dtype=torch.float64)
    return model, x, torch.randn(T, B, 3, dtype=torch.float64)


def gradients(model: nn.Module) -> list[Tensor]:
    found = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    model.zero_grad()
    return found


def run(
    model: nn.Module,
    x: Tensor,
    d: Tensor,
    loss: Any = squared,
    state: Any = None,
    segment: int = 4,
    forward: int = 8,
    back: int = 8,
    reduce: Any = "mean",
) -> tuple[Twice, HeldChain]:
    chain = chain_of_held_weights(Chain(model, x, d, loss, state))
    assert isinstance(chain, HeldChain)
    assert runs_twice(chain)
    method = Twice(chain, TwicePlan(segment, forward, back, 0, 0.0), reduce)
    method.run()
    return method, chain


def assert_equal(
    model: tt.Network, x: Tensor, d: Tensor, reduce: Any = "mean", **named: Any
) -> None:
    (expected,) = tt.BPTT(reduce)(model, x, d, squared)
    right = gradients(model)
    method, chain = run(model, x, d, reduce=reduce, **named)
    found = gradients(model)
    assert len(found) == len(right) > 0
    for mine, other in zip(found, right, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-13)
    assert method.loss == pytest.approx(expected.loss, rel=1e-12)
    assert (chain.at, method.forward_steps) == (len(x), 2 * len(x))
    torch.testing.assert_close(chain.state, expected.state, rtol=1e-12, atol=1e-12)


# Two rows of 256 units are shared out among threads unit by unit.
@pytest.mark.parametrize(("B", "H"), [(9, 20), (2, 256)])
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm", "lstm_peephole", "independent"])
@pytest.mark.parametrize("layers", [1, 3])
def test_the_gradient_is_that_of_bptt(cell: str, layers: int, B: int, H: int) -> None:
    assert_equal(*drawn(cell, 22, B, H, num_layers=layers))


@pytest.mark.parametrize("segment", [1, 2, 3, 22, 30])
@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_segments_of_any_length(segment: int, reduce: str) -> None:
    model, x, d = drawn("gru", 23 if segment != 2 and segment != 22 else 22, 3, 8)
    for calls in (1, 2, 100):
        steps = {"forward": calls * segment, "back": (1 + calls // 2) * segment}
        assert_equal(model, x, d, reduce, segment=segment, **steps)


@pytest.mark.parametrize("activation", ["sigmoid", "softplus", "log_softmax"])
@pytest.mark.parametrize("bias", [True, False])
def test_any_function_on_the_readout(activation: str, bias: bool) -> None:
    assert_equal(*drawn("lstm", 22, 3, 8, output_activation=activation, bias=bias))


def test_states_kept_alone() -> None:
    model, x, d = drawn("gru", 22, 3, 8, num_layers=2)
    with tt.engine.keep("states"):
        assert_equal(model, x, d)


def test_frozen_weights_get_nothing_and_a_learned_start_its_gradient() -> None:
    model, x, d = drawn("lstm", 22, 3, 8, num_layers=2)
    model.readout.weight.requires_grad_(False)
    model.recurrent.bias_hh_l0.requires_grad_(False)
    found = []
    for own in (False, True):
        start = tuple(torch.ones(2, 3, 8).double().requires_grad_() for _ in "hc")
        if own:
            run(model, x, d, state=start)
        else:
            list(tt.BPTT()(model, x, d, squared, start))
        found.append([*gradients(model), *(part.grad for part in start)])
    assert model.readout.weight.grad is None
    torch.testing.assert_close(found[0], found[1], rtol=1e-12, atol=1e-13)


def test_a_loss_that_is_not_finite_touches_nothing() -> None:
    model, x, d = drawn("gru", 22, 3, 8)
    d[9, 1, 0] = float("nan")
    with pytest.raises(FloatingPointError, match=r"nan from step 9 .*row 1"):
        run(model, x, d)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_loss_without_a_slope_touches_nothing() -> None:
    model, x, d = drawn("gru", 22, 3, 8)

    def steep(y: Tensor, target: Tensor) -> Tensor:
        return (0 * y).sqrt()  # 0, and its derivative 0 / 0

    with pytest.raises(FloatingPointError, match=r"derivative .* nan at step 0 \(row 0\)"):
        run(model, x, d, steep)
    assert model.recurrent.weight_hh_l0.grad is None


def test_what_cannot_be_run_twice_is_not() -> None:
    model, x, d = drawn("gru", 22, 3, 8)
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)

    def learned(y: Tensor, target: Tensor) -> Tensor:
        return scale * squared(y, target)

    def suits(model: nn.Module, d: Tensor = d, loss: Any = squared, **named: Any) -> bool:
        chain = chain_of_held_weights(Chain(model, x, d, loss, **named))
        return isinstance(chain, HeldChain) and runs_twice(chain)

    class Squashed(tt.Network):
        def read(self, h: Tensor) -> Tensor:
            return super().read(h).tanh()

    assert suits(model)
    assert not suits(model, loss=learned)
    assert not suits(model, lengths=torch.tensor([22, 3, 4]))
    assert not suits(Squashed("gru", 2, 8, 3, dtype=torch.float64))
    assert not suits(tt.nn.GRU(2, 8, dtype=torch.float64), torch.randn(22, 3, 8).double())
    list(tt.CheckpointedBPTT("40kB")(model, x, d, learned))
    assert scale.grad is not None


@pytest.mark.parametrize("seed", range(40))
def test_plans_keep_within_the_budget(seed: int) -> None:
    draw = random.Random(seed)
    T, B = draw.randint(1, 100_000), draw.randint(1, 64)
    state, outputs, h = (B * draw.randint(1, 4000) for _ in range(3))
    footprint = Footprint(state, 0, draw.randint(1, 9) * (state + outputs), outputs, 1000)
    sizes = Sizes(T, B, footprint, held=True)
    for budget in (T * outputs + draw.randint(1, 1 << 30), draw.randint(1, 1 << 30)):
        layers = draw.randint(1, 3)
        plan = planned_twice(sizes, budget, h, layers)
        if plan is None:
            continue
        n = -(-T // plan.segment)
        assert plan.segment == 1 or T % plan.segment != 1
        assert plan.forward % plan.segment == plan.back % plan.segment == 0
        kept = T * outputs + n * state
        forward = plan.forward * (min(layers, 2) * h + 4 * outputs)
        most = plan.segment * footprint.step + max(plan.back * h, forward)
        assert kept + most <= plan.bytes <= budget


def test_a_budget_is_used_this_way_where_it_is_quicker() -> None:
    model, x, d = tt.Network("lstm", 8, 64, 1), torch.randn(400, 8, 8), torch.randn(400, 8, 1)
    (tight,) = tt.CheckpointedBPTT("600kB")(model, x, d, squared)
    (ample,) = tt.CheckpointedBPTT("100MB")(model, x, d, squared)
    assert (tight.info["forward_steps"], ample.info["forward_steps"]) == (800, 400)


# Negative control.


def test_segments_begun_at_a_wrong_state_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(layers: Any, segments: Any, x: Any, d: Any, stored: Any, carried: Any) -> None:
        moved = [[whole.roll(1, 0) for whole in of_layer] for of_layer in stored]
        roll_back_again(layers, segments, x, d, moved, carried)

    monkeypatch.setattr("throughtime.gradients.checkpointing.twice.roll_back_again", wrong)
    with pytest.raises(AssertionError, match="not close"):
        assert_equal(*drawn("gru", 22, 3, 8))
