"""Windows rolled back in one call: the same gradients as piece by piece."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from tests.gradients.test_tbptt import Case, check
from throughtime.engine.native_module import module
from throughtime.gradients.chain import Chain
from throughtime.gradients.joined import JoinedChain, chain_of_short_pieces

pytestmark = pytest.mark.skipif(module is None, reason="the native module is not built")
squared = nn.MSELoss(reduction="none")


def gradients(model: nn.Module, arguments: tuple[Any, ...], k1: int, k2: int) -> list[Tensor]:
    """All gradients of a training whose weights are stepped after each update."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    found = []
    for _ in tt.TBPTT(k1, k2)(model, *arguments):
        found += [p.grad.clone() for p in model.parameters() if p.grad is not None]
        optimizer.step()
        optimizer.zero_grad()
    return found


@pytest.mark.filterwarnings("ignore:.*every update is full backpropagation")  # with k2 of 30
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm", "minimal_gated", "independent"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(("k1", "k2"), [(1, 5), (2, 7), (3, 30)])
def test_they_equal_those_of_a_plain_chain(
    cell: str, layers: int, k1: int, k2: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for joined in (True, False):
        torch.manual_seed(0)
        model = tt.Network(cell, 2, 20, 2, num_layers=layers).double()
        x, d = (torch.randn(23, 9, 2, dtype=torch.float64) for _ in range(2))
        chain = chain_of_short_pieces(Chain(model, x, d, squared))
        assert isinstance(chain, JoinedChain) is (cell != "independent")  # it has units
        if not joined:
            monkeypatch.setattr("throughtime.gradients.tbptt.chain_of_short_pieces", lambda c: c)
        found[joined] = gradients(model, (x, d, squared), k1, k2)
    for mine, other in zip(found[True], found[False], strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kept", ["everything", "states"])
def test_they_are_the_sum_of_the_terms_in_the_window(kept: str) -> None:
    torch.manual_seed(0)
    model = tt.Network("lstm", 2, 3, 2, num_layers=2).double()
    x, d = (torch.randn(14, 2, 2, dtype=torch.float64) for _ in range(2))
    with tt.engine.keep(kept), pytest.MonkeyPatch.context() as patch:
        patch.setattr("throughtime.engine.use", lambda name: torch.enable_grad())  # stay native
        check(Case(model, x, d, 1, 6, None, None), tt.TBPTT(1, 6))


def test_layers_as_in_torch_and_a_start_that_is_learned() -> None:
    torch.manual_seed(0)
    layer, x = tt.nn.LSTM(2, 5, num_layers=2).double(), torch.randn(9, 3, 2, dtype=torch.float64)
    d = torch.randn(9, 3, 5, dtype=torch.float64)
    found = []
    for engine in ("native", "reference"):
        start = tuple(
            torch.full((2, 3, 5), 0.1, dtype=torch.float64).requires_grad_() for _ in "hc"
        )
        layer.zero_grad()
        with tt.engine.use(engine):
            for _ in tt.TBPTT(2, 6)(layer, x, d, squared, start):
                pass
        found.append([s.grad for s in start] + [p.grad.clone() for p in layer.parameters()])  # type: ignore[union-attr]
    for mine, other in zip(*found, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-12)


def test_what_cannot_be_joined_is_not() -> None:
    x = torch.randn(6, 2, 2)

    def joined(model: nn.Module, lengths: Tensor | None = None) -> bool:
        chain = Chain(model, x, x, squared, lengths=lengths)
        return isinstance(chain_of_short_pieces(chain), JoinedChain)

    assert joined(tt.Network("gru", 2, 3, 2))
    assert not joined(nn.GRU(2, 3))
    assert not joined(tt.Network("gru", 2, 3, 2), torch.tensor([6, 2]))
    assert not joined(tt.nn.LSTM(2, 4, proj_size=2))
    assert not joined(tt.nn.Recurrent("gru", 2, 3, zoneout=0.1))
    assert not joined(tt.Network("gru", 2, 3, 2, num_layers=2, dropout=0.5))
    hooked = tt.Network("gru", 2, 3, 2)
    hooked.recurrent.register_forward_hook(lambda *_: None)
    assert not joined(hooked)
    normed = tt.Network("gru", 2, 3, 2)
    torch.nn.utils.parametrizations.weight_norm(normed.recurrent, "weight_hh_l0")
    assert not joined(normed)
    with tt.engine.use("reference"):
        assert not joined(tt.Network("gru", 2, 3, 2))
