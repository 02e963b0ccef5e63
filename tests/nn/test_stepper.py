"""Layers and networks one step a call: what goes in and out, the state, the weights, the errors."""

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

import throughtime as tt
from throughtime.nn.network import activations


@tt.cell(gates="a", state="h")
def normalised(wx, uh, h):
    return tt.tanh(tt.layer_norm(wx.a + uh.a))


@tt.cell(gates="a", state="h c e")
def rotated(wx, uh, h, c, e):
    return e, h, tt.tanh(wx.a + uh.a) * c  # states change places


MAKE: dict[str, Callable[..., Any]] = {
    "RNN": lambda **rest: tt.nn.RNN(3, 7, 2, **rest),
    "RNN relu": lambda **rest: tt.nn.RNN(3, 7, 2, nonlinearity="relu", **rest),
    "GRU": lambda **rest: tt.nn.GRU(3, 7, 2, batch_first=True, dropout=0.5, **rest),
    "LSTM": lambda **rest: tt.nn.LSTM(3, 7, 2, bias=False, **rest),
    "LSTM, projected": lambda **rest: tt.nn.LSTM(3, 7, 2, proj_size=4, **rest),
    "converted": lambda **rest: tt.nn.convert_(torch.nn.GRU(3, 7, 2, **rest)),
    "layer norm": lambda **rest: tt.nn.Recurrent(normalised, 3, 7, 2, **rest),
    "dropout": lambda **rest: tt.nn.Recurrent(
        "gru", 3, 7, 2, dropout=0.5, recurrent_dropout=0.5, batch_first=True, **rest
    ),
    "zoneout": lambda **rest: tt.nn.Recurrent("lstm", 3, 7, 2, zoneout=(0.1, 0.3), **rest),
    "parametrised": lambda **rest: weight_norm(tt.nn.GRU(3, 7, 2, **rest), "weight_hh_l0"),
} | {
    f"network, {name}": lambda name=name, **rest: tt.Network(
        "gru", 3, 7, 4, num_layers=2, output_activation=name, **rest
    )
    for name in activations
}


def sequence(module: nn.Module, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
    """Outputs [T, B, ·] and state of a call of the whole module in evaluation mode."""
    turned = getattr(module, "batch_first", False)
    training = module.training
    with torch.no_grad():
        y, after = module.eval()(x.transpose(0, 1) if turned else x, state)
    module.train(training)
    return (y.transpose(0, 1) if turned else y), after


def distance(found: Any, expected: Any) -> float:
    pairs = zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]
    return max(float((a - b).abs().max()) for a, b in pairs)


@pytest.mark.parametrize("rows", [1, 3, 17])
@pytest.mark.parametrize("name", MAKE)
def test_steps_are_those_of_the_module_in_evaluation(name: str, rows: int) -> None:
    for dtype, allowed in ((torch.float32, 1e-6), (torch.float64, 1e-12)):
        module = MAKE[name](dtype=dtype)
        x = torch.randn(9, rows, 3, dtype=dtype)
        stepper = module.stepper(rows)
        assert module.training
        y, after = sequence(module, x)
        found = torch.stack([stepper(row) for row in x])
        assert found.dtype == dtype
        assert not found.requires_grad
        assert distance(found, y) < allowed
        assert distance(stepper.state, after) < allowed


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_states_that_change_places(engine: str) -> None:
    with tt.engine.use(engine):
        layer = tt.nn.Recurrent(rotated, 3, 7)
        start = tuple(torch.randn(1, 2, 7) for _ in range(3))
        x = torch.randn(5, 2, 3)
        stepper = layer.stepper(2)
        assert stepper.engine == engine
        stepper.state = start
        y, after = sequence(layer, x, start)
        assert distance(torch.stack([stepper(row) for row in x]), y) < 1e-6
        assert distance(stepper.state, after) < 1e-6


def test_the_native_engine_runs_what_it_can() -> None:
    engines = {name: make().stepper().engine for name, make in MAKE.items()}
    plain = {name for name, engine in engines.items() if engine != "native"}
    assert plain <= {"LSTM, projected", "layer norm", "zoneout"}
    assert {"LSTM, projected", "zoneout"} <= plain
    with tt.engine.use("reference"):
        assert tt.nn.GRU(3, 7).stepper().engine == "reference"


def test_one_row_comes_with_a_dimension_or_without() -> None:
    for stepper, width in (
        (tt.nn.GRU(3, 7).stepper(), 7),
        (tt.nn.LSTM(3, 7, proj_size=2).stepper(), 2),
        (tt.Network("lstm", 3, 7, 4, output_activation="softmax").stepper(), 4),
    ):
        x = torch.randn(3)
        y = stepper(x)
        stepper.reset()
        assert torch.equal(stepper(x[None]), y[None])
        assert y.shape == (width,)


def test_outputs_are_new_each_time() -> None:
    for layer in (tt.nn.GRU(3, 7), tt.nn.Recurrent("gru", 3, 7, zoneout=0.1)):
        stepper = layer.stepper()
        first = stepper(torch.randn(1, 3))
        kept = first.clone()
        stepper(torch.randn(1, 3))
        assert torch.equal(first, kept)
        first.zero_()
        assert stepper.state.abs().max() > 0


def test_arrays_and_tensors_of_all_kinds_go_in() -> None:
    stepper = tt.nn.GRU(3, 7).stepper(2)
    x = torch.randn(2, 3)
    y = stepper(x)
    array = x.numpy().copy()
    array.flags.writeable = False
    turned = np.ascontiguousarray(x.numpy()[::-1])[::-1]
    negative = torch._neg_view(-x)
    assert negative.is_neg()
    for given in (
        array, np.asfortranarray(array), turned, x.T.contiguous().T, nn.Parameter(x), negative,
        x.clone().requires_grad_(), x.clone().requires_grad_().T.T * 1,
    ):  # fmt: skip
        stepper.reset()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert torch.equal(stepper(given), y)


def test_the_state_is_the_layers_own() -> None:
    for layer in (tt.nn.LSTM(3, 7, 2), tt.nn.Recurrent("lstm", 3, 7, 2, zoneout=0.2).eval()):
        x = torch.randn(9, 1, 3)
        y, after = sequence(layer, x)
        stepper = layer.stepper()
        _, stepper.state = sequence(layer, x[:4])
        found = [stepper(row) for row in x[4:7]]
        rest, last = sequence(layer, x[7:], stepper.state)
        assert distance(torch.cat([torch.stack(found), rest]), y[4:]) < 1e-6
        assert distance(last, after) < 1e-6


def test_a_state_is_copied_in_and_out() -> None:
    stepper = tt.nn.GRU(3, 7).stepper()
    given = torch.randn(1, 7)
    stepper.state = given
    given.zero_()
    assert stepper.state.shape == (1, 1, 7)
    assert stepper.state.abs().max() > 0
    stepper.state.zero_()
    assert stepper.state.abs().max() > 0
    before = stepper.state
    stepper(torch.randn(3))
    assert not torch.equal(stepper.state, before)


@pytest.mark.parametrize("rows", [1, [1, 3], torch.tensor([False, True, False, True])])
def test_some_rows_begin_anew(rows: Any) -> None:
    layer = tt.nn.LSTM(3, 7, 2)
    x = torch.randn(6, 4, 3)
    stepper = layer.stepper(4)
    for row in x[:3]:
        stepper(row)
    stepper.reset(rows)
    found = torch.stack([stepper(row) for row in x[3:]])
    gone = torch.zeros(4, dtype=torch.bool)
    gone[rows] = True
    assert distance(found[:, ~gone], sequence(layer, x)[0][3:, ~gone]) < 1e-6
    assert distance(found[:, gone], sequence(layer, x[3:])[0][:, gone]) < 1e-6
    stepper.reset()
    assert all(float(state.abs().max()) == 0 for state in stepper.state)
    with pytest.raises(IndexError):
        stepper.reset(4)


def test_weights_are_taken_when_asked_for() -> None:
    for module in (tt.Network("gru", 3, 7, 2), tt.nn.Recurrent("gru", 3, 7, zoneout=0.1)):
        x = torch.randn(6, 1, 3)
        stepper = module.stepper()
        old = sequence(module, x[:4])[0]
        first = [stepper(x[0]), stepper(x[1])]
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.mul_(1.5)
        first += [stepper(x[2]), stepper(x[3])]
        assert distance(torch.stack(first), old) < 1e-6
        kept = stepper.state
        stepper.refresh()
        assert torch.equal(stepper.state, kept)
        assert distance(stepper(x[4]), sequence(module, x[4:5], kept)[0][0]) < 1e-6
        module.double()
        stepper.refresh()
        assert stepper(x[5].double()).dtype == torch.float64


def test_a_readout_of_ones_own_is_called() -> None:
    class Doubled(tt.Network):
        def read(self, h: Tensor) -> Tensor:
            return 2 * super().read(h)

    network, other = Doubled("gru", 3, 7, 2), tt.Network("gru", 3, 7, 2)
    other.readout = nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 2))  # type: ignore[assignment]
    x = torch.randn(4, 2, 3)
    for module in (network, other):
        stepper = module.stepper(2)
        found = torch.stack([stepper(row) for row in x])
        assert not found.requires_grad
        assert distance(found, sequence(module, x)[0]) < 1e-6


def test_modes_of_torch_change_nothing() -> None:
    for layer in (tt.nn.GRU(3, 7), tt.nn.Recurrent("gru", 3, 7, zoneout=0.1)):
        x = torch.randn(3, 1, 3)
        right = [*map(layer.stepper(), x)]
        with torch.inference_mode():
            stepper = layer.stepper()
            found = [stepper(x[0])]
        stepper.state = stepper.state * 1
        found.append(stepper(x[1]))
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            found.append(stepper(x[2]))
            stepper.reset()
        assert distance(torch.stack(found), torch.stack(right)) < 1e-6


def test_half_precision_runs_on_the_reference_engine() -> None:
    layer = tt.nn.Recurrent("gru", 3, 7, dtype=torch.bfloat16)
    x = torch.randn(5, 2, 3, dtype=torch.bfloat16)
    stepper = layer.stepper(2)
    assert torch.equal(torch.stack([stepper(row) for row in x]), sequence(layer, x)[0])


def test_what_does_not_fit_is_refused() -> None:
    for layer in (tt.nn.GRU(3, 7), tt.nn.Recurrent("gru", 3, 7, zoneout=0.1)):
        stepper = layer.stepper()
        for x, fault in (
            (torch.zeros(4), r"must be \[B, I\] = \[1, 3\], or \[I\] = \[3\]; got \[4\]"),
            (torch.zeros(2, 3), r"got \[2, 3\]"),
            (torch.zeros(5, 1, 3), r"got \[5, 1, 3\].*layer\(x, stepper.state\)"),
            (torch.zeros(3).double(), r"x.to\(torch.float32\)"),
            (np.zeros(3), "float64"),
            (torch.zeros(3, dtype=torch.int64), "int64"),
            (torch.zeros(3, device="meta"), "input is on meta, the stepper on cpu"),
        ):
            with pytest.raises(ValueError, match=fault):
                stepper(x)
        with pytest.raises(ValueError, match=r"\[B, I\] = \[2, 3\]; got \[3\]"):
            layer.stepper(2)(torch.zeros(3))
        with pytest.raises(TypeError, match="got list"):
            stepper([0.0, 0.0, 0.0])  # type: ignore[arg-type]
        with pytest.raises(RuntimeError):
            stepper(torch.zeros(1, 3).to_sparse())
        for rows in (0, 1.5, True):
            with pytest.raises(ValueError, match="batch_size"):
                layer.stepper(rows)  # type: ignore[arg-type]


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing() -> None:
    stepper = tt.nn.LSTM(3, 7).stepper()
    right = torch.ones(1, 1, 7)
    for state, error, fault in (
        (right, ValueError, "carries 2 state"),
        ((right, 1.0), TypeError, "state c should be a tensor, got float"),
        ((right, torch.ones(2, 1, 7)), ValueError, r"state c must be .* \[1, 1, 7\], got"),
        ((right, right.double()), ValueError, "state c is torch.float64"),
    ):
        with pytest.raises(error, match=fault):
            stepper.state = state  # type: ignore[assignment]
    assert all(float(state.abs().max()) == 0 for state in stepper.state)


def test_the_future_is_not_known() -> None:
    for module in (
        tt.nn.GRU(3, 7, bidirectional=True),
        tt.nn.Recurrent("gru", 3, 7, bidirectional=True),
        tt.Network("gru", 3, 7, 2, bidirectional=True),
    ):
        with pytest.raises(ValueError, match="goes forward in time"):
            module.stepper()


def test_copies_are_refused() -> None:
    stepper = tt.nn.GRU(3, 7).stepper()
    assert repr(stepper) == "Stepper(gru, 3, 7, batch_size=1, engine=native)"
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"other\.state = stepper\.state"):
            copied(stepper)
