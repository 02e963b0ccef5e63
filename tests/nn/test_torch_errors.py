"""What torch's layers refuse, ours refuse: the same class of error, in words at least as clear."""

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn, zeros
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from tests.nn.test_as_torch import each_kind, flat, kinds

Call = Callable[[Any], Any]


def refused(call: Call, layer: Any) -> Exception | None:
    try:
        call(layer)
    except Exception as fault:  # noqa: BLE001  # whatever class it is, is what is compared
        return fault
    return None


def state(layer: nn.RNNBase, *shape: int, **options: Any) -> Any:
    """Give torch's form of a state, every tensor of one shape."""
    made = [zeros(*shape, **options) for _ in range(2)]
    return tuple(made) if isinstance(layer, nn.LSTM) else made[0]


def packed(*shape: int, lengths: tuple[int, ...] = (4, 2), **options: Any) -> PackedSequence:
    ordered = list(lengths) == sorted(lengths, reverse=True)
    return pack_padded_sequence(zeros(*shape, **options), list(lengths), enforce_sorted=ordered)


x = zeros(4, 2, 3)
unsorted = (2, 4)

# Of a layer made with (3, 5): what is called, and what our words are to say.
faults: dict[str, tuple[Call, str]] = {
    # the input
    "no steps": (lambda m: m(zeros(0, 2, 3)), r"larger than 0.*\[0, 2, 3\]"),
    "no steps, one sequence": (lambda m: m(zeros(0, 3)), r"larger than 0.*\[0, 3\]"),
    "no steps, no rows": (lambda m: m(zeros(0, 0, 3)), "larger than 0"),
    "0-D": (lambda m: m(zeros(())), "to be 2D or 3D.*got 0D"),
    "1-D": (lambda m: m(zeros(3)), r"to be 2D or 3D, \[T, B, I\] or \[T, I\], got 1D: \[3\]"),
    "4-D": (lambda m: m(zeros(1, 4, 2, 3)), "to be 2D or 3D.*got 4D"),
    "columns": (lambda m: m(zeros(4, 2, 4)), "Expected 3, got 4"),
    "columns, one sequence": (lambda m: m(zeros(4, 4)), "Expected 3, got 4"),
    "double": (lambda m: m(x.double()), r"float64.*does not match.*float32.*Convert input"),
    "integers": (lambda m: m(x.long()), "int64.*does not match.*float32.*Convert input"),
    "bfloat16": (lambda m: m(x.bfloat16()), "bfloat16.*does not match.*float32"),
    "complex": (lambda m: m(x.to(torch.complex64)), "complex64.*does not match.*float32"),
    "on another device": (lambda m: m(x.to("meta")), "not at the same device.*meta.*cpu"),
    "sparse": (lambda m: m(x.to_sparse()), "sparse"),
    "None": (lambda m: m(None), "should be a tensor or a PackedSequence, got NoneType"),
    "a list": (lambda m: m([1.0, 2.0]), "should be a tensor or a PackedSequence, got list"),
    "an array": (lambda m: m(np.zeros((4, 2, 3))), "should be a tensor.*got ndarray"),
    "nothing": (lambda m: m(), "missing 1 required positional argument: 'input'"),
    "three things": (lambda m: m(x, None, None), "positional arguments but 4 were given"),
    "unknown name": (lambda m: m(x, h0=None), "unexpected keyword argument 'h0'"),
    # the state: shape
    "state layers": (lambda m: m(x, state(m, 2, 2, 5)), r"\(1, 2, 5\), got \[2, 2, 5\]"),
    "state rows": (lambda m: m(x, state(m, 1, 3, 5)), r"\(1, 2, 5\), got \[1, 3, 5\]"),
    "state units": (lambda m: m(x, state(m, 1, 2, 6)), r"got \[1, 2, 6\]"),
    "state 2-D": (lambda m: m(x, state(m, 2, 5)), "batched 3-D .*be 3-D but got 2-D"),
    "state 4-D": (lambda m: m(x, state(m, 1, 1, 2, 5)), "be 3-D but got 4-D"),
    "state 3-D, one sequence": (lambda m: m(x[:, 0], state(m, 1, 1, 5)), "be 2-D but got 3-D"),
    "state 1-D, one sequence": (lambda m: m(x[:, 0], state(m, 5)), "be 2-D but got 1-D"),
    "state units, one sequence": (lambda m: m(x[:, 0], state(m, 1, 6)), r"got \[1, 1, 6\]"),
    # the state: numbers
    "state double": (
        lambda m: m(x, state(m, 1, 2, 5, dtype=torch.float64)),
        r"state dtype \(torch.float64\) does not match .*float32.*state.to",
    ),
    "state integers": (
        lambda m: m(x, state(m, 1, 2, 5, dtype=torch.int64)),
        r"int64.*Convert the state",
    ),
    "state bfloat16": (
        lambda m: m(x, state(m, 1, 2, 5, dtype=torch.bfloat16)),
        r"bfloat16.*Convert the state",
    ),
    "state elsewhere": (
        lambda m: m(x, state(m, 1, 2, 5, device="meta")),
        r"not at the same device.*cpu and hidden tensor at meta",
    ),
    # the state: form
    "one tensor in a tuple": (lambda m: m(x, (zeros(1, 2, 5),)), "got tuple of 1"),
    "three tensors": (lambda m: m(x, (zeros(1, 2, 5),) * 3), "got tuple of 3"),
    "a number": (lambda m: m(x, 3), "got int"),
    "a word": (lambda m: m(x, "ab"), "got str"),
    "None inside": (lambda m: m(x, (zeros(1, 2, 5), None)), "got tuple of 2"),
    "one in a tuple, one sequence": (lambda m: m(x[:, 0], (zeros(1, 5),)), "got tuple of 1"),
    # packed
    "packed columns": (lambda m: m(packed(4, 2, 4)), "Expected 3, got 4"),
    "packed double": (lambda m: m(packed(4, 2, 3, dtype=torch.float64)), "does not match weight"),
    "packed 1-D": (lambda m: m(packed(4, 2)), "must have 2 dimensions, got 1"),
    "packed 3-D": (lambda m: m(packed(4, 2, 3, 3)), "must have 2 dimensions, got 3"),
    "packed, rows": (lambda m: m(packed(4, 2, 3), state(m, 1, 3, 5)), r"got \[1, 3, 5\]"),
    "packed, too few rows": (
        lambda m: m(packed(4, 2, 3, lengths=unsorted), state(m, 1, 1, 5)),
        r"got \[1, 1, 5\]",
    ),
    "packed, state double": (
        lambda m: m(packed(4, 2, 3), state(m, 1, 2, 5, dtype=torch.float64)),
        r"Convert the state",
    ),
    "packed, nothing in it": (
        lambda m: m(PackedSequence(zeros(0, 3), torch.tensor([], dtype=torch.int64))),
        "out of bounds",
    ),
    "packed, steps missing": (
        lambda m: m(PackedSequence(zeros(2, 3), torch.tensor([2, 1]))),
        "invalid for input",
    ),
    "packed, rows that grow": (
        lambda m: m(PackedSequence(zeros(3, 3), torch.tensor([1, 2]))),
        "doesn't match",
    ),
}
only_lstm: dict[str, tuple[Call, str]] = {
    "h alone": (lambda m: m(x, zeros(1, 2, 5)), "states h, c as a tuple of 2 tensors, got Tensor"),
    "h alone, one sequence": (lambda m: m(x[:, 0], zeros(1, 5)), "tuple of 2 tensors, got Tensor"),
    "h and c in one tensor": (lambda m: m(x, zeros(2, 1, 2, 5)), "tuple of 2 tensors, got Tensor"),
    "packed, h alone": (lambda m: m(packed(4, 2, 3), zeros(1, 2, 5)), "got Tensor"),
    "c of other units": (lambda m: m(x, (zeros(1, 2, 5), zeros(1, 2, 4))), r"got \[1, 2, 4\]"),
    "c of other rows": (lambda m: m(x, (zeros(1, 2, 5), zeros(1, 3, 5))), r"got \[1, 3, 5\]"),
    "c 2-D": (lambda m: m(x, (zeros(1, 2, 5), zeros(2, 5))), "be 3-D but got 3-D, 2-D"),
    "c double": (
        lambda m: m(x, (zeros(1, 2, 5), zeros(1, 2, 5).double())),
        r"state dtype \(torch.float64\)",
    ),
}
others_only: dict[str, tuple[Call, str]] = {
    "a tuple of two": (
        lambda m: m(x, (zeros(1, 2, 5),) * 2),
        "state h as a tensor, got tuple of 2",
    ),
    "packed, a tuple": (lambda m: m(packed(4, 2, 3), (zeros(1, 2, 5),)), "got tuple of 1"),
    "packed, unsorted, a tuple": (
        lambda m: m(packed(4, 2, 3, lengths=unsorted), (zeros(1, 2, 5),)),
        "got tuple of 1",
    ),
    "packed, state 2-D": (lambda m: m(packed(4, 2, 3), zeros(2, 5)), "be 3-D but got 2-D"),
}


calls = [
    pytest.param(kind, call, words, id=f"{kind}-{name}")
    for kind in ("rnn_tanh", "gru", "lstm")
    for name, (call, words) in (faults | (only_lstm if kind == "lstm" else others_only)).items()
]


@pytest.mark.parametrize(("kind", "call", "words"), calls)
def test_calls_at_fault(kind: str, call: Call, words: str) -> None:
    ours, theirs, own = kinds[kind]
    expected, found = refused(call, theirs(3, 5, **own)), refused(call, ours(3, 5, **own))
    assert expected is not None, "torch takes it"
    assert type(found) is type(expected), f"{found!r} for {expected!r}"
    assert re.search(words, str(found)), found


@pytest.mark.parametrize("h", [5, 3])
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_states_of_a_projected_lstm_have_two_widths(h: int) -> None:
    ours, theirs, own = kinds["lstm_projected"]

    def call(m: nn.RNNBase) -> Any:
        return m(x, (zeros(1, 2, h), zeros(1, 2, 5 if h == 5 else 3)))

    expected, found = refused(call, theirs(3, 5, **own)), refused(call, ours(3, 5, **own))
    assert type(found) is type(expected) is RuntimeError
    assert str(found) == str(expected)
    assert f"Expected hidden[{0 if h == 5 else 1}] size" in str(found)


constructions: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "dropout above 1": ((3, 5, 2), {"dropout": 1.5}),
    "dropout below 0": ((3, 5, 2), {"dropout": -0.5}),
    "dropout a bool": ((3, 5, 2), {"dropout": True}),
    "dropout a word": ((3, 5, 2), {"dropout": "much"}),
    "bias": ((3, 5), {"bias": 1}),
    "batch_first": ((3, 5), {"batch_first": 0}),
    "input_size a float": ((3.0, 5), {}),
    "input_size zero": ((0, 5), {}),
    "hidden_size a float": ((3, 5.0), {}),
    "hidden_size zero": ((3, 0), {}),
    "num_layers": ((3, 5, 0), {}),
    "proj_size below 0": ((3, 5), {"proj_size": -1}),
    "proj_size too large": ((3, 5), {"proj_size": 5}),
    "nonlinearity": ((3, 5), {"nonlinearity": "sigmoid"}),
    "no sizes": ((), {}),
    "one size": ((3,), {}),
    "unknown name": ((3, 5), {"units": 3}),
    "device": ((3, 5), {"device": "moon"}),
    "dtype": ((3, 5), {"dtype": "float"}),
    "dtype of integers": ((3, 5), {"dtype": torch.int64}),
}


@pytest.mark.parametrize("kind", ["rnn_tanh", "gru", "lstm"])
@pytest.mark.parametrize("fault", constructions)
def test_constructors_at_fault(kind: str, fault: str) -> None:
    arguments, named = constructions[fault]
    caught = [refused(lambda made: made(*arguments, **named), layer) for layer in kinds[kind][:2]]
    assert caught[1] is not None, "torch takes it"
    assert type(caught[0]) is type(caught[1])
    assert str(caught[0]) == str(caught[1])


@pytest.mark.parametrize("kind", ["rnn_tanh", "gru", "lstm"])
def test_dropout_without_a_layer_above_warns_here(kind: str) -> None:
    for layer in kinds[kind][:2]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            layer(3, 5, dropout=0.5)
        assert [str(w.message)[:40] for w in caught] == ["dropout option adds dropout after all bu"]


@each_kind
def test_what_torch_takes_by_accident_is_refused(kind: str) -> None:
    """A state of a larger batch, whose further rows torch drops where rows are not sorted."""
    ours, theirs, own = kinds[kind]
    layer = ours(3, 5, **own)

    def too_many(m: nn.RNNBase) -> Any:
        hx = [zeros(1, 3, m.proj_size or 5), zeros(1, 3, 5)]
        given = tuple(hx) if isinstance(m, nn.LSTM) else hx[0]
        return m(packed(4, 2, 3, lengths=unsorted), given)

    assert refused(too_many, theirs(3, 5, **own)) is None
    with pytest.raises(RuntimeError, match=r"\(1, 2, \d\), got \[1, 3, \d\]"):
        too_many(layer)


def test_packed_states_of_lstm_are_refused_where_torchs_kernel_trips() -> None:
    """Torch checks no state of a packed LSTM call; what its kernel raises depends on the fault."""
    layer, other = kinds["lstm"][0](3, 5), kinds["lstm"][1](3, 5)
    h = zeros(1, 2, 5)
    calls: list[tuple[Call, type[Exception], str]] = [
        (lambda m: m(packed(4, 2, 3), (h[0], h[0])), RuntimeError, "be 3-D but got 2-D, 2-D"),
        (lambda m: m(packed(4, 2, 3), (h,)), IndexError, "got tuple of 1"),
    ]
    for call, kind, words in calls:
        assert isinstance(refused(call, other), RuntimeError | IndexError)
        with pytest.raises(kind, match=words):
            call(layer)
    for given in (x[:, 0], packed(4, 2, 3, lengths=unsorted)):
        three = (h[:, 0] if isinstance(given, Tensor) else h,) * 3
        assert flat(other(given, three)), "torch takes the first two of three"
        with pytest.raises(RuntimeError, match="got tuple of 3"):
            layer(given, three)
