"""What a network carries: cut from its history whole, and rows of it that start anew."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from throughtime.gradients import GradientMethod
from throughtime.gradients.state import beside, cut

squared = nn.MSELoss(reduction="none")


Pair = namedtuple("Pair", "h c")


def attached() -> Tensor:
    return torch.ones(2, requires_grad=True) * 2


@pytest.mark.parametrize(
    "nest",
    [
        lambda a, b: (a, b),
        lambda a, b: [a, b],
        lambda a, b: Pair(a, b),
        lambda a, b: {"h": a, "c": (b,)},
        lambda a, b: [[a], {"c": Pair(b, None)}],
    ],
    ids=["tuple", "list", "namedtuple", "dict", "nested"],
)
def test_a_state_of_any_nesting_is_cut_whole(nest: Any) -> None:
    state = nest(attached(), attached())
    loose = cut(state)
    assert type(loose) is type(state)
    assert "grad_fn" in repr(state)
    assert "grad_fn" not in repr(loose)
    assert repr(loose) == repr(nest(torch.ones(2) * 2, torch.ones(2) * 2))


def test_leaves_and_other_things_stay() -> None:
    leaf = torch.ones(2, requires_grad=True)
    assert cut(leaf) is leaf
    assert cut((leaf, None, 3))[0] is leaf
    assert cut(None) is None
    assert cut((None, 3)) == (None, 3)


def test_a_cut_shares_memory_and_leaves_the_original() -> None:
    state = attached()
    loose = cut(state)
    assert loose.data_ptr() == state.data_ptr()
    assert state.grad_fn is not None


# Rows that start anew: where they are in a state, and where that cannot be told.


class Slots(nn.Module):
    """A module of the user's: a memory of some slots a row, rows first, [B, slots, H]."""

    def __init__(self, slots: int) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.slots = slots
        self.mix = nn.Linear(3 * slots, 3 * slots, dtype=torch.float64)

    def forward(self, x: Tensor, memory: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if memory is None:
            memory = x.new_zeros(x.shape[1], self.slots, 3)
        outputs = []
        for step in x:  # [B, 3]
            memory = torch.tanh(self.mix(memory.flatten(1)).view_as(memory) + step[:, None])
            outputs.append(memory.sum(1))
        return torch.stack(outputs), memory


class Wrapped(nn.Module):
    """A module of the user's around torch's layers."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.lstm = nn.LSTM(3, 3, num_layers=2, dtype=torch.float64)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        y, after = self.lstm(x, state)
        return 2 * y, after


def made(model: str, slots: int = 2) -> nn.Module:
    torch.manual_seed(3)
    if model == "network":
        return tt.Network("lstm", 3, 3, 3, num_layers=2, dtype=torch.float64)
    if model == "torch":
        return nn.LSTM(3, 3, num_layers=2, dtype=torch.float64)
    return Wrapped() if model == "wrapped" else Slots(slots)


def sequences(B: int) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(4)
    x, d = (torch.randn(6, B, 3, dtype=torch.float64) for _ in range(2))
    reset = torch.zeros(6, B, dtype=torch.bool)
    reset[4, 1] = True
    return x, d, reset


def apart(model: nn.Module, B: int) -> list[Tensor]:
    """The gradient of each row's sequences by themselves."""
    x, d, reset = sequences(B)
    loss: Any = 0.0
    for row in range(B):
        parts = [slice(0, 4), slice(4, 6)] if reset[:, row].any() else [slice(0, 6)]
        for part in parts:
            loss = loss + squared(model(x[part, row : row + 1])[0], d[part, row : row + 1]).sum()
    return list(torch.autograd.grad(loss, list(model.parameters())))


@pytest.mark.parametrize(
    ("model", "B"),
    # Two layers and two rows are told apart where it is known which comes first.
    [("network", 2), ("network", 3), ("torch", 2), ("torch", 3), ("wrapped", 3), ("slots", 3)],
)
@pytest.mark.parametrize("method", [tt.BPTT(reduce="sum"), tt.TBPTT(2, 6, reduce="sum")])
def test_rows_that_start_anew_are_as_by_themselves(
    method: GradientMethod, model: str, B: int
) -> None:
    module = made(model)
    expected = apart(module, B)
    x, d, reset = sequences(B)
    for _ in method(module, x, d, squared, reset=reset):
        pass
    for parameter, other in zip(module.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("model", ["wrapped", "slots"])
def test_where_it_cannot_be_told_which_are_the_rows_they_do_not_start_anew(model: str) -> None:
    module = made(model)
    x, d, reset = sequences(2)
    with pytest.raises(ValueError, match=r"\(2, 2, 3\) the 2 rows .* last but one.*another size"):
        list(tt.BPTT()(module, x, d, squared, reset=reset))
    assert all(parameter.grad is None for parameter in module.parameters())
    list(tt.BPTT()(module, x, d, squared))  # without it nothing need be told


def test_candidates_of_torchs_layers_start_anew_too() -> None:
    x, d, reset = sequences(2)
    (update,) = tt.EvolutionStrategy(population=2)(made("torch"), x, d, squared, reset=reset)
    assert update.info["diverged"] == 0


@pytest.mark.parametrize(
    ("shape", "B", "layered", "place"),
    [
        ((4,), 4, False, 0),
        ((4, 4), 4, False, 0),  # [B, H]
        ((2, 4, 4), 4, False, 1),  # [layers, B, H]
        ((4, 4, 3), 4, True, 1),
        ((4, 2, 3), 4, False, 0),  # [B, slots, H]
        ((4, 8, 5, 5), 4, False, 0),  # [B, channels, height, width]
        ((4, 4, 5, 5), 4, False, 0),
        ((1, 1, 3), 1, False, 1),  # a single row
        ((4, 2, 3), 4, True, None),  # layers of torch carried over from a batch of two rows
        ((4, 4, 3), 4, False, None),
        ((4, 8, 4, 5), 4, False, None),
        ((2, 3, 3), 4, False, None),
        ((), 4, False, None),
    ],
)
def test_where_the_rows_are(
    shape: tuple[int, ...], B: int, layered: bool, place: int | None
) -> None:
    rows, tensor = torch.arange(B) == 0, torch.ones(shape)
    if place is None:
        with pytest.raises(ValueError, match="cannot be started anew"):
            beside(rows, tensor, layered)
        return
    left = tensor.masked_fill(beside(rows, tensor, layered), 0)
    expected = tensor.clone()
    expected.select(place, 0).zero_()
    assert torch.equal(left, expected)
