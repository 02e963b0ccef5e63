"""The layers that replace torch's: made and called as torch's are, with equal numbers."""

import inspect
import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import throughtime as tt
from tests.contracts.closeness import assert_close

kinds: dict[str, tuple[type[nn.RNNBase], type[nn.RNNBase], dict[str, Any]]] = {
    "rnn_tanh": (tt.nn.RNN, nn.RNN, {}),
    "rnn_relu": (tt.nn.RNN, nn.RNN, {"nonlinearity": "relu"}),
    "gru": (tt.nn.GRU, nn.GRU, {}),
    "lstm": (tt.nn.LSTM, nn.LSTM, {}),
    "lstm_projected": (tt.nn.LSTM, nn.LSTM, {"proj_size": 3}),
}
each_kind = pytest.mark.parametrize("kind", kinds)

# What torch says of its own projected LSTM, once a process.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

deep: dict[str, Any] = {"num_layers": 2, "bidirectional": True, "dtype": torch.float64}


def twins(kind: str, *sizes: int, **options: Any) -> tuple[nn.RNNBase, nn.RNNBase]:
    """Give our layer and torch's with the same weights."""
    ours, theirs, own = kinds[kind]
    torch.manual_seed(0)
    mine = ours(*sizes, **(own | options))
    torch.manual_seed(0)
    return mine, theirs(*sizes, **(own | options))


def flat(result: Any) -> list[Tensor]:
    """List the tensors of what a layer gives or is given."""
    if result is None:
        return []
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, PackedSequence):
        return [result.data]
    return [tensor for part in result for tensor in flat(part)]


def state_for(layer: nn.RNNBase, *batch: int, dtype: torch.dtype = torch.float64) -> Any:
    """Draw the states before the first step."""
    places = layer.num_layers * (2 if layer.bidirectional else 1)
    h = torch.randn(places, *batch, layer.proj_size or layer.hidden_size, dtype=dtype)
    c = torch.randn(places, *batch, layer.hidden_size, dtype=dtype)
    return (h, c) if isinstance(layer, nn.LSTM) else h


def results(layer: nn.Module, *given: Any, seed: int = 0) -> list[Tensor | None]:
    """Run a layer forward and backward: outputs, states, gradients of all weights."""
    torch.manual_seed(seed)
    found = flat(layer(*given))
    layer.zero_grad()
    generator = torch.Generator().manual_seed(7)
    weighted = [(r * torch.randn(r.shape, generator=generator).to(r)).sum() for r in found]
    torch.stack(weighted).sum().backward()
    return [*found, *(p.grad for p in layer.parameters())]


def assert_equal(mine: list[Any], other: list[Any], relative: float = 1e-10) -> None:
    for number, (one, two) in enumerate(zip(mine, other, strict=True)):
        assert (one is None) == (two is None), f"result {number}"
        if one is not None:
            assert one.stride() == two.stride(), f"result {number}"
            assert_close(one, two, f"result {number}", relative)


# Made as torch's are.


@each_kind
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_layers": 3},
        {"bias": False, "batch_first": True},
        {"num_layers": 2, "bidirectional": True, "dropout": 0.25},
        {"dtype": torch.float64, "device": "meta"},
        {"dtype": torch.bfloat16, "device": "cpu", "bidirectional": True, "bias": False},
    ],
    ids=lambda options: "-".join(options) or "plain",
)
def test_equal_weights_names_and_words(kind: str, options: dict[str, Any]) -> None:
    mine, other = twins(kind, 3, 5, **options)
    assert isinstance(mine, kinds[kind][1])
    assert repr(mine) == repr(other)
    assert mine.extra_repr() == other.extra_repr()
    ours, theirs = mine.state_dict(), other.state_dict()
    assert list(ours) == list(theirs)
    assert [n for n, _ in mine.named_parameters()] == [n for n, _ in other.named_parameters()]
    for key, weight in theirs.items():
        assert ours[key].shape == weight.shape
        assert (ours[key].dtype, ours[key].device) == (weight.dtype, weight.device)
        assert weight.is_meta or torch.equal(ours[key], weight), key
    for row, other_row in zip(mine.all_weights, other.all_weights, strict=True):
        assert [w.shape for w in row] == [w.shape for w in other_row]
    own = {name for name in vars(other) if not name.startswith("_")}
    assert own == {name for name in vars(mine) if not name.startswith("_")}
    for name in own:
        assert getattr(mine, name) == getattr(other, name), name
    mine.flatten_parameters()


@pytest.mark.parametrize(
    "make",
    [
        lambda home: home.RNN(3, 4, 2, "relu", False, True, 0.5, True),
        lambda home: home.GRU(3, 4, 2, False, True, 0.5, True),
        lambda home: home.LSTM(3, 4, 2, False, True, 0.5, True, 2),
        lambda home: home.LSTM(input_size=3, hidden_size=4, proj_size=1),
    ],
)
def test_arguments_in_torchs_order(make: Callable[[Any], nn.Module]) -> None:
    mine, other = make(tt.nn), make(nn)
    assert repr(mine) == repr(other)
    assert [p.shape for p in mine.parameters()] == [p.shape for p in other.parameters()]
    for name in ("RNN", "GRU", "LSTM"):
        ours, theirs = getattr(tt.nn, name), getattr(nn, name)
        assert inspect.signature(ours) == inspect.signature(theirs)
        assert list(inspect.signature(ours.forward).parameters) == ["self", "input", "hx"]


@each_kind
def test_reset_draws_the_same_numbers(kind: str) -> None:
    mine, other = twins(kind, 3, 5, **deep)
    for layer in (mine, other):
        torch.manual_seed(5)
        layer.reset_parameters()
    for one, two in zip(mine.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)


@each_kind
def test_checkpoints_load_both_ways(kind: str) -> None:
    mine, other = twins(kind, 3, 5, **deep)
    for source, target in ((mine, other), (other, mine)):
        source.reset_parameters()
        file = io.BytesIO()
        torch.save(source.state_dict(), file)
        file.seek(0)
        target.load_state_dict(torch.load(file, weights_only=True))
        for one, two in zip(mine.parameters(), other.parameters(), strict=True):
            assert torch.equal(one, two)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    assert_equal(flat(mine(x)), flat(other(x)))
    small = kinds[kind][0](3, 4, **kinds[kind][2])
    with pytest.raises(RuntimeError, match="size mismatch"):
        small.load_state_dict(twins(kind, 3, 5)[1].state_dict())


# Called as torch's are.


@each_kind
@pytest.mark.parametrize("training", [True, False])
def test_dropout_draws_the_same_numbers(kind: str, training: bool) -> None:
    """Between the layers of sequences of one length; packed ones draw others, see below."""
    for batch_first in (False, True):
        mine, other = twins(kind, 3, 8, **(deep | {"num_layers": 3, "dropout": 0.4}))
        mine.batch_first = other.batch_first = batch_first
        x = torch.randn(5, 4, 3, dtype=torch.float64)
        ours, theirs = (results(layer.train(training), x, seed=3) for layer in (mine, other))
        assert_equal(ours, theirs)
        assert torch.equal(ours[0], results(mine, x, seed=4)[0]) is not training


def test_dropout_of_packed_sequences_has_the_same_mean() -> None:
    """The numbers drawn are others than torch's; what is dropped is the same share."""
    layer = tt.nn.RNN(1, 2000, 2, bias=False, dropout=0.25, nonlinearity="relu")
    with torch.no_grad():
        layer.weight_ih_l0.fill_(1.0)
        layer.weight_hh_l0.zero_()
        layer.weight_ih_l1.copy_(torch.eye(2000))
        layer.weight_hh_l1.zero_()
    packed = pack_padded_sequence(torch.ones(3, 2, 1), [3, 2])
    shown = layer(packed)[0].data
    torch.testing.assert_close(shown.unique(), torch.tensor([0.0, 1 / 0.75]))
    # 10,000 draws: three standard deviations of the mean are 0.013.
    assert float((shown == 0).double().mean()) == pytest.approx(0.25, abs=0.013)
    assert torch.equal(layer.eval()(packed)[0].data, torch.ones(5, 2000))


@each_kind
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_other_dtypes(kind: str, dtype: torch.dtype) -> None:
    for batch in ((), (2,), (0,)):
        mine, other = twins(kind, 3, 5, num_layers=2, dtype=dtype)
        x, hx = torch.randn(4, *batch, 3, dtype=dtype), state_for(mine, *batch, dtype=dtype)
        # bfloat16 has eight bits, rounded at every operation, in another order by torch's kernel.
        relative = {torch.float64: 1e-10, torch.float32: 1e-5, torch.bfloat16: 3e-2}[dtype]
        assert_equal(results(mine, x, hx), results(other, x, hx), relative)


@each_kind
def test_empty_batches(kind: str) -> None:
    for options in ({}, {"bidirectional": True, "num_layers": 2, "batch_first": True}):
        mine, other = twins(kind, 3, 5, **options)
        x = torch.zeros(0, 4, 3) if mine.batch_first else torch.zeros(4, 0, 3)
        for hx in (None, state_for(mine, 0, dtype=torch.float32)):
            assert_equal(results(mine, x, hx), results(other, x, hx))


def test_the_comparison_can_fail() -> None:
    """A gate taken for another is seen."""
    mine, other = twins("gru", 3, 5, dtype=torch.float64)
    with torch.no_grad():
        mine.weight_hh_l0.copy_(mine.weight_hh_l0.roll(5, 0))
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    with pytest.raises(AssertionError, match="off by"):
        assert_equal(results(mine, x), results(other, x))
