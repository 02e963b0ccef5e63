"""How recurrent weights start."""

from typing import Any

import pytest
import torch

import throughtime as tt
from throughtime.nn.init import (
    chrono_,
    forget_bias_,
    identity_,
    orthogonal_,
    spectral_radius_,
)

recurrent_cells = [name for name, cell in tt.cells.registry.items() if cell.recurrent_gates]


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


@pytest.mark.parametrize("cell", recurrent_cells)
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


@pytest.mark.parametrize("cell", recurrent_cells)
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


# The spectral radius.


def radii(layer: tt.nn.Recurrent) -> list[float]:
    H = layer.hidden_size
    gates = [
        gate
        for name, parameter in layer.named_parameters()
        if "weight_hh" in name
        for gate in parameter.detach().double().split(H)
    ]
    return [float(torch.linalg.eigvals(gate).abs().max()) for gate in gates]


def test_a_spectral_radius_by_hand() -> None:
    """The eigenvalues of [[0, -2], [8, 0]] are 4i and -4i: halved, they have the modulus 2."""
    layer = tt.nn.Recurrent("elman", 1, 2)
    with torch.no_grad():
        layer.weight_hh_l0.copy_(torch.tensor([[0.0, -2.0], [8.0, 0.0]]))
    assert spectral_radius_(layer, 2.0) is layer
    torch.testing.assert_close(layer.weight_hh_l0.data, torch.tensor([[0.0, -1.0], [4.0, 0.0]]))


@pytest.mark.parametrize("cell", recurrent_cells)
@pytest.mark.parametrize("radius", [0.9, 1.25])
def test_each_gate_is_scaled_by_itself(cell: str, radius: float) -> None:
    layer = tt.nn.Recurrent(cell, 2, 4, num_layers=2, bidirectional=True, dtype=torch.float64)
    before = {name: p.detach().clone() for name, p in layer.named_parameters()}
    spectral_radius_(layer, radius)
    assert radii(layer) == pytest.approx([radius] * 4 * len(layer.cell.recurrent_gates), rel=1e-10)
    for name, parameter in layer.named_parameters():
        if "weight_hh" not in name:
            assert torch.equal(parameter, before[name])
            continue
        for gate, old in zip(parameter.detach().split(4), before[name].split(4), strict=True):
            factor = gate[0, 0] / old[0, 0]
            torch.testing.assert_close(gate, factor * old, rtol=1e-12, atol=0)


def test_weights_of_half_precision_are_scaled_too() -> None:
    layer = spectral_radius_(tt.nn.Recurrent("gru", 1, 8, dtype=torch.bfloat16), 1.0)
    assert radii(layer) == pytest.approx([1.0] * 3, rel=0.01)  # bfloat16 has 2 to 3 digits


@pytest.mark.parametrize("radius", [0.0, -1.0, float("nan"), float("inf"), True, "1"])
def test_a_radius_that_is_none_is_refused(radius: Any) -> None:
    with pytest.raises(ValueError, match=r"radius must be .*, got"):
        spectral_radius_(tt.nn.Recurrent("gru", 1, 2), radius)


@pytest.mark.parametrize("wrong", [0.0, float("nan")])
def test_weights_that_cannot_be_scaled_are_refused_and_nothing_is_changed(wrong: float) -> None:
    layer = tt.nn.Recurrent("gru", 1, 3, num_layers=2)
    with torch.no_grad():
        layer.weight_hh_l1[3:6] = wrong
    before = layer.weight_hh_l0.detach().clone()
    with pytest.raises(ValueError, match=r"spectral radius zero, or not finite.*draw them first"):
        spectral_radius_(layer, 0.9)
    assert torch.equal(layer.weight_hh_l0, before)


# What is refused by all.


def test_only_a_layer_is_taken() -> None:
    for start in (
        identity_,
        orthogonal_,
        forget_bias_,
        lambda layer: chrono_(layer, 10),
        lambda layer: spectral_radius_(layer, 0.9),
    ):
        with pytest.raises(TypeError, match=r"got Network; for a Network pass network\.recurrent"):
            start(tt.Network("gru", 1, 1, 1))  # type: ignore[operator]


@pytest.mark.parametrize("cell", sorted(tt.cells.registry.keys() - set(recurrent_cells)))
def test_a_cell_without_recurrent_weights_is_refused(cell: str) -> None:
    for start in (identity_, orthogonal_, lambda layer: spectral_radius_(layer, 0.9)):
        with pytest.raises(ValueError, match=f"cell '{cell}' has no recurrent weights"):
            start(tt.nn.Recurrent(cell, 1, 1))
