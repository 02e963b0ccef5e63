"""Layer normalisation inside a cell, and the mean over units that it is made of."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import layer_norm, linear

import throughtime as tt


@tt.cell(gates="i f g o", state="h c", units="gain bias")
def lstm_layer_norm(wx, uh, h, c, *, gain, bias):
    """LSTM normalised as in Ba, Kiros & Hinton (2016), without the gains of the gates."""
    i = tt.sigmoid(tt.layer_norm(wx.i) + tt.layer_norm(uh.i))
    f = tt.sigmoid(tt.layer_norm(wx.f) + tt.layer_norm(uh.f))
    g = tt.tanh(tt.layer_norm(wx.g) + tt.layer_norm(uh.g))
    o = tt.sigmoid(tt.layer_norm(wx.o) + tt.layer_norm(uh.o))
    c = f * c + i * g
    return o * tt.tanh(gain * tt.layer_norm(c) + bias), c


def plain(layer: tt.nn.Recurrent, x: Tensor) -> Tensor:
    """The same with torch's own layer norm, step by step."""
    weights, H = layer.weights(0), layer.hidden_size
    gain, bias = weights.units
    h = c = x.new_zeros(x.shape[1], H)
    outputs = []
    for x_t in x:
        wx = linear(x_t, weights.W, weights.b).split(H, 1)
        uh = linear(h, weights.U, weights.c).split(H, 1)
        i, f, g, o = (
            layer_norm(a, (H,)) + layer_norm(u, (H,)) for a, u in zip(wx, uh, strict=True)
        )
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * layer_norm(c, (H,), gain, bias).tanh()
        outputs.append(h)
    return torch.stack(outputs)


@pytest.fixture
def layer() -> tt.nn.Recurrent:
    torch.manual_seed(0)
    return tt.nn.Recurrent(lstm_layer_norm, 3, 5, dtype=torch.float64)


def test_it_is_torchs_layer_norm(layer: tt.nn.Recurrent) -> None:
    x = torch.randn(6, 4, 3, dtype=torch.float64, requires_grad=True)
    ours, theirs = layer(x)[0], plain(layer, x)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    seed = torch.randn_like(ours)
    tensors = [x, *layer.parameters()]
    found = torch.autograd.grad(ours, tensors, seed)
    expected = torch.autograd.grad(theirs, tensors, seed)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)


def test_it_is_differentiable_twice(layer: tt.nn.Recurrent) -> None:
    x = torch.randn(3, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: layer(x)[0], (x,))


def test_it_trains(layer: tt.nn.Recurrent) -> None:
    network = tt.Network(lstm_layer_norm, 1, 8, 1)
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    x = torch.randn(12, 16, 1)
    losses = []
    for _ in range(40):
        for update in tt.BPTT()(network, x, x.roll(1, 0), torch.nn.MSELoss(reduction="none")):
            losses.append(update.loss)
            optimizer.step()
            optimizer.zero_grad()
    assert losses[-1] < 0.5 * losses[0]


def test_the_mean_of_a_constant_is_that_constant() -> None:
    @tt.cell(gates="a", state="h")
    def constant(wx, uh, h):
        return wx.a * tt.mean(2.0)

    assert [i.operation for i in constant.step.instructions] == ["multiply"]
    assert constant.step.constants == (2.0,)


def test_rows_do_not_mix(layer: tt.nn.Recurrent) -> None:
    x = torch.randn(6, 4, 3, dtype=torch.float64)
    together = layer(x)[0]
    for row in range(4):
        torch.testing.assert_close(
            layer(x[:, row : row + 1])[0][:, 0], together[:, row], rtol=0, atol=1e-13
        )
