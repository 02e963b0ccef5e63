"""`Recurrent` beside `torch.nn.RNN`, `GRU` and `LSTM`: same weights, same numbers."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from tests.contracts.closeness import assert_close

pairs: dict[str, Callable[..., nn.RNNBase]] = {
    "elman": nn.RNN,
    "elman_relu": lambda *sizes, **options: nn.RNN(*sizes, nonlinearity="relu", **options),
    "gru": nn.GRU,
    "lstm": nn.LSTM,
}
each_pair = pytest.mark.parametrize("name", pairs)
shapes = pytest.mark.parametrize(
    "options",
    [
        {},
        {"bias": False},
        {"batch_first": True},
        {"num_layers": 2, "bidirectional": True},
        {"num_layers": 3, "bias": False, "batch_first": True, "bidirectional": True},
    ],
    ids=lambda options: "-".join(options) or "plain",
)


def pair(name: str, options: dict[str, Any], seed: int = 0) -> tuple[tt.nn.Recurrent, nn.RNNBase]:
    torch.manual_seed(seed)
    ours = tt.nn.Recurrent(name, 3, 4, dtype=torch.float64, **options)
    torch.manual_seed(seed)
    return ours, pairs[name](3, 4, dtype=torch.float64, **options)


def parts(state: Any) -> list[Tensor]:
    return [state] if isinstance(state, Tensor) else list(state)


@each_pair
@shapes
def test_the_same_seed_gives_the_same_weights(name: str, options: dict[str, Any]) -> None:
    ours, theirs = (module.state_dict() for module in pair(name, options))
    assert list(ours) == list(theirs)
    for key, weight in theirs.items():
        assert torch.equal(ours[key], weight), key
    assert [n for n, _ in pair(name, options)[0].named_parameters()] == list(theirs)


@each_pair
@shapes
@pytest.mark.parametrize("with_state", [False, True])
def test_equal_numbers_and_gradients(name: str, options: dict[str, Any], with_state: bool) -> None:
    ours, theirs = pair(name, options)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(0.0, 0.5)
    assert ours.load_state_dict(theirs.state_dict()).missing_keys == []
    T, B = 7, 3
    places = ours.num_layers * (2 if ours.bidirectional else 1)
    x = torch.randn(*((B, T) if ours.batch_first else (T, B)), 3, dtype=torch.float64)
    start = [torch.randn(places, B, 4, dtype=torch.float64) for _ in ours.cell.states]
    found = []
    for module in (ours, theirs):
        own = [tensor.clone().requires_grad_() for tensor in [x, *start]]
        state = None
        if with_state:
            state = tuple(own[1:]) if len(own) > 2 else own[1]
        y, after = module(own[0], state)
        results = [y, *parts(after)]
        generator = torch.Generator().manual_seed(3)
        error = sum(
            (r * torch.randn(r.shape, generator=generator, dtype=r.dtype)).sum() for r in results
        )
        error.backward()
        weights = [p.grad for _, p in sorted(module.named_parameters())]
        found.append([*results, *(tensor.grad for tensor in own), *weights])
    for mine, other in zip(*found, strict=True):
        assert_close(mine, other, relative=1e-12)


@each_pair
def test_unbatched_sequences(name: str) -> None:
    ours, theirs = pair(name, {"num_layers": 2})
    x = torch.randn(5, 3, dtype=torch.float64)
    states = [torch.randn(2, 4, dtype=torch.float64) for _ in ours.cell.states]
    state = tuple(states) if len(states) > 1 else states[0]
    for given in (None, state):
        mine, other = ours(x, given), theirs(x, given)
        assert_close(mine[0], other[0], relative=1e-12)
        for one, two in zip(parts(mine[1]), parts(other[1]), strict=True):
            assert_close(one, two, relative=1e-12)


@each_pair
@pytest.mark.parametrize("bidirectional", [False, True])
def test_lengths_do_what_a_packed_sequence_does(name: str, bidirectional: bool) -> None:
    ours, theirs = pair(name, {"num_layers": 2, "bidirectional": bidirectional})
    x = torch.randn(6, 4, 3, dtype=torch.float64)
    lengths = torch.tensor([2, 6, 1, 4])
    y, after = ours(x, lengths=lengths)
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    other, other_after = theirs(packed)
    assert_close(y, nn.utils.rnn.pad_packed_sequence(other)[0], relative=1e-12)
    for one, two in zip(parts(after), parts(other_after), strict=True):
        assert_close(one, two, relative=1e-12)


def test_weights_are_saved_and_loaded_as_torchs() -> None:
    ours, theirs = pair("lstm", {"num_layers": 2})
    file = io.BytesIO()
    torch.save(ours.state_dict(), file)
    file.seek(0)
    loaded = torch.load(file, weights_only=True)
    assert theirs.load_state_dict(loaded).unexpected_keys == []
    with pytest.raises(RuntimeError, match="size mismatch"):
        tt.nn.Recurrent("lstm", 3, 5, num_layers=2).load_state_dict(loaded)
