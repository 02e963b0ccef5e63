"""Losses where only some steps are asked for an answer, through every way of cutting a sequence."""

import pytest
import torch

import throughtime as tt
from throughtime.data.tasks import Masked, cross_entropy

nan = float("nan")
squared = torch.nn.MSELoss(reduction="none")


def test_the_gradient_is_that_of_the_mean_over_what_is_asked() -> None:
    model = tt.Network("gru", 2, 3, 2).double()
    x, d = torch.randn(12, 3, 2).double(), torch.randn(12, 3, 2).double()
    d[torch.rand(12, 3, 2) < 0.7] = nan
    asked = ~d.isnan()
    expected = squared(model(x)[0][asked], d[asked]).mean()
    wanted = torch.autograd.grad(expected, list(model.parameters()))
    loss = Masked(squared, share=float(asked.double().mean()))
    (update,) = tt.BPTT()(model, x, d, loss)
    assert update.loss == pytest.approx(float(expected.detach()), rel=1e-12)
    for parameter, gradient in zip(model.parameters(), wanted, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-10, atol=1e-13)


def test_with_updates_on_the_way_the_losses_average_to_it() -> None:
    """Steps of 5, 5 and 2; in the first nothing is asked."""
    model = tt.Network("gru", 2, 3, 4).double()
    x = torch.randn(12, 3, 2).double()
    d = torch.full((12, 3), -100)
    d[7], d[11, 1] = torch.tensor([0, 1, 2]), 3
    loss = Masked(cross_entropy, share=4 / 36)
    updates = list(tt.TBPTT(5)(model, x, d, loss))
    assert updates[0].loss == 0
    mean = sum(update.loss * len(update.steps) for update in updates) / 12
    y = model(x)[0].detach()
    where = d != -100
    expected = torch.nn.functional.cross_entropy(y[where], d[where])
    assert mean == pytest.approx(float(expected.detach()), rel=1e-10)


def test_an_update_that_asks_nothing_leaves_zeros() -> None:
    model, x = tt.Network("gru", 1, 2, 1), torch.randn(4, 1, 1)
    d = torch.full((4, 1, 1), nan)
    next(tt.TBPTT(2)(model, x, d, Masked(squared)))
    assert all(not p.grad.any() for p in model.parameters() if p.grad is not None)
    assert model.readout.weight.grad is not None


def test_padding_counts_for_nothing() -> None:
    model = tt.Network("gru", 1, 2, 1).double()
    x, d = torch.randn(6, 2, 1).double(), torch.full((6, 2, 1), nan).double()
    d[5, 0], d[2, 1] = 0.3, 0.8
    lengths = torch.tensor([6, 3])
    (update,) = tt.BPTT()(model, x, d, Masked(squared, share=2 / 9), lengths=lengths)
    y = model(x)[0].detach()
    assert update.loss == pytest.approx(float((squared(y, d)[[5, 2], [0, 1]]).mean()), rel=1e-12)


@pytest.mark.parametrize("share", [0, -0.1, 1.1, nan])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match="share of elements"):
        Masked(squared, share)
