"""The loss over time: what is summed, averaged and refused."""

import pytest
import torch
from torch import nn

from throughtime.gradients.objective import check_reduction, elementwise, reduced


def test_a_sum_adds_and_a_mean_divides_by_the_elements() -> None:
    losses = torch.arange(12.0).view(3, 2, 2)
    assert float(reduced(losses, None, "sum")) == 66.0
    assert float(reduced(losses, None, "mean")) == 5.5


@pytest.mark.parametrize("tail", [(), (2,), (2, 3)])
def test_only_valid_elements_count(tail: tuple[int, ...]) -> None:
    losses = torch.full((4, 3, *tail), 7.0)
    lengths = torch.tensor([4, 1, 0])
    for row, length in enumerate(lengths.tolist()):
        losses[length:, row] = float("nan")
    elements = torch.ones(tail).numel()
    assert float(reduced(losses, lengths, "sum")) == 7.0 * 5 * elements
    assert float(reduced(losses, lengths, "mean")) == 7.0


def test_an_unknown_reduction_is_refused() -> None:
    with pytest.raises(ValueError, match='must be "mean" or "sum", got \'average\''):
        check_reduction("average")


def test_the_first_fault_is_named() -> None:
    losses = torch.zeros(5, 3, 2)
    losses[3, 1, 1] = float("nan")
    losses[4, 0] = float("inf")
    message = r"the loss is nan from step 3 on \(row 1; 3 of 30 values are not finite\)"
    with pytest.raises(FloatingPointError, match=message):
        reduced(losses, None, "mean")
    with pytest.raises(FloatingPointError, match=message):
        reduced(losses, torch.tensor([5, 4, 0]), "sum")
    assert float(reduced(losses, torch.tensor([4, 3, 5]), "sum")) == 0.0


def test_a_sum_that_overflows_is_named_as_such() -> None:
    losses = torch.full((2, 1), 3e38)
    with pytest.raises(FloatingPointError, match=r"overflows torch\.float32"):
        reduced(losses, None, "sum")


def test_infinities_of_both_signs_are_found() -> None:
    losses = torch.tensor([[float("inf")], [-float("inf")]])
    with pytest.raises(FloatingPointError, match="the loss is inf from step 0 on"):
        reduced(losses, None, "sum")


def test_outputs_and_targets_must_have_one_shape() -> None:
    loss = nn.MSELoss(reduction="none")
    with pytest.raises(ValueError, match=r"\(4, 3, 1\), targets \(4, 3, 2\)"):
        elementwise(loss, torch.zeros(4, 3, 1), torch.zeros(4, 3, 2))
    assert elementwise(loss, torch.zeros(4, 3, 2), torch.ones(4, 3, 2)).sum() == 24.0


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_reduced_loss_is_refused(reduction: str) -> None:
    loss = nn.MSELoss(reduction=reduction)
    with pytest.raises(ValueError, match=r"\[4, 3, \.\.\.\], got \(\); .*reduction=\"none\""):
        elementwise(loss, torch.zeros(4, 3, 1), torch.zeros(4, 3, 1))
