"""Derivatives by other ways than `backward` alone: transforms, forward mode, checkpoints."""

import pytest
import torch
import torch.autograd.forward_ad
import torch.utils.checkpoint
from torch import Tensor, nn
from torch.func import functional_call, grad, jacrev, vmap

from tests.contracts.closeness import assert_close
from tests.nn.test_as_torch import assert_equal, each_kind, flat, twins

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


def weights(layer: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach() for name, parameter in layer.named_parameters()}


@each_kind
def test_transforms(kind: str) -> None:
    mine, other = twins(kind, 3, 5, dtype=torch.float64)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    found = []
    for layer in (mine, other):

        def error(given: dict[str, Tensor], x: Tensor, layer: nn.Module = layer) -> Tensor:
            return flat(functional_call(layer, given, (x,)))[0].square().sum()

        by_weights = grad(error)(weights(layer), x)
        curvature = jacrev(grad(error, 1), 1)(weights(layer), x)
        found.append([*by_weights.values(), curvature])
    for one, two in zip(*found, strict=True):
        assert_close(one, two, relative=1e-10)

    def error_of_row(given: dict[str, Tensor], row: Tensor) -> Tensor:
        return flat(functional_call(mine, given, (row,)))[0].square().sum()

    each = vmap(grad(error_of_row), (None, 1))(weights(mine), x)
    for name, rows in each.items():
        assert_close(rows.sum(0), grad(error_of_row)(weights(mine), x)[name], name, 1e-10)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own use
@each_kind
def test_forward_mode(kind: str) -> None:
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    found = []
    for layer in twins(kind, 3, 5, dtype=torch.float64):
        with torch.autograd.forward_ad.dual_level():
            given = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
            result = flat(layer(given))[0]
            found.append(torch.autograd.forward_ad.unpack_dual(result).tangent)
    assert_equal(found[:1], found[1:])


@each_kind
def test_checkpoints(kind: str) -> None:
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    found = []
    for layer in twins(kind, 3, 5, dtype=torch.float64):
        y, _ = torch.utils.checkpoint.checkpoint(layer, x, use_reentrant=False)
        y.square().sum().backward()
        found.append([y, *(p.grad for p in layer.parameters())])
    assert_equal(*found)
