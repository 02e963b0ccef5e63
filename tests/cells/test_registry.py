"""The cells by name."""

import re

import pytest
from torch import nn

import throughtime as tt
from throughtime import CellError, cells


def test_cells_are_registered_under_their_own_names() -> None:
    for name, cell in cells.registry.items():
        assert cell.name == name
        assert getattr(cells, name) is cell
        assert cells.find(name) is cell
        assert cells.find(cell) is cell


form = re.compile(r"[^()]+ \([^()]*[A-Z][^()]* (1|2)\d{3}\): .+\.")


def test_every_cell_says_where_it_comes_from() -> None:
    """A table of cells is made of the first lines: `Name (Authors year): equation or remark.`"""
    for cell in cells.registry.values():
        assert cell.__doc__
        first, *rest = cell.__doc__.splitlines()
        assert form.fullmatch(first), first
        assert not rest or not rest[0].strip()


@pytest.mark.parametrize(
    "line",
    [
        "Gated recurrent unit: h = (1 - z) n + z h.",
        "Gated recurrent unit (Cho et al.): h = (1 - z) n + z h.",
        "Gated recurrent unit (Cho et al. 2014).",
        "Gated recurrent unit (Cho et al. 2014): h = (1 - z) n + z h",
    ],
)
def test_a_line_without_source_or_remark_is_told_apart(line: str) -> None:
    assert not form.fullmatch(line)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CellError, match=r"unknown cell 'grue'; known are elman, .*gru, lstm"):
        cells.find("grue")
    with pytest.raises(CellError, match="unknown cell 'GRU'"):
        tt.nn.Recurrent("GRU", 1, 1)


@pytest.mark.parametrize("wrong", [None, 3, nn.GRU, lambda wx, uh, h: h])
def test_something_else_is_refused_with_the_mend(wrong: object) -> None:
    with pytest.raises(CellError, match=r"a cell or the name of one is expected, got .*; decorate"):
        cells.find(wrong)  # type: ignore[arg-type]
