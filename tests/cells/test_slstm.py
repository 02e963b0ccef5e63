"""The sLSTM: its stabiliser changes nothing but the range of numbers it can hold."""

import pytest
import torch
from torch import Tensor

import throughtime as tt
from tests.cells.blocks import fix
from tests.contracts.closeness import assert_close


def unstabilised(
    layer: tt.nn.Recurrent, x: Tensor, h: Tensor, c: Tensor, n: Tensor
) -> list[Tensor]:
    """Run the equations as they are before exp(-m) is taken out of c and n."""
    weights, outputs = layer.weights(0), []
    for x_t in x:
        a = x_t @ weights.W.T + weights.b + h @ weights.U.T + weights.c
        i, f, z, o = a.chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.exp(i) * torch.tanh(z)
        n = torch.sigmoid(f) * n + torch.exp(i)
        h = torch.sigmoid(o) * c / n
        outputs.append(h)
    return [torch.stack(outputs), h, c, n]


def wide_layer(dtype: torch.dtype = torch.float64) -> tt.nn.Recurrent:
    """Give a layer whose gates vary widely: weights of standard deviation 1."""
    layer = tt.nn.Recurrent("slstm", 2, 3, dtype=dtype)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    return layer


def test_it_equals_the_unstabilised_equations() -> None:
    layer, x = wide_layer(), torch.randn(20, 4, 2, dtype=torch.float64)
    y, (h, c, n, m) = layer(x)
    zeros = torch.zeros(4, 3, dtype=torch.float64)
    expected = unstabilised(layer, x, zeros, zeros, zeros)
    assert_close(y, expected[0], "outputs", 1e-12)
    assert_close(h[0], expected[1], "h", 1e-12)
    assert_close((c * m.exp())[0], expected[2], "c", 1e-12)
    assert_close((n * m.exp())[0], expected[3], "n", 1e-12)

    parameters = list(layer.parameters())
    found = torch.autograd.grad(y.square().sum(), parameters)
    plainly = torch.autograd.grad(expected[0].square().sum(), parameters)
    for mine, other in zip(found, plainly, strict=True):
        assert_close(mine, other, "gradient", 1e-11)  # it cancels in m, to rounding


def test_a_state_may_be_scaled_by_its_stabiliser() -> None:
    layer, x = wide_layer(), torch.randn(9, 4, 2, dtype=torch.float64)
    h, c = torch.randn(2, 1, 4, 3, dtype=torch.float64)
    n, m = torch.rand(2, 1, 4, 3, dtype=torch.float64)
    shift = torch.randn(1, 4, 3, dtype=torch.float64)
    y, _ = layer(x, (h, c, n, m))
    moved, _ = layer(x, (h, c * shift.exp(), n * shift.exp(), m - shift))
    assert_close(moved, y, "outputs", 1e-12)


def test_the_normaliser_is_never_below_one() -> None:
    layer, x = wide_layer(), 5 * torch.randn(200, 4, 2, dtype=torch.float64)
    state = None
    for x_t in x:
        _, state = layer(x_t[None], state)
        assert (state[2] >= 1).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("size", [-1e4, -200.0, 0.0, 200.0, 1e4])
def test_input_gates_beyond_the_range_of_exp(dtype: torch.dtype, size: float) -> None:
    """A start state of zeros and an input gate that under- or overflows: h is o * z."""
    layer = tt.nn.Recurrent("slstm", 1, 3, dtype=dtype)
    fix(layer, "i", size)
    fix(layer, "f", -size)
    fix(layer, "o", 0.0)
    fix(layer, "z", 0.5)
    x = torch.zeros(50, 2, 1, dtype=dtype, requires_grad=True)
    y, after = layer(x)
    expected = torch.full_like(y, 0.5) * torch.tanh(torch.tensor(0.5, dtype=dtype))
    # In bfloat16 (2 to 3 digits) rounding adds up over the steps of the mean.
    assert_close(y, expected, "outputs", 0.05 if dtype == torch.bfloat16 else 1e-5)
    torch.stack([y.sum(), *(state.sum() for state in after)]).sum().backward()
    assert all(p.grad.isfinite().all() for p in [x, *layer.parameters()])


def test_an_empty_memory_has_no_scale() -> None:
    """With n = 0 the stabiliser of the start means nothing."""
    layer, x = wide_layer(), torch.randn(5, 4, 2, dtype=torch.float64)
    zeros = torch.zeros(1, 4, 3, dtype=torch.float64)
    y, after = layer(x)
    for m in (-1e3, 1e3):
        moved, moved_after = layer(x, (zeros, zeros, zeros, torch.full_like(zeros, m)))
        assert torch.equal(moved, y)
        assert all(torch.equal(a, b) for a, b in zip(moved_after, after, strict=True))
