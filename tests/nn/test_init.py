"""How recurrent weights start."""

import pytest
import torch

import throughtime as tt
from throughtime.nn.init import identity_, orthogonal_


def test_the_irnn_carries_its_state_unchanged() -> None:
    """Le, Jaitly & Hinton (2015): with an input of zero a nonnegative state stands still."""
    layer = tt.nn.Recurrent("elman_relu", 2, 5, dtype=torch.float64)
    assert identity_(layer) is layer
    start = torch.rand(1, 3, 5, dtype=torch.float64, requires_grad=True)
    y, after = layer(torch.zeros(100, 3, 2, dtype=torch.float64), start)
    assert torch.equal(after, start)
    assert torch.equal(y, start.expand(100, 3, 5))
    after.sum().backward()
    assert torch.equal(start.grad, torch.ones_like(start)), "nor does its gradient change"


def test_a_scale_below_one_forgets() -> None:
    layer = identity_(tt.nn.Recurrent("elman_relu", 2, 5), scale=0.5)
    _, after = layer(torch.zeros(3, 1, 2), torch.ones(1, 1, 5))
    assert torch.equal(after, torch.full((1, 1, 5), 0.125))


@pytest.mark.parametrize("cell", tt.cells.registry)
@pytest.mark.parametrize("bias", [False, True])
def test_identity_is_set_for_each_gate_layer_and_direction(cell: str, bias: bool) -> None:
    layer = tt.nn.Recurrent(cell, 2, 3, num_layers=2, bidirectional=True, bias=bias)
    before = {name: p.detach().clone() for name, p in layer.named_parameters()}
    identity_(layer, 0.9)
    for name, parameter in layer.named_parameters():
        if "weight_hh" in name:
            for gate in parameter.split(3):
                assert torch.equal(gate, 0.9 * torch.eye(3))
        elif "bias" in name:
            assert not parameter.any()
        else:
            assert torch.equal(parameter, before[name])
        assert parameter.requires_grad


@pytest.mark.parametrize("cell", tt.cells.registry)
def test_orthogonal_weights_keep_lengths(cell: str) -> None:
    layer = tt.nn.Recurrent(cell, 2, 4, num_layers=2, bidirectional=True, dtype=torch.float64)
    before = {name: p.detach().clone() for name, p in layer.named_parameters()}
    assert orthogonal_(layer, gain=2.0) is layer
    seen = []
    for name, parameter in layer.named_parameters():
        if "weight_hh" not in name:
            assert torch.equal(parameter, before[name])
            continue
        for gate in parameter.detach().split(4):
            torch.testing.assert_close(gate @ gate.T, 4 * torch.eye(4).double())
            seen.append(gate)
    assert len({tuple(gate.flatten().tolist()) for gate in seen}) == len(seen), "gates are alike"


def test_only_a_layer_is_taken() -> None:
    for start in (identity_, orthogonal_):
        with pytest.raises(TypeError, match=r"got Network; for a Network pass network\.recurrent"):
            start(tt.Network("gru", 1, 1, 1))  # type: ignore[operator]


def test_a_cell_without_recurrent_weights_is_refused() -> None:
    @tt.cell(gates="a", state="h")
    def forgetful(wx, uh, h):
        return tt.tanh(wx.a)

    with pytest.raises(ValueError, match="cell 'forgetful' has no recurrent weights"):
        identity_(tt.nn.Recurrent(forgetful, 1, 1))
