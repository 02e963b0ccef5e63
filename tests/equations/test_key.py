"""The texts by which graphs and files name cells."""

import gc
import pickle
import subprocess
import sys

import pytest

import throughtime as tt
from throughtime.equations import Cell, CellError
from throughtime.equations.key import cell_at


@tt.cell(gates="a", state="h", constants={"k": 0.3})
def of_this_module(wx, uh, h, *, k):
    return k * tt.tanh(wx.a + uh.a)


def local(factor: float) -> Cell:
    @tt.cell(gates="a", state="h")
    def inside(wx, uh, h):
        return factor * tt.tanh(wx.a + uh.a)

    return inside


def test_every_cell_is_found_by_its_key() -> None:
    keys = {cell.key for cell in tt.cells.registry.values()}
    assert len(keys) == len(tt.cells.registry)
    for cell in (*tt.cells.registry.values(), of_this_module, local(0.5)):
        assert cell_at(cell.key) is cell


def test_other_constants_other_key() -> None:
    other = of_this_module.replace(k=0.5)
    assert other.key == f'{__name__}:of_this_module {{"k": 0.5}}'
    assert cell_at(other.key) is other
    assert cell_at(of_this_module.key) is of_this_module


def test_cells_of_one_name_are_told_apart() -> None:
    cells = [local(factor) for factor in (0.1, 0.2, 0.3)]
    assert len({cell.key for cell in cells}) == 3
    assert [cell_at(cell.key) for cell in cells] == cells


def test_equal_cells_share_a_key_that_outlives_either() -> None:
    first, second = of_this_module.replace(k=0.7), of_this_module.replace(k=0.7)
    assert first.key == second.key
    del first
    gc.collect()
    assert cell_at(second.key).step == second.step
    assert pickle.loads(pickle.dumps(second)).key == second.key


def test_a_cell_of_a_module_is_found_in_another_process() -> None:
    leaky = next(cell for cell in tt.cells.registry.values() if cell.constants)
    key = leaky.replace(**dict.fromkeys(leaky.constants, 0.25)).key
    program = f"""
import throughtime
from throughtime.equations.key import cell_at
assert set(cell_at({key!r}).constants.values()) == {{0.25}}
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_what_is_not_there_is_said_with_the_mend() -> None:
    with pytest.raises(CellError, match="import that module first"):
        cell_at("some.module:some_cell")
    with pytest.raises(CellError, match="at the top of that module, under its own name"):
        cell_at("throughtime.cells:nothing")
