"""Packed sequences, in and out, of any cell's layer and network."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import throughtime as tt
from tests.contracts.closeness import assert_close
from throughtime.nn import Recurrent

each_cell = pytest.mark.parametrize("cell", tt.cells.registry)
LENGTHS = torch.tensor([2, 5, 1, 4])


def parts(state: Any) -> list[Tensor]:
    return [state] if isinstance(state, Tensor) else list(state)


def given(layer: Recurrent) -> tuple[Tensor, Any]:
    x = torch.randn(5, 4, 3, dtype=torch.float64)
    state = tuple(torch.rand(4, 4, 2, dtype=torch.float64) for _ in layer.cell.states)
    return x, state if len(state) > 1 else state[0]


@each_cell
@pytest.mark.parametrize("in_order", [False, True])
def test_packed_sequences_are_run_as_padded_ones_are(cell: str, in_order: bool) -> None:
    """States stand in the caller's order on both sides, whatever the order that they are packed."""
    layer = Recurrent(cell, 3, 2, num_layers=2, bidirectional=True, dtype=torch.float64)
    x, state = given(layer)
    lengths = LENGTHS.sort(descending=True).values if in_order else LENGTHS
    packed = pack_padded_sequence(x, lengths, enforce_sorted=in_order)
    y, after = layer(packed, state)
    expected, expected_after = layer(x, state, lengths)
    assert torch.equal(y.batch_sizes, packed.batch_sizes)
    assert y.sorted_indices is packed.sorted_indices
    assert y.unsorted_indices is packed.unsorted_indices
    unpacked, found_lengths = pad_packed_sequence(y)
    assert torch.equal(found_lengths, lengths)
    assert torch.equal(unpacked, expected)
    for mine, other in zip(parts(after), parts(expected_after), strict=True):
        assert torch.equal(mine, other)


def test_batch_first_says_nothing_of_packed_sequences() -> None:
    layer = Recurrent("gru", 3, 2, batch_first=True)
    x = torch.randn(4, 5, 3)
    packed = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    y, _ = pad_packed_sequence(layer(packed)[0], batch_first=True)
    assert torch.equal(y, layer(x, lengths=LENGTHS)[0])


def test_numbers_and_gradients_are_torchs() -> None:
    ours, theirs = Recurrent("lstm", 3, 2).double(), nn.LSTM(3, 2).double()
    theirs.load_state_dict(ours.state_dict())
    packed = pack_padded_sequence(torch.randn(5, 4, 3).double(), LENGTHS, enforce_sorted=False)
    for layer in (ours, theirs):
        layer(packed)[0].data.square().sum().backward()
    for one, two in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert_close(one.grad, two.grad, relative=1e-12)


def test_a_network_reads_out_packed_sequences() -> None:
    network = tt.Network("gru", 3, 4, 2, output_activation="softplus")
    x = torch.randn(5, 4, 3)
    y, after = network(pack_padded_sequence(x, LENGTHS, enforce_sorted=False))
    expected, expected_after = network(x, lengths=LENGTHS)
    assert torch.equal(after, expected_after)
    unpacked, _ = pad_packed_sequence(y)
    for row, length in enumerate(LENGTHS):
        # Single precision: torch multiplies matrices of other shapes in another order.
        assert_close(unpacked[:length, row], expected[:length, row], relative=1e-6)


def test_what_does_not_fit_is_refused() -> None:
    layer = Recurrent("gru", 3, 2)
    packed = pack_padded_sequence(torch.zeros(5, 4, 3), LENGTHS, enforce_sorted=False)
    with pytest.raises(ValueError, match="packed sequences have their lengths; leave out"):
        layer(packed, None, LENGTHS)
    with pytest.raises(ValueError, match=r"state h must be .*\[1, 4, 2\], got \[1, 3, 2\]"):
        layer(packed, torch.zeros(1, 3, 2))
    with pytest.raises(ValueError, match=r"4 column\(s\).*input_size=3"):
        layer(pack_padded_sequence(torch.zeros(5, 4, 4), LENGTHS, enforce_sorted=False))
