"""The pieces that gradient methods share."""

from collections import namedtuple
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from throughtime.gradients import registry
from throughtime.gradients.method import check_sequences, forward
from throughtime.gradients.state import cut

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


def test_lengths_are_passed_only_where_given() -> None:
    seen = []

    class Model(nn.Module):
        def forward(self, x: Tensor, state: Any, **named: Any) -> tuple[Tensor, Any]:
            seen.append(named)
            return x, state

    lengths = torch.tensor([1])
    forward(Model(), torch.zeros(1, 1), None, None)
    forward(Model(), torch.zeros(1, 1), None, lengths)
    assert seen[0] == {}
    assert seen[1]["lengths"] is lengths


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (torch.zeros(1), "Tensor"),
        ((torch.zeros(1), 1, 2), "a tuple of 3"),
        ((1, 2), "a tuple of 2"),
        (None, "NoneType"),
    ],
)
def test_a_model_of_another_form_is_refused(result: Any, shown: str) -> None:
    class Model(nn.Module):
        def forward(self, x: Tensor, state: Any) -> Any:
            return result

    with pytest.raises(TypeError, match=f"Model gave {shown}"):
        forward(Model(), torch.zeros(1, 1), None, None)


def test_lengths_are_checked_with_both_sides() -> None:
    x = torch.zeros(4, 2, 1)
    check_sequences(x, x, torch.tensor([4, 0]))
    with pytest.raises(ValueError, match=r"between 0 and 4.*2 rows .*got \[5, 1\]"):
        check_sequences(x, x, torch.tensor([5, 1]))


def test_lengths_may_be_a_list_as_for_a_layer() -> None:
    network = tt.Network("gru", 1, 2, 1)
    x, d = torch.randn(4, 2, 1), torch.randn(4, 2, 1)
    loss = nn.MSELoss(reduction="none")
    (update,) = tt.BPTT()(network, x, d, loss, lengths=[4, 2])  # type: ignore[arg-type]
    (expected,) = tt.BPTT()(network, x, d, loss, lengths=torch.tensor([4, 2]))
    assert update.loss == expected.loss


def test_methods_are_registered() -> None:
    assert registry["bptt"] is tt.BPTT
    assert all(issubclass(method, tt.GradientMethod) for method in registry.values())


def test_a_sum_is_the_mean_times_the_elements() -> None:
    network = tt.Network("gru", 1, 2, 1, dtype=torch.float64)
    x, d = torch.randn(2, 4, 2, 1, dtype=torch.float64)
    lengths, loss = torch.tensor([4, 2]), nn.MSELoss(reduction="none")
    found = []
    for reduce in ("mean", "sum"):
        network.zero_grad()
        method = tt.BPTT(reduce=reduce)  # type: ignore[arg-type]
        (update,) = method(network, x, d, loss, lengths=lengths)
        found.append([update.loss, *(p.grad.norm().item() for p in network.parameters())])
    assert found[1] == pytest.approx([6 * value for value in found[0]], rel=1e-12)
    with pytest.raises(ValueError, match='must be "mean" or "sum", got None'):
        tt.BPTT(reduce=None)  # type: ignore[arg-type]
    assert repr(tt.BPTT(reduce="sum")) == "BPTT(reduce='sum')"
