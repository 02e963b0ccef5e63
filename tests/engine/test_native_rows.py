"""The native engine on cells that look at whole rows: layer norm, and means in odd places."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
import torch

import throughtime as tt
from tests.engine.test_native import (
    SETS,
    TOLERANCE,
    distance,
    each_set,
    everything,
    module,
    native,
    recurrence,
    reference,
    tape_of,
)
from throughtime.engine.native_lowering import lowered
from throughtime.engine.native_plan import native_plan
from throughtime.engine.native_rows import programs_of

__all__ = ["each_set"]  # a fixture

pytestmark = pytest.mark.skipif(not SETS, reason="the native module is not built")


@tt.cell(gates="i f g o", state="h c", units="gain_i gain_c bias")
def normalised_lstm(wx, uh, h, c, *, gain_i, gain_c, bias):
    i = tt.sigmoid(gain_i * tt.layer_norm(wx.i + uh.i) + bias)
    f = tt.sigmoid(tt.layer_norm(wx.f) + tt.layer_norm(uh.f))
    g = tt.tanh(tt.layer_norm(wx.g + uh.g))
    o = tt.sigmoid(tt.layer_norm(wx.o + uh.o))
    c = f * c + i * g
    return o * tt.tanh(gain_c * tt.layer_norm(c)), c


@tt.cell(gates="a", state="h")
def normalised_elman(wx, uh, h):
    return tt.tanh(tt.layer_norm(wx.a + uh.a))


@tt.cell(gates="a z", state="h m")
def mean_state(wx, uh, h, m):
    """A state that is a mean: one number a row, kept and given out for every unit."""
    m = tt.mean(wx.a + m)
    return tt.tanh(uh.z + wx.z - 0.3 * m), m


@tt.cell(gates="a z", state="h", units="p")
def odd_means(wx, uh, h, *, p):
    """Row values on the left of a difference, in comparisons, under other functions."""
    m = tt.mean(-(wx.a * p)) / (2.0 + tt.mean(h * h))
    size = tt.sqrt(1.0 + tt.mean(tt.abs(uh.z)))
    x = m - wx.z
    y = tt.where(x > m, tt.exp(-tt.softplus(m)), x / size) + tt.maximum(m, uh.z) * size
    return tt.tanh(y + tt.mean(m) + size) * tt.mean(tt.sigmoid(x) * m)


@tt.cell(gates="a", state="h")
def softmax(wx, uh, h):
    """Units that compete: exponentials over their sum."""
    e = tt.exp(wx.a + uh.a)
    return e / tt.mean(e)


CELLS = (normalised_lstm, normalised_elman, mean_state, odd_means, softmax)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
@pytest.mark.parametrize(
    "H", [1, 37, *(pytest.param(H, marks=pytest.mark.thorough) for H in (5, 64, 700))]
)
def test_every_set_equals_the_reference(
    cell: tt.Cell, H: int, dtype: torch.dtype, each_set: str
) -> None:
    for ragged, reverse in itertools.product((False, True), (False, True)):
        given = recurrence(cell, 7, 9, 3, H, dtype=dtype, ragged=ragged, reverse=reverse)
        assert native.why_not(given) is None
        expected = everything(reference, given)
        for kept in ("everything", "states"):
            with tt.engine.keep(kept):
                found = distance(everything(native, given), expected)
            assert found < TOLERANCE[dtype], (ragged, reverse, kept)


@pytest.mark.parametrize("H", [pytest.param(4096, marks=pytest.mark.thorough), 5000])
def test_rows_longer_than_a_block(H: int, each_set: str) -> None:
    given = recurrence(normalised_elman, 3, 3, 2, H, dtype=torch.float32, ragged=False)
    found = distance(everything(native, given), everything(reference, given))
    assert found < TOLERANCE[torch.float32]


def test_what_lies_behind_the_units_of_a_row_is_not_in_their_mean(each_set: str) -> None:
    given = recurrence(normalised_lstm, H=21)
    expected = everything(reference, given)
    for _ in range(2):
        module.poison_workspaces()
        assert distance(everything(native, given), expected) < 1e-11


def test_the_same_bits_for_any_number_of_threads() -> None:
    given = recurrence(normalised_lstm, T=40, B=70, H=48, dtype=torch.float32)
    before, results = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(everything(native, given))
    torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_a_layer_norm_keeps_one_plane_and_one_number_a_row() -> None:
    programs = programs_of(normalised_elman)
    of_forward = len(programs.kept) - len(programs.kept_rows)
    assert of_forward == 1  # the centred sum; the new state is kept anyway
    assert len(programs.kept_rows & set(programs.kept)) == 1  # the deviation
    given = programs.backward.inputs
    assert "next.h" in given or len(programs.kept) == 2


def test_the_tape_of_a_normalised_lstm_is_no_larger_than_that_of_a_plain_one() -> None:
    x = torch.randn(50, 8, 3)
    normalised, plain = (
        tape_of(tt.nn.Recurrent(cell, 3, 64), x) for cell in (normalised_lstm, "lstm")
    )
    # Both products of one gate are normalised and keep a plane each.
    assert normalised <= 1.3 * plain


def test_slopes_and_multiply_adds_are_single_instructions() -> None:
    backward = tt.cells.lstm.adjoint.backward
    found = Counter(i.operation for i in lowered(backward).program.instructions)
    assert found["logistic_slope"] == 3
    assert found["tanh_slope"] == 2
    assert sum(found.values()) <= 13  # of 22
    forward = tt.cells.lstm.adjoint.forward
    assert "multiply_add" in {i.operation for i in lowered(forward).program.instructions}


def test_a_plan_is_made_of_operations_that_the_engine_has() -> None:
    for cell in (*CELLS, *tt.cells.registry.values()):
        native_plan(module, cell)
