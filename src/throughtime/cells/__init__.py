"""The cells by name; a new one is a file of its own and one line in `registry`."""

from throughtime.cells.elman import elman
from throughtime.cells.elman_relu import elman_relu
from throughtime.cells.gru import gru
from throughtime.cells.leaky import leaky
from throughtime.cells.lstm import lstm
from throughtime.cells.lstm_peephole import lstm_peephole
from throughtime.equations import Cell, CellError

registry: dict[str, Cell] = {
    "elman": elman,
    "elman_relu": elman_relu,
    "gru": gru,
    "lstm": lstm,
    "lstm_peephole": lstm_peephole,
    "leaky": leaky,
}


def find(cell: str | Cell) -> Cell:
    """Give the cell of a name; a cell is given back as it is.

    Raises:
        CellError: No cell has that name; the known ones are listed.
    """
    if isinstance(cell, Cell):
        return cell
    if isinstance(cell, str) and cell in registry:
        return registry[cell]
    if isinstance(cell, str):
        raise CellError(f"unknown cell {cell!r}; known are {', '.join(registry)}")
    raise CellError(
        f"a cell or the name of one is expected, got {type(cell).__name__}; decorate the function "
        'that holds the equations: @throughtime.cell(gates="...", state="...")'
    )


__all__ = [
    "elman",
    "elman_relu",
    "find",
    "gru",
    "leaky",
    "lstm",
    "lstm_peephole",
    "registry",
]
