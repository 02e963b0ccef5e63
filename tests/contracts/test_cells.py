"""Every cell on every engine: gradients equal to autograd's and to central differences."""

import dataclasses
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts import cases, plain
from tests.contracts.checks import (
    check_against_autograd,
    check_against_differences,
)
from tests.contracts.closeness import assert_close
from throughtime import cells
from throughtime.engine import Recurrence
from throughtime.equations import Adjoint, Cell, Instruction

each_cell = pytest.mark.parametrize("cell", cells.registry.values(), ids=cells.registry.keys())


pytestmark = pytest.mark.usefixtures("each_engine")


@each_cell
@given(data=st.data())
def test_gradients_equal_autograd_of_the_plain_loop(cell: Cell, data: st.DataObject) -> None:
    check_against_autograd(data.draw(cases.recurrences(cell)))


@each_cell
@pytest.mark.parametrize(
    ("reverse", "bias"),
    [
        (False, False),
        (True, True),
        pytest.param(False, True, marks=pytest.mark.thorough),
        pytest.param(True, False, marks=pytest.mark.thorough),
    ],
)
def test_gradients_equal_autograd_on_ragged_rows(cell: Cell, reverse: bool, bias: bool) -> None:
    lengths = [7, 0, 12, 1, 5]
    check_against_autograd(
        cases.recurrence(cell, 12, 5, 2, 3, lengths=lengths, reverse=reverse, bias=bias)
    )


@each_cell
@pytest.mark.parametrize("reverse", [False, pytest.param(True, marks=pytest.mark.thorough)])
def test_gradients_equal_central_differences(cell: Cell, reverse: bool) -> None:
    check_against_differences(
        cases.recurrence(cell, 5, 3, 2, 2, lengths=[3, 5, 0], reverse=reverse, seed=1)
    )


@each_cell
def test_saturated_units_have_exact_gradients(cell: Cell) -> None:
    check_against_autograd(cases.recurrence(cell, 6, 3, 2, 3, seed=2, scale=4.0))


@each_cell
@settings(max_examples=10)
@given(data=st.data())
def test_layers_and_directions_equal_the_plain_loop(cell: Cell, data: st.DataObject) -> None:
    layer, x, state, lengths = data.draw(cases.layers(cell))
    x.requires_grad_()
    for tensor in state:
        tensor.requires_grad_()
    wanted = [x, *state, *layer.parameters()]
    y, after = layer(x, tuple(state) if len(state) > 1 else state[0], lengths)
    expected_y, expected_after = plain.run_layer(layer, x, state, lengths)
    found = [y, *(after if isinstance(after, tuple) else (after,))]
    expected = [expected_y, *expected_after]
    for mine, other in zip(found, expected, strict=True):
        assert_close(mine, other, "results")
    cotangents = [torch.randn_like(result) for result in found]
    gradients = [
        torch.autograd.grad(
            sum((r * c).sum() for r, c in zip(results, cotangents, strict=True)),
            wanted,
            allow_unused=True,
        )
        for results in (found, expected)
    ]
    for mine, other in zip(*gradients, strict=True):
        assert_close(mine, other, "gradients")


# Negative controls: the checks above fail on a cell that is wrong.


def with_output_negated(cell: Cell, output: str) -> Cell:
    """Give the cell with one output of its derivative of the wrong sign."""
    backward = cell.adjoint.backward
    place = backward.outputs.index(output)
    instructions = (*backward.instructions, Instruction("negate", (backward.results[place],)))
    results = list(backward.results)
    results[place] = backward.first_instruction + len(backward.instructions)
    return with_adjoint(cell, instructions=instructions, results=tuple(results))


def with_adjoint(cell: Cell, **changes: object) -> Cell:
    wrong = dataclasses.replace(cell)
    adjoint = Adjoint(cell.adjoint.forward, replace(cell.adjoint.backward, **changes))
    wrong.__dict__["adjoint"] = adjoint  # where the cached property keeps it
    return wrong


@pytest.mark.parametrize(
    ("name", "output"),
    [(n, output) for n, c in cells.registry.items() for output in c.adjoint.backward.outputs],
)
@pytest.mark.parametrize(
    "check",
    [
        check_against_autograd,
        pytest.param(check_against_differences, marks=pytest.mark.thorough),
    ],
)
def test_a_derivative_of_the_wrong_sign_is_caught(
    name: str, output: str, check: Callable[[Recurrence], None]
) -> None:
    wrong = with_output_negated(cells.registry[name], output)
    with pytest.raises(AssertionError, match="gradient by"):
        check(cases.recurrence(wrong, 4, 3, 1, 3))


def test_derivatives_in_each_others_place_are_caught() -> None:
    results = cells.registry["gru"].adjoint.backward.results
    wrong = with_adjoint(cells.registry["gru"], results=(results[1], results[0], *results[2:]))
    with pytest.raises(AssertionError, match="gradient by"):
        check_against_autograd(cases.recurrence(wrong, 4, 3, 1, 3))


def test_wrong_equations_are_caught() -> None:
    def gru(wx, uh, h):  # type: ignore[no-untyped-def]
        r, z = wx.r + uh.r, wx.z + uh.z  # the squashing forgotten
        n = r * uh.n + wx.n
        return n + z * (h - n)

    wrong = Cell("gru", ("r", "z", "n"), ("h",), (), {}, gru)
    with pytest.raises(AssertionError, match="outputs"):
        check_against_autograd(cases.recurrence(wrong, 4, 3, 1, 3))


def test_the_hand_written_steps_are_of_known_cells() -> None:
    assert plain.steps.keys() <= cells.registry.keys()
