"""The cells by name; a new one is a file of its own and one line in `registry`.

A cell's documentation begins with one line of the form `Name (Authors year): equation or remark.`
"""

from throughtime.cells.continuous_time import continuous_time
from throughtime.cells.elman import elman
from throughtime.cells.elman_relu import elman_relu
from throughtime.cells.gru import gru
from throughtime.cells.independent import independent
from throughtime.cells.leaky import leaky
from throughtime.cells.light_gru import light_gru
from throughtime.cells.lstm import lstm
from throughtime.cells.lstm_coupled import lstm_coupled
from throughtime.cells.lstm_no_forget_gate import lstm_no_forget_gate
from throughtime.cells.lstm_no_input_activation import lstm_no_input_activation
from throughtime.cells.lstm_no_input_gate import lstm_no_input_gate
from throughtime.cells.lstm_no_output_activation import lstm_no_output_activation
from throughtime.cells.lstm_no_output_gate import lstm_no_output_gate
from throughtime.cells.lstm_peephole import lstm_peephole
from throughtime.cells.minimal_gated import minimal_gated
from throughtime.cells.noisy_leaky import noisy_leaky
from throughtime.cells.quasi_recurrent import quasi_recurrent
from throughtime.cells.simple_recurrent_unit import simple_recurrent_unit
from throughtime.cells.slstm import slstm
from throughtime.cells.structural_context import structural_context
from throughtime.equations import Cell, CellError

registry: dict[str, Cell] = {
    "elman": elman,
    "elman_relu": elman_relu,
    "independent": independent,
    "gru": gru,
    "minimal_gated": minimal_gated,
    "light_gru": light_gru,
    "lstm": lstm,
    "lstm_peephole": lstm_peephole,
    "lstm_coupled": lstm_coupled,
    "lstm_no_input_gate": lstm_no_input_gate,
    "lstm_no_forget_gate": lstm_no_forget_gate,
    "lstm_no_output_gate": lstm_no_output_gate,
    "lstm_no_input_activation": lstm_no_input_activation,
    "lstm_no_output_activation": lstm_no_output_activation,
    "slstm": slstm,
    "simple_recurrent_unit": simple_recurrent_unit,
    "quasi_recurrent": quasi_recurrent,
    "leaky": leaky,
    "noisy_leaky": noisy_leaky,
    "continuous_time": continuous_time,
    "structural_context": structural_context,
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
    "continuous_time",
    "elman",
    "elman_relu",
    "find",
    "gru",
    "independent",
    "leaky",
    "light_gru",
    "lstm",
    "lstm_coupled",
    "lstm_no_forget_gate",
    "lstm_no_input_activation",
    "lstm_no_input_gate",
    "lstm_no_output_activation",
    "lstm_no_output_gate",
    "lstm_peephole",
    "minimal_gated",
    "noisy_leaky",
    "quasi_recurrent",
    "registry",
    "simple_recurrent_unit",
    "slstm",
    "structural_context",
]
