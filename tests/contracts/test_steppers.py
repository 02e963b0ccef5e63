"""Every cell one step a call, on every engine: what the layer gives for the whole sequence."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.contracts.closeness import assert_close
from throughtime import cells
from throughtime.equations import Cell
from throughtime.nn import Recurrent
from throughtime.nn.stepper import Stepper

each_cell = pytest.mark.parametrize("cell", cells.registry.values(), ids=cells.registry.keys())

pytestmark = pytest.mark.usefixtures("each_engine")

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
STEPS = 12


Steps = Callable[[Tensor], Tensor]


def check_steps(
    layer: Recurrent, rows: int, made: Callable[[Stepper], Steps] = lambda s: s
) -> None:
    """Compare a run step by step, begun in the middle of things, with a call of the layer."""
    dtype = next(layer.parameters()).dtype
    x = torch.randn(STEPS, rows, layer.input_size, dtype=dtype)
    stepper = layer.eval().stepper(rows)
    step = made(stepper)
    with torch.no_grad():
        _, before = layer(x.flip(0))  # a state that the cell can reach
        y, after = layer(x, before)
    stepper.state = before
    found = [step(row) for row in x]
    assert_close(torch.stack(found), y, "outputs", TOLERANCE[dtype])
    for name, mine, other in zip(
        layer.cell.states, several(stepper.state), several(after), strict=True
    ):
        assert_close(mine, other, f"state {name}", TOLERANCE[dtype])


def several(state: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return state if isinstance(state, tuple) else (state,)


@each_cell
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("rows", [1, 3, 17])
def test_steps_are_those_of_a_whole_sequence(cell: Cell, rows: int, dtype: torch.dtype) -> None:
    for layers, bias, H in ((1, True, 5), (3, False, 33)):
        layer = Recurrent(cell, 4, H, num_layers=layers, bias=bias, dtype=dtype)
        check_steps(layer, rows)


@each_cell
def test_a_stepper_that_forgets_is_noticed(cell: Cell) -> None:
    def forgetful(stepper: Stepper) -> Steps:
        def step(x: Tensor) -> Tensor:
            stepper.reset()
            return stepper(x)

        return step

    with pytest.raises(AssertionError):
        check_steps(Recurrent(cell, 4, 5, dtype=torch.float64), 3, forgetful)
