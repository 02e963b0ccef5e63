"""The layer as a torch module over its life: copied, saved, moved, called with other weights."""

import copy
import io
import pickle

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from tests.contracts.closeness import assert_close
from throughtime.nn import Recurrent

each_cell = pytest.mark.parametrize("cell", tt.cells.registry)


def case(cell: str) -> tuple[Recurrent, Tensor]:
    torch.manual_seed(0)
    return Recurrent(cell, 3, 2, num_layers=2, bidirectional=True), torch.randn(5, 4, 3)


@each_cell
def test_a_deep_copy_computes_the_same(cell: str) -> None:
    layer, x = case(cell)
    layer(x)[0].sum().backward()
    twin = copy.deepcopy(layer)
    assert torch.equal(twin(x)[0], layer(x)[0])
    with torch.no_grad():
        twin.weight_ih_l0.zero_()
    assert layer.weight_ih_l0.any()


@each_cell
def test_a_pickled_layer_computes_the_same(cell: str) -> None:
    """Worker processes and `torch.save` of a whole module pickle it."""
    layer, x = case(cell)
    twin = pickle.loads(pickle.dumps(layer))
    assert torch.equal(twin(x)[0], layer(x)[0])
    assert twin.cell.step == layer.cell.step


def test_a_pickled_cell_keeps_its_constants() -> None:
    cell = pickle.loads(pickle.dumps(tt.cells.leaky.replace(leak=0.5)))
    assert cell.constants == {"leak": 0.5}
    assert cell.step == tt.cells.leaky.replace(leak=0.5).step


@each_cell
def test_a_layer_is_saved_and_loaded_whole(cell: str) -> None:
    layer, x = case(cell)
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    assert torch.equal(torch.load(file, weights_only=False)(x)[0], layer(x)[0])


@each_cell
def test_weights_are_saved_and_loaded(cell: str) -> None:
    layer, x = case(cell)
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    twin = Recurrent(cell, 3, 2, num_layers=2, bidirectional=True)
    twin.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(twin(x)[0], layer(x)[0])


@each_cell
def test_a_functional_call_uses_the_weights_given(cell: str) -> None:
    layer, x = case(cell)
    scale = torch.tensor(0.5, requires_grad=True)
    weights = {name: scale * p.detach() for name, p in layer.named_parameters()}
    y, _ = torch.func.functional_call(layer, weights, (x,))
    y.square().sum().backward()
    twin = copy.deepcopy(layer)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.mul_(0.5)
    expected = twin(x)[0]
    assert torch.equal(y, expected)
    expected.square().sum().backward()
    slope = sum(
        (p.grad * q.detach()).sum()
        for p, q in zip(twin.parameters(), layer.parameters(), strict=True)
    )
    assert scale.grad is not None
    assert float(scale.grad) == pytest.approx(float(slope), rel=1e-4)  # single precision
    assert all(p.grad is None for p in layer.parameters())


@each_cell
def test_a_layer_moves_to_another_dtype(cell: str) -> None:
    layer, x = case(cell)
    y, _ = layer.double()(x.double())
    assert y.dtype == torch.float64
    assert_close(layer.float()(x)[0], y.float(), relative=1e-5)


def test_parametrized_weights_are_used() -> None:
    """Weights that are computed: torch's spectral norm keeps the recurrent weights' norm at 1."""
    layer = Recurrent("elman", 3, 4)
    nn.utils.parametrizations.spectral_norm(layer, "weight_hh_l0")
    layer(torch.randn(5, 2, 3))[0].sum().backward()
    assert layer.parametrizations.weight_hh_l0.original.grad.any()


def test_frozen_layers_pass_gradients_on() -> None:
    layer, x = case("gru")
    layer.requires_grad_(False)
    x.requires_grad_()
    layer(x)[0].sum().backward()
    assert x.grad is not None
    assert x.grad.any()
