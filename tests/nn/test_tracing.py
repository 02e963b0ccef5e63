"""Transforms and tracers of torch on the layers: which are taken, which are refused."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

import throughtime as tt
from tests.contracts.closeness import assert_close
from throughtime.nn import Recurrent

each_cell = pytest.mark.parametrize("cell", ["elman", "lstm", "lstm_peephole", "slstm"])


@each_cell
def test_a_gradient_for_each_row(cell: str) -> None:
    layer = Recurrent(cell, 3, 2, num_layers=2, bidirectional=True, dtype=torch.float64)
    weights = {name: p.detach() for name, p in layer.named_parameters()}
    x = torch.randn(4, 5, 3, dtype=torch.float64)

    def error(given: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(layer, given, (x,))[0].square().sum()

    each = vmap(grad(error), (None, 1))(weights, x)
    layer(x)[0].square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert_close(each[name].sum(0), parameter.grad, name, 1e-10)


@pytest.mark.filterwarnings("ignore")  # torch.export's own
@pytest.mark.parametrize(
    "make", [lambda: Recurrent("lstm", 3, 2, bidirectional=True), lambda: tt.nn.GRU(3, 2)]
)
def test_a_layer_is_exported(make: Callable[[], nn.Module]) -> None:
    layer, x = make(), torch.randn(4, 5, 3)
    with tt.engine.use("reference"):
        program = torch.export.export(layer, (x,), strict=False)
        assert_close(program.module()(x)[0], layer(x)[0], relative=1e-6)


class Tower(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x)[0]
        return 2 * y


layers: list[Any] = [
    pytest.param(lambda: Recurrent("gru", 3, 2), id="Recurrent"),
    pytest.param(lambda: tt.nn.LSTM(3, 2), id="LSTM"),
]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("make", layers)
def test_torchscript_is_refused_with_the_mend(make: Callable[[], nn.Module]) -> None:
    message = r"cannot be turned into TorchScript.*convert_\(model, back=True\)"
    for model in (make(), Tower(make())):
        with pytest.raises(RuntimeError, match=message):
            torch.jit.script(model)
        with pytest.raises(RuntimeError, match=message):
            torch.jit.trace(model, torch.zeros(4, 5, 3))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_torchscript_takes_what_is_converted_back() -> None:
    model = Tower(tt.nn.GRU(3, 2))
    x = torch.randn(4, 5, 3)
    expected = model(x)
    scripted = torch.jit.script(tt.nn.convert_(model, back=True))
    assert_close(scripted(x), expected, relative=1e-6)
    tt.nn.convert_(scripted)  # holds no layer of torch's any more
    assert_close(scripted(x), expected, relative=1e-6)


@pytest.mark.parametrize("make", layers)
def test_fx_takes_a_layer_as_one_operation(make: Callable[[], nn.Module]) -> None:
    model = Tower(make())
    traced = torch.fx.symbolic_trace(model)
    assert [n.target for n in traced.graph.nodes if n.op == "call_module"] == ["layer"]
    for T in (4, 7):
        x = torch.randn(T, 5, 3)
        assert torch.equal(traced(x), model(x))


def test_fx_is_to_trace_what_holds_a_layer() -> None:
    with pytest.raises(RuntimeError, match=r"GRU is one operation to torch\.fx; trace a module"):
        torch.fx.symbolic_trace(tt.nn.GRU(3, 2))


@each_cell
def test_a_layer_without_numbers_gives_shapes(cell: str) -> None:
    layer = Recurrent(cell, 3, 2, num_layers=2, device="meta")
    assert layer(torch.zeros(4, 5, 3, device="meta"))[0].shape == (4, 5, 2)


def test_fx_modules_are_converted() -> None:
    x = torch.randn(4, 5, 3)
    traced = torch.fx.symbolic_trace(Tower(nn.GRU(3, 2)))
    expected = traced(x)
    assert type(tt.nn.convert_(traced).layer) is tt.nn.GRU
    assert_close(traced(x), expected, relative=1e-6)
