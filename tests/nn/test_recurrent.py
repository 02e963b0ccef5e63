"""The layer as a torch module: what it takes, refuses and survives."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn, zeros

import throughtime as tt
from tests.contracts.closeness import assert_close
from throughtime.nn import Recurrent

each_cell = pytest.mark.parametrize("cell", tt.cells.registry)


def parts(state: Any) -> list[Tensor]:
    return [state] if isinstance(state, Tensor) else list(state)


# Arguments.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_size": -1}, "input_size must be an integer of at least 0, got -1"),
        ({"input_size": 2.0}, r"input_size must be an integer of at least 0, got 2\.0"),
        ({"hidden_size": 0}, "hidden_size must be an integer of at least 1, got 0"),
        ({"hidden_size": True}, "hidden_size must be an integer of at least 1, got True"),
        ({"num_layers": 0}, "num_layers must be an integer of at least 1, got 0"),
        ({"dropout": 1.5}, r"dropout is a share between 0 and 1, got 1\.5"),
        ({"dropout": -0.1}, r"dropout is a share between 0 and 1, got -0\.1"),
        ({"dropout": float("nan")}, "dropout is a share between 0 and 1, got nan"),
        ({"dropout": "0.1"}, "dropout is a share between 0 and 1, got '0.1'"),
        ({"dropout": None}, "dropout is a share between 0 and 1, got None"),
        ({"bias": 1}, "bias must be True or False, got 1"),
        ({"bias": "no"}, "bias must be True or False, got 'no'"),
        ({"batch_first": None}, "batch_first must be True or False, got None"),
        ({"bidirectional": 0}, "bidirectional must be True or False, got 0"),
    ],
)
def test_sizes_out_of_range_are_refused(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"cell": "gru", "input_size": 2, "hidden_size": 3} | changes
    with pytest.raises(ValueError, match=message):
        Recurrent(**arguments)


def test_dropout_without_a_layer_above_warns() -> None:
    with pytest.warns(UserWarning, match="num_layers is 1: it does nothing"):
        Recurrent("gru", 1, 1, dropout=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Recurrent("gru", 1, 1, dropout=0.5, num_layers=2)


def test_a_layer_shows_what_it_was_made_with() -> None:
    assert repr(Recurrent("gru", 2, 3)) == "Recurrent(gru, 2, 3)"
    assert repr(Recurrent("lstm", 2, 3, num_layers=2, bias=False, bidirectional=True)) == (
        "Recurrent(lstm, 2, 3, num_layers=2, bias=False, bidirectional=True)"
    )


@each_cell
def test_parameters_are_named_and_shaped(cell: str) -> None:
    layer = Recurrent(cell, 2, 3, num_layers=2, bidirectional=True)
    rows, recurrent = 3 * len(layer.cell.input_gates), 3 * len(layer.cell.recurrent_gates)
    shapes = {name: tuple(p.shape) for name, p in layer.named_parameters()}
    for suffix, width in (("l0", 2), ("l0_reverse", 2), ("l1", 6), ("l1_reverse", 6)):
        assert shapes.pop(f"weight_ih_{suffix}") == (rows, width)
        assert shapes.pop(f"bias_ih_{suffix}") == (rows,)
        if recurrent:
            assert shapes.pop(f"weight_hh_{suffix}") == (recurrent, 3)
            assert shapes.pop(f"bias_hh_{suffix}") == (recurrent,)
        for unit in layer.cell.units:
            assert shapes.pop(f"{unit}_{suffix}") == (3,)
    assert shapes == {}


def test_weights_start_within_one_over_the_root_of_the_units() -> None:
    layer = Recurrent("lstm_peephole", 2, 100)
    for parameter in layer.parameters():
        assert 0.08 < float(parameter.detach().abs().max()) <= 0.1


# Input, state and lengths.


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3,), r"input must be \[T, B, I\], or \[T, I\].*; got 1 dimension\(s\), \(3,\)"),
        ((1, 2, 3, 4), r"got 4 dimension\(s\), \(1, 2, 3, 4\)"),
        ((5, 2, 4), r"input has 4 column\(s\).*input_size=3"),
        ((5, 4), r"input has 4 column\(s\).*input_size=3"),
    ],
)
def test_inputs_of_another_shape_are_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recurrent("gru", 3, 2)(torch.zeros(shape))


def test_batch_first_is_named_where_it_matters() -> None:
    with pytest.raises(ValueError, match=r"input must be \[B, T, I\]"):
        Recurrent("gru", 3, 2, batch_first=True)(torch.zeros(3))


def test_an_input_of_another_dtype_is_refused_with_the_mend() -> None:
    message = r"input is torch\.float64, the layer's weights are torch\.float32; .*x\.to\("
    with pytest.raises(ValueError, match=message):
        Recurrent("gru", 3, 2)(torch.zeros(5, 2, 3, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"input is torch\.int64.*it: x\.to\(.*float32\)$"):
        Recurrent("gru", 3, 2)(torch.zeros(5, 2, 3, dtype=torch.int64))


@pytest.mark.parametrize("wrong", [None, [[[0.0]]], np.zeros((5, 2, 3)), "x", 3])
def test_an_input_of_another_type_is_refused(wrong: Any) -> None:
    for layer in (Recurrent("gru", 3, 2), tt.Network("gru", 3, 2, 1)):
        with pytest.raises(TypeError, match="should be a tensor or a PackedSequence, got"):
            layer(wrong)


@pytest.mark.parametrize("wrong", [3, "h", np.zeros((1, 4, 2)), {"h": 1}])
def test_a_state_of_another_type_is_refused(wrong: Any) -> None:
    kind = type(wrong).__name__
    with pytest.raises(TypeError, match=f"state of cell 'gru' is a tensor, h; got {kind}"):
        Recurrent("gru", 3, 2)(torch.zeros(5, 4, 3), wrong)
    with pytest.raises(TypeError, match=f"is a tuple of 2 tensors, h, c; got {kind}"):
        Recurrent("lstm", 3, 2)(torch.zeros(5, 4, 3), (wrong, wrong))


def test_an_input_on_another_device_is_refused() -> None:
    with pytest.raises(ValueError, match="input is on meta, the layer's weights are on cpu"):
        Recurrent("gru", 3, 2)(torch.zeros(5, 2, 3, device="meta"))


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (zeros(2, 4, 2), r"carries 2 state\(s\), h, c; got 1"),
        ((zeros(2, 4, 2),) * 3, r"carries 2 state\(s\), h, c; got 3"),
        ((zeros(2, 4, 2), zeros(2, 3, 2)), r"state c must be .*\[2, 4, 2\], got \[2, 3, 2\]"),
        ((zeros(1, 4, 2), zeros(2, 4, 2)), r"state h must be .*\[2, 4, 2\], got \[1, 4, 2\]"),
        ((zeros(4, 2), zeros(4, 2)), r"state h must be .*\[2, 4, 2\], got \[4, 2\]"),
        ((zeros(2, 4, 2).double(),) * 2, r"state h is torch\.float64 .*is torch\.float32"),
        ((zeros(2, 4, 2, device="meta"),) * 2, r"state h is .* on meta; the input .* on cpu"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(state: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recurrent("lstm", 3, 2, num_layers=2)(torch.zeros(5, 4, 3), state)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([1.0, 2.0], r"lengths must be integers, got torch\.float32"),
        ([True, False], r"lengths must be integers, got torch\.bool"),
        ([1, 2, 3], r"lengths must be one a row, \[2\]; got \[3\]"),
        ([[1, 2]], r"lengths must be one a row, \[2\]; got \[1, 2\]"),
        ([1, 6], "between 0 and the 5 steps of the input; row 1 has 6"),
        ([-1, 6], "between 0 and the 5 steps of the input; row 0 has -1"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lengths: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recurrent("gru", 3, 2)(torch.zeros(5, 2, 3), lengths=torch.tensor(lengths))


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.int8])
def test_lengths_of_any_integer_type(dtype: torch.dtype) -> None:
    layer = Recurrent("gru", 3, 2)
    x = torch.randn(5, 2, 3)
    expected, _ = layer(x, lengths=torch.tensor([5, 2]))
    assert torch.equal(layer(x, lengths=torch.tensor([5, 2], dtype=dtype))[0], expected)
    assert torch.equal(layer(x, lengths=[5, 2])[0], expected)


@each_cell
def test_one_sequence_without_a_batch(cell: str) -> None:
    layer = Recurrent(cell, 3, 2, num_layers=2, bidirectional=True)
    x = torch.randn(5, 3)
    state = [torch.randn(4, 2) for _ in layer.cell.states]
    own = tuple(state) if len(state) > 1 else state[0]
    wide = tuple(s[:, None] for s in state) if len(state) > 1 else state[0][:, None]
    y, after = layer(x, own, lengths=torch.tensor([4]))
    expected, expected_after = layer(x[:, None], wide, torch.tensor([4]))
    assert torch.equal(y, expected[:, 0])
    for mine, other in zip(parts(after), parts(expected_after), strict=True):
        assert torch.equal(mine, other[:, 0])


@each_cell
def test_batch_first_turns_input_and_output_but_not_the_state(cell: str) -> None:
    layer = Recurrent(cell, 3, 2, batch_first=True)
    x = torch.randn(4, 5, 3)
    y, after = layer(x, lengths=torch.tensor([5, 3, 0, 1]))
    layer.batch_first = False
    expected, expected_after = layer(x.transpose(0, 1), lengths=torch.tensor([5, 3, 0, 1]))
    assert torch.equal(y, expected.transpose(0, 1))
    for mine, other in zip(parts(after), parts(expected_after), strict=True):
        assert torch.equal(mine, other)


@each_cell
def test_no_state_is_a_state_of_zeros(cell: str) -> None:
    layer = Recurrent(cell, 3, 2, num_layers=2)
    x = torch.randn(5, 4, 3)
    zeros = tuple(torch.zeros(2, 4, 2) for _ in layer.cell.states)
    assert torch.equal(layer(x)[0], layer(x, zeros if len(zeros) > 1 else zeros[0])[0])
    assert torch.equal(layer(x)[0], layer(x, list(zeros))[0])


@each_cell
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("T", "B"), [(0, 2), (3, 0), (0, 0)])
def test_sizes_of_zero(cell: str, T: int, B: int, bidirectional: bool) -> None:
    layer = Recurrent(cell, 3, 2, num_layers=2, bidirectional=bidirectional)
    x = torch.zeros(T, B, 3, requires_grad=True)
    y, after = layer(x)
    assert y.shape == (T, B, 4 if bidirectional else 2)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape
    assert all(not p.grad.any() for p in layer.parameters() if p.grad is not None)
    assert all(not state.any() for state in parts(after))


@pytest.mark.filterwarnings("error")
def test_a_cell_may_run_without_inputs() -> None:
    layer = Recurrent("gru", 0, 2)
    y, _ = layer(torch.zeros(4, 3, 0), torch.ones(1, 3, 2))
    y.sum().backward()
    assert layer.weight_hh_l0.grad.any()
    assert layer.weight_ih_l0.grad.shape == (6, 0)


# Dropout.


def test_dropout_acts_between_layers_while_training() -> None:
    layer = Recurrent("elman", 3, 50, num_layers=2, dropout=0.5)
    x = torch.randn(4, 2, 3)
    torch.manual_seed(0)
    first = layer(x)[0]
    assert not torch.equal(first, layer(x)[0])
    torch.manual_seed(0)
    assert torch.equal(first, layer(x)[0])
    assert (first != 0).all(), "the last layer's outputs are dropped"
    layer.eval()
    whole = Recurrent("elman", 3, 50, num_layers=2)
    whole.load_state_dict(layer.state_dict())
    assert torch.equal(layer(x)[0], whole(x)[0])


def test_dropout_of_everything_leaves_the_biases() -> None:
    layer = Recurrent("elman", 3, 5, num_layers=2, dropout=1.0)
    y, after = layer(torch.randn(4, 2, 3))
    assert torch.equal(y, layer(torch.randn(4, 2, 3))[0])
    assert not torch.equal(after[0], torch.zeros_like(after[0])), "states are dropped too"


def test_dropout_agrees_with_torchs() -> None:
    ours = Recurrent("gru", 3, 5, num_layers=3, dropout=0.3, dtype=torch.float64)
    theirs = nn.GRU(3, 5, num_layers=3, dropout=0.3, dtype=torch.float64)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    found = []
    for layer in (ours, theirs):
        torch.manual_seed(4)
        found.append(layer(x)[0])
    assert_close(*found, relative=1e-12)
