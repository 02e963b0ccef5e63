"""The cells by name."""

import pytest
import torch
from torch import nn

import throughtime as tt
from tests.contracts.closeness import assert_close
from throughtime import CellError, cells


def test_cells_are_registered_under_their_own_names() -> None:
    for name, cell in cells.registry.items():
        assert cell.name == name
        assert getattr(cells, name) is cell
        assert cells.find(name) is cell
        assert cells.find(cell) is cell


def test_every_cell_says_where_it_comes_from() -> None:
    for cell in cells.registry.values():
        assert cell.__doc__
        assert cell.__doc__.strip().splitlines()[0].endswith((".", "`,"))


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CellError, match=r"unknown cell 'grue'; known are elman, .*gru, lstm"):
        cells.find("grue")
    with pytest.raises(CellError, match="unknown cell 'GRU'"):
        tt.nn.Recurrent("GRU", 1, 1)


@pytest.mark.parametrize("wrong", [None, 3, nn.GRU, lambda wx, uh, h: h])
def test_something_else_is_refused_with_the_mend(wrong: object) -> None:
    with pytest.raises(CellError, match=r"a cell or the name of one is expected, got .*; decorate"):
        cells.find(wrong)  # type: ignore[arg-type]


def test_the_leak_is_the_share_of_the_new() -> None:
    torch.manual_seed(0)
    whole = tt.nn.Recurrent(cells.leaky.replace(leak=1.0), 2, 3, dtype=torch.float64)
    elman = tt.nn.Recurrent("elman", 2, 3, dtype=torch.float64)
    elman.load_state_dict(whole.state_dict())
    x = torch.randn(5, 2, 2, dtype=torch.float64)
    assert_close(whole(x)[0], elman(x)[0], "leak 1", 1e-12)
    frozen = tt.nn.Recurrent(cells.leaky.replace(leak=0.0), 2, 3, dtype=torch.float64)
    start = torch.randn(1, 2, 3, dtype=torch.float64)
    assert torch.equal(frozen(x, start)[1], start)


def test_peepholes_of_zero_leave_the_lstm() -> None:
    torch.manual_seed(0)
    peephole = tt.nn.Recurrent("lstm_peephole", 2, 3, dtype=torch.float64)
    lstm = tt.nn.Recurrent("lstm", 2, 3, dtype=torch.float64)
    with torch.no_grad():
        for unit in ("p_i", "p_f", "p_o"):
            getattr(peephole, f"{unit}_l0").zero_()
    lstm.load_state_dict({n: p for n, p in peephole.state_dict().items() if "p_" not in n})
    x = torch.randn(5, 2, 2, dtype=torch.float64)
    assert_close(peephole(x)[0], lstm(x)[0], "outputs", 1e-12)
