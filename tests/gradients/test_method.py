"""The pieces that gradient methods share."""

import pytest
import torch
from torch import nn

import throughtime as tt
from throughtime.gradients import registry
from throughtime.gradients.method import check_sequences


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
