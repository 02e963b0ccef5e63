"""Which gate of a cell decides whether its memory is kept, read off the equations."""

from __future__ import annotations

import torch
from torch import Tensor

from throughtime.equations import Cell, evaluate


def keeping_gate(cell: Cell) -> tuple[str, float] | None:
    """Name the gate that decides whether a cell keeps what it remembers.

    A gate keeps if, fully open, a state is carried on whole, `ds_t / ds_{t-1} = 1` with U h held
    fixed, and fully shut not at all, or the other way about, while the other gates stand at zero.
    Of several such gates f is the one, then z, then the first.

    Returns:
        The gate, and 1.0 if it keeps when open (f of an LSTM, z of a GRU) or -1.0 if it keeps when
        shut (f of `minimal_gated`, i of `lstm_coupled`); None if no gate keeps.

    Example:
        >>> from throughtime import cells
        >>> keeping_gate(cells.gru), keeping_gate(cells.minimal_gated), keeping_gate(cells.elman)
        (('z', 1.0), ('f', -1.0), None)
    """
    found = {}
    for gate in dict.fromkeys((*cell.input_gates, *cell.recurrent_gates)):
        for open_, shut in zip(
            _carried(cell, gate, 60.0), _carried(cell, gate, -60.0), strict=True
        ):
            if abs(open_ - 1) < 1e-9 and abs(shut) < 1e-9:
                found[gate] = 1.0
            elif abs(shut - 1) < 1e-9 and abs(open_) < 1e-9:
                found[gate] = -1.0
    return next(((gate, found[gate]) for gate in ("f", "z", *found) if gate in found), None)


def _carried(cell: Cell, gate: str, pre_activation: float) -> list[float]:
    """Give ds_t / ds_{t-1} of each state, one gate's pre-activation being given, others zero."""

    def scalar(value: float) -> Tensor:
        return torch.tensor(value, dtype=torch.float64)

    product = "wx" if gate in cell.input_gates else "uh"
    values = dict.fromkeys(cell.step.inputs, scalar(0.0))
    values |= dict.fromkeys(cell.states, scalar(1.0)) | {
        f"{product}.{gate}": scalar(pre_activation)
    }
    before = evaluate(cell.step, values)
    slopes = []
    for state in cell.states:
        # What is carried on whole is carried on linearly: a difference is its derivative.
        after = evaluate(cell.step, values | {state: scalar(2.0)})
        slopes.append(float(after[f"next.{state}"] - before[f"next.{state}"]))
    return slopes
