"""Weights held over many calls: the same gradients as with a layout and a sum for each call."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from throughtime.engine import HeldWeights
from throughtime.engine.native_module import module
from throughtime.gradients.chain import Chain
from throughtime.gradients.held import HeldChain, chain_of_held_weights

pytestmark = pytest.mark.skipif(module is None, reason="the native module is not built")
squared = nn.MSELoss(reduction="none")


def drawn(cell: str, layers: int, T: int, B: int, H: int) -> tuple[tt.Network, Tensor, Tensor]:
    torch.manual_seed(0)
    model = tt.Network(cell, 2, H, 2, num_layers=layers, dtype=torch.float64)
    x, d = (torch.randn(T, B, 2, dtype=torch.float64) for _ in range(2))
    return model, x, d


def checkpointed(model: nn.Module, *given: Any, **limits: Any) -> list[Tensor]:
    model.zero_grad()
    list(tt.CheckpointedBPTT(**limits)(model, *given))
    return [p.grad for p in model.parameters() if p.grad is not None]


# Two rows of 256 units are shared out among threads unit by unit, unless there is one step.
@pytest.mark.parametrize(("B", "H"), [(9, 20), (2, 256)])
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm", "independent", "lstm_peephole"])
@pytest.mark.parametrize("ragged", [False, True])
def test_they_equal_those_of_a_plain_chain(
    cell: str, B: int, H: int, ragged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x, d = drawn(cell, 2, 9, B, H)
    lengths = torch.tensor([9, 4, 0, 7, 9, 3, 1, 8, 9][:B]) if ragged else None
    reset = torch.zeros(9, B, dtype=torch.bool)
    reset[5, 0] = True
    given = x, d, squared, None, lengths, reset
    assert isinstance(chain_of_held_weights(Chain(model, *given)), HeldChain)
    mine = checkpointed(model, *given, segment=4, slots=2)  # the last segment has one step
    monkeypatch.setattr("throughtime.gradients.checkpointed.chain_of_held_weights", lambda c: c)
    for one, other in zip(mine, checkpointed(model, *given, segment=4, slots=2), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)


def test_weights_are_laid_out_once_and_summed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, d = drawn("gru", 1, 40, 3, 8)
    done: list[str] = []
    function = HeldWeights._function

    def counted(held: HeldWeights, name: str) -> Any:
        done.append(name)
        return function(held, name)

    monkeypatch.setattr(HeldWeights, "_function", counted)
    checkpointed(model, x, d, squared, segment=4, slots=3)
    assert (done.count("pack"), done.count("add_up")) == (1, 1)


def test_hooks_of_weights_and_gradients_that_are_there_count() -> None:
    model, x, d = drawn("gru", 1, 12, 3, 8)
    plain = [grad.clone() for grad in checkpointed(model, x, d, squared, segment=4, slots=3)]
    for parameter in model.parameters():
        parameter.register_hook(lambda gradient: 2 * gradient)
    twice = checkpointed(model, x, d, squared, segment=4, slots=3)
    list(tt.CheckpointedBPTT(segment=4, slots=3)(model, x, d, squared))  # adds to what is there
    for one, other in zip(plain, twice, strict=True):
        torch.testing.assert_close(4 * one, other, rtol=1e-12, atol=1e-14)


def test_frozen_weights_get_nothing() -> None:
    model, x, d = drawn("lstm", 2, 12, 3, 8)
    model.recurrent.weight_hh_l1.requires_grad_(False)
    checkpointed(model, x, d, squared, segment=4, slots=3)
    assert model.recurrent.weight_hh_l1.grad is None
    assert model.recurrent.weight_hh_l0.grad is not None


def test_what_cannot_be_held_is_not() -> None:
    x = torch.randn(6, 2, 2)

    def held(model: nn.Module) -> bool:
        return isinstance(chain_of_held_weights(Chain(model, x, x, squared)), HeldChain)

    class Own(tt.Network):
        def forward(self, *given: Any, **named: Any) -> Any:
            y, state = super().forward(*given, **named)
            return 2 * y, state

    assert held(tt.Network("gru", 2, 3, 2))
    assert held(tt.nn.LSTM(2, 2))
    assert not held(Own("gru", 2, 3, 2))
    assert not held(nn.GRU(2, 3))
    assert not held(tt.nn.Recurrent("gru", 2, 3, zoneout=0.1))
