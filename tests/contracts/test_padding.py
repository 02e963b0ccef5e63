"""Every cell on every engine: ragged rows, empty sizes, and garbage beyond a row's length."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.contracts import cases
from tests.contracts.checks import (
    check_against_autograd,
    flattened,
    gradients_of,
)
from tests.contracts.closeness import assert_close
from throughtime import cells, engine
from throughtime.equations import Cell

each_cell = pytest.mark.parametrize("cell", cells.registry.values(), ids=cells.registry.keys())


pytestmark = pytest.mark.usefixtures("each_engine")


@each_cell
@pytest.mark.parametrize("reverse", [False, pytest.param(True, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("lengths", [pytest.param(None, marks=pytest.mark.thorough), "zeros"])
@pytest.mark.parametrize(("T", "B", "I"), [(0, 2, 3), (3, 0, 3), (3, 2, 0), (0, 0, 0), (1, 1, 1)])
def test_sizes_of_zero(
    cell: Cell,
    T: int,
    B: int,
    I: int,  # noqa: E741
    lengths: str | None,
    reverse: bool,
) -> None:
    given_lengths = None if lengths is None else [0] * B
    recurrence = cases.recurrence(cell, T, B, I, 2, lengths=given_lengths, reverse=reverse)
    check_against_autograd(recurrence)
    with torch.no_grad():
        outputs, final = engine.run(recurrence)
    assert outputs.shape == (T, B, 2)
    assert all(state.shape == (B, 2) for state in final)


@each_cell
@pytest.mark.parametrize("reverse", [False, True])
def test_a_batch_equals_its_rows_one_by_one(cell: Cell, reverse: bool) -> None:
    lengths = [4, 7, 0, 1]
    recurrence = cases.recurrence(cell, 7, 4, 2, 3, lengths=lengths, reverse=reverse)
    batch = cases.leaves(recurrence)
    results = engine.run(batch)
    cotangents = [torch.randn_like(result) for result in flattened(results)]
    gradients = gradients_of(batch, results, cotangents)

    sums: dict[str, Tensor] = {}
    for row, length in enumerate(lengths):
        alone = cases.leaves(
            replace(
                recurrence,
                x=recurrence.x[:length, row : row + 1],
                state=tuple(s[row : row + 1] for s in recurrence.state),
                lengths=None,
            )
        )
        single = engine.run(alone)
        assert_close(results[0][:length, row], single[0][:, 0], "outputs", 1e-12)
        assert (results[0][length:, row] == 0).all()
        for mine, other in zip(results[1], single[1], strict=True):
            assert_close(mine[row], other[0], "final state", 1e-12)
        own = [cotangents[0][:length, row : row + 1]]
        own += [c[row : row + 1] for c in cotangents[1:]]
        for name, gradient in gradients_of(alone, single, own).items():
            assert gradient is not None
            if name == "x":
                assert_close(gradients[name][:length, row], gradient[:, 0], name, 1e-12)
                assert (gradients[name][length:, row] == 0).all()
            elif name.startswith("state"):
                assert_close(gradients[name][row], gradient[0], name, 1e-12)
            else:
                sums[name] = sums.get(name, torch.zeros_like(gradient)) + gradient
    for name, total in sums.items():
        assert_close(gradients[name], total, name, 1e-12)


@each_cell
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), 1e300])
def test_garbage_in_the_padding_changes_nothing(cell: Cell, reverse: bool, garbage: float) -> None:
    lengths = [2, 6, 0]
    zeros = cases.recurrence(cell, 6, 3, 2, 3, lengths=lengths, reverse=reverse)
    filled = replace(zeros, x=zeros.x.clone())
    cotangents = [torch.randn(6, 3, 3, dtype=torch.float64)]
    cotangents += [torch.randn(3, 3, dtype=torch.float64) for _ in cell.states]
    dirty = [cotangent.clone() for cotangent in cotangents]
    for row, length in enumerate(lengths):
        filled.x[length:, row] = garbage
        dirty[0][length:, row] = garbage  # dE/dY where there is no output is not looked at either
    first, second = cases.leaves(zeros), cases.leaves(filled)
    expected, found = engine.run(first), engine.run(second)
    for mine, other in zip(flattened(found), flattened(expected), strict=True):
        assert_close(mine, other, "results", 1e-12)
    gradients = gradients_of(second, found, dirty)
    for name, gradient in gradients_of(first, expected, cotangents).items():
        assert_close(gradients[name], gradient, name, 1e-12)


@each_cell
def test_a_row_of_length_zero_may_hold_any_state(cell: Cell) -> None:
    """A batch filled up with empty rows: their state stands still and is not looked at."""
    clean = cases.recurrence(cell, 3, 3, 2, 3, lengths=[3, 0, 2])
    garbage = replace(clean, state=tuple(s.clone() for s in clean.state))
    for state in garbage.state:
        state[1] = float("nan")
    first, second = cases.leaves(clean), cases.leaves(garbage)
    engine.run(first)[0].sum().backward()
    engine.run(second)[0].sum().backward()
    for name, tensor in cases.tensors(first).items():
        assert_close(cases.tensors(second)[name].grad, tensor.grad, name, 1e-12)


@each_cell
def test_a_final_state_is_the_last_valid_one(cell: Cell) -> None:
    recurrence = cases.recurrence(cell, 5, 3, 2, 3, lengths=[5, 2, 0])
    outputs, final = engine.run(recurrence)
    assert torch.equal(final[0][0], outputs[4, 0])
    assert torch.equal(final[0][1], outputs[1, 1])
    for before, after in zip(recurrence.state, final, strict=True):
        assert torch.equal(after[2], before[2])


@each_cell
def test_two_halves_equal_the_whole(cell: Cell) -> None:
    whole = cases.recurrence(cell, 9, 2, 2, 3)
    outputs, final = engine.run(whole)
    first, middle = engine.run(replace(whole, x=whole.x[:4]))
    second, end = engine.run(replace(whole, x=whole.x[4:], state=middle))
    assert_close(torch.cat([first, second]), outputs, "outputs", 1e-12)
    for mine, other in zip(end, final, strict=True):
        assert_close(mine, other, "final state", 1e-12)
