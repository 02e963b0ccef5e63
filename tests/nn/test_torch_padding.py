"""Batches against their rows, for any shape: order, one by one, garbage in the padding."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import throughtime as tt
from tests.contracts.closeness import assert_close
from tests.nn.test_as_torch import flat, kinds

RELATIVE = 1e-10


@dataclass(frozen=True)
class Batch:
    """A layer, ragged rows for it, and the states before their first steps.

    Attributes:
        layer: `Recurrent`, or one of those that replace torch's.
        x: [T, B, I]
        lengths: At least 1 and at most T, [B].
        states: [layers * directions, B, ·] each.
        weighting: Makes one number of the results, so that gradients can be compared.
    """

    layer: nn.Module
    x: Tensor
    lengths: Tensor
    states: list[Tensor]
    weighting: list[Tensor]

    def run(
        self, x: Tensor, lengths: Tensor, states: list[Tensor], weighting: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Give outputs [T, B, ·] and states, and gradients by states, weights and input."""
        x, states = x.clone().requires_grad_(), [s.clone().requires_grad_() for s in states]
        hx: Any = tuple(states) if len(states) > 1 else states[0]
        if isinstance(self.layer, tt.nn.Recurrent):
            found = flat(self.layer(x, hx, lengths))
        else:
            packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
            y, after = self.layer(packed, hx)
            assert isinstance(y, PackedSequence)
            found = [pad_packed_sequence(y, total_length=len(x))[0], *flat(after)]
        error = torch.stack([(r * w).sum() for r, w in zip(found, weighting, strict=True)]).sum()
        by = [*states, *self.layer.parameters(), x]
        return found, list(torch.autograd.grad(error, by))

    def run_all(self) -> tuple[list[Tensor], list[Tensor]]:
        return self.run(self.x, self.lengths, self.states, self.weighting)


@st.composite
def batches(draw: st.DrawFn, of_torch: bool) -> Batch:
    options: dict[str, Any] = {
        "num_layers": draw(st.integers(1, 2)),
        "bidirectional": draw(st.booleans()),
        "bias": draw(st.booleans()),
        "dtype": torch.float64,
    }
    T, B = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    lengths = torch.tensor(draw(st.lists(st.integers(1, T), min_size=B, max_size=B)))
    torch.manual_seed(draw(st.integers(0, 2**16)))
    layer: Any
    if of_torch:
        kind, _, own = kinds[draw(st.sampled_from(sorted(kinds)))]
        layer = kind(2, 4, **own, **options)
        widths = [layer.proj_size or 4, 4][: len(layer.cell.states)]
    else:
        layer = tt.nn.Recurrent(draw(st.sampled_from(sorted(tt.cells.registry))), 2, 4, **options)
        widths = [4] * len(layer.cell.states)
    directions = 2 if options["bidirectional"] else 1
    x = torch.randn(T, B, 2, dtype=torch.float64)
    # Between 0 and 1: a normaliser state of some cells is to be positive.
    states = [
        torch.rand(options["num_layers"] * directions, B, width, dtype=torch.float64)
        for width in widths
    ]
    weighting = [torch.randn(T, B, directions * widths[0], dtype=torch.float64)]
    weighting += [torch.randn_like(state) for state in states]
    return Batch(layer, x, lengths, states, weighting)


def check_order(batch: Batch, order: Tensor) -> None:
    found, gradients = batch.run_all()
    turned, turned_gradients = batch.run(
        batch.x[:, order],
        batch.lengths[order],
        [s[:, order] for s in batch.states],
        [w[:, order] for w in batch.weighting],
    )
    for mine, other in zip(turned, found, strict=True):
        assert_close(mine, other[:, order], "result", RELATIVE)
    by_rows = {*range(len(batch.states)), len(gradients) - 1}
    for number, (mine, other) in enumerate(zip(turned_gradients, gradients, strict=True)):
        other = other[:, order] if number in by_rows else other
        assert_close(mine, other, f"gradient {number}", RELATIVE)


def check_one_by_one(batch: Batch) -> None:
    found, gradients = batch.run_all()
    own = len(batch.states)
    sums = [torch.zeros_like(g) for g in gradients[own:-1]]
    for row, length in enumerate(batch.lengths.tolist()):
        place = slice(row, row + 1)
        alone, by = batch.run(
            batch.x[:length, place],
            batch.lengths[place],
            [s[:, place] for s in batch.states],
            [batch.weighting[0][:length, place], *(w[:, place] for w in batch.weighting[1:])],
        )
        assert_close(found[0][:length, place], alone[0], "outputs", RELATIVE)
        assert not found[0][length:, row].any(), "outputs beyond the length"
        for mine, other in zip(found[1:], alone[1:], strict=True):
            assert_close(mine[:, place], other, "final state", RELATIVE)
        for mine, other in zip(gradients[:own], by[:own], strict=True):
            assert_close(mine[:, place], other, "gradient by the states", RELATIVE)
        assert_close(gradients[-1][:length, place], by[-1], "gradient by x", RELATIVE)
        assert not gradients[-1][length:, row].any(), "gradient by the padding"
        sums = [total + other for total, other in zip(sums, by[own:-1], strict=True)]
    for total, mine in zip(sums, gradients[own:-1], strict=True):
        assert_close(mine, total, "gradient by a weight", RELATIVE)


both = pytest.mark.parametrize("of_torch", [True, False], ids=["packed", "lengths"])
several = pytest.mark.parametrize(
    "cases", [15, pytest.param(300, marks=pytest.mark.thorough)], ids="{} cases".format
)


@both
@several
def test_the_order_of_rows_is_kept(of_torch: bool, cases: int) -> None:
    @settings(max_examples=cases)
    @given(batches(of_torch), st.randoms(use_true_random=False))
    def check(batch: Batch, random: Any) -> None:
        rows = len(batch.lengths)
        check_order(batch, torch.tensor(random.sample(range(rows), rows)))

    check()


@both
@several
def test_a_batch_is_its_rows_one_by_one(of_torch: bool, cases: int) -> None:
    settings(max_examples=cases)(given(batches(of_torch))(check_one_by_one))()


@both
@several
def test_garbage_in_the_padding_changes_nothing(of_torch: bool, cases: int) -> None:
    @settings(max_examples=cases)
    @given(batches(of_torch), st.sampled_from([float("nan"), float("inf"), 1e300]))
    def check(batch: Batch, garbage: float) -> None:
        found, gradients = batch.run_all()
        beyond = torch.arange(len(batch.x))[:, None] >= batch.lengths
        x = batch.x.masked_fill(beyond[..., None], garbage)
        dirty, by = batch.run(x, batch.lengths, batch.states, batch.weighting)
        for mine, other in zip([*dirty, *by], [*found, *gradients], strict=True):
            assert torch.equal(mine, other)

    check()


@several
def test_packed_sequences_give_what_torchs_layers_give(cases: int) -> None:
    @settings(max_examples=cases)
    @given(batches(of_torch=True), st.booleans())
    def check(batch: Batch, as_sorted: bool) -> None:
        layer: Any = batch.layer
        theirs = next(kind for ours, kind, _ in kinds.values() if type(layer) is ours)
        lengths = batch.lengths.sort(descending=True).values if as_sorted else batch.lengths
        packed = pack_padded_sequence(batch.x, lengths, enforce_sorted=as_sorted)
        hx: Any = tuple(batch.states) if len(batch.states) > 1 else batch.states[0]
        for given_state in (None, hx):
            y, after = layer(packed, given_state)
            layer.__class__, ours = theirs, type(layer)
            z, other_after = layer(packed, given_state)
            layer.__class__ = ours
            for mine, other in zip(
                [y.data, *flat(after)], [z.data, *flat(other_after)], strict=True
            ):
                assert_close(mine, other, "result", RELATIVE)
            assert torch.equal(y.batch_sizes, z.batch_sizes)
            assert (y.sorted_indices is None) == (z.sorted_indices is None) == as_sorted
            assert as_sorted or torch.equal(y.unsorted_indices, z.unsorted_indices)

    check()


class Unsorting(tt.nn.GRU):
    """Forgets that its rows were sorted."""

    def _packed(self, packed: PackedSequence, hx: Any) -> Any:
        return super()._packed(PackedSequence(packed.data, packed.batch_sizes), hx)


class Unending(tt.nn.Recurrent):
    """Takes no notice of where rows end."""

    def forward(self, x: Tensor, state: Any = None, lengths: Tensor | None = None) -> Any:
        return super().forward(x, state)


@pytest.mark.parametrize("kind", [Unsorting, lambda *sizes, **own: Unending("gru", *sizes, **own)])
def test_the_checks_can_fail(kind: Any) -> None:
    layer = kind(2, 4, dtype=torch.float64)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64)

    weighting = [draw(3, 2, 4), draw(1, 2, 4)]
    batch = Batch(layer, draw(3, 2, 2), torch.tensor([1, 3]), [draw(1, 2, 4)], weighting)
    with pytest.raises(AssertionError):
        check_one_by_one(batch)
    if kind is Unsorting:
        with pytest.raises(AssertionError):
            check_order(batch, torch.tensor([1, 0]))
