"""What is advised where a cell makes a NaN: it depends on what the operation was given."""

import pytest
import torch

import throughtime as tt


def test_a_state_that_has_diverged_is_called_so() -> None:
    @tt.cell(gates="a", state="h")
    def growing(wx, uh, h):
        return tt.exp(wx.a + uh.a) - h

    layer = tt.nn.Recurrent(growing, 1, 1)
    x = torch.full((3, 1, 1), 1e5)
    with torch.no_grad():
        layer.weight_ih_l0.fill_(1.0)
    with pytest.raises(FloatingPointError, match="diverged; lower the learning rate, clip") as met:
        layer(x)
    assert "softplus" not in str(met.value)


def test_an_argument_out_of_bounds_is_to_be_kept_inside() -> None:
    @tt.cell(gates="a", state="h")
    def rooted(wx, uh, h):
        return tt.sqrt(wx.a + uh.a - 10)

    with pytest.raises(FloatingPointError, match="softplus or maximum, say") as met:
        tt.nn.Recurrent(rooted, 1, 1)(torch.zeros(3, 1, 1))
    assert "diverged" not in str(met.value)
