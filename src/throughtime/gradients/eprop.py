"""E-prop: eligibility traces under a learning signal."""

from __future__ import annotations

from throughtime import cells
from throughtime.equations import Cell
from throughtime.gradients.columns import Columns
from throughtime.gradients.eligibility import Eligibility
from throughtime.gradients.one_step import OneStep
from throughtime.gradients.online import Online


class EProp(Online):
    """E-prop (Bellec et al. 2020): local eligibility traces under a learning signal.

    Each weight has a trace of how it has acted on the states of its own unit, as far as these pass
    it on by themselves, the products U h of what all units say being held; the loss enters through
    its direct derivative by the unit's output:

        e_t = D_t e_{t-1} + dS_t/dtheta (explicit),    D_t = dS_t/dS_{t-1} at held U h
        dE_t/dtheta ~ dE_t/dh_t (direct) e_t

    It is the gradient with h_{t-1} held wherever U multiplies it. Here the learning signal is the
    readout's own ("symmetric" e-prop) and that of the present step only; D and the explicit part
    come from the cell's equations, so that any cell will do whose units carry a state on by
    themselves. Bellec et al. have spiking units and the LSTM; this is their general form.

    In several layers the learning signal is led down through the layers within the step. What an
    upper layer remembers of a lower one is left out.

    Memory and time are those of the weights, each state of a unit having its own. Without U a
    single layer's gradient is exact.

    Args:
        k1: Steps between updates; the last update has what is left.
        reduce: "mean" averages the losses of an update over their valid elements, "sum" adds them.

    Raises:
        ValueError: The steps are no whole number from 1; the reduction is unknown.

    Example:
        >>> import torch, throughtime as tt
        >>> model = tt.Network("lstm", input_size=1, hidden_size=4, output_size=1)
        >>> x, d = torch.zeros(3, 2, 1), torch.ones(3, 2, 1)
        >>> (*_, update) = EProp()(model, x, d, torch.nn.MSELoss(reduction="none"))
        >>> update.info  # numbers that are carried along
        {'carried': 448.0}
    """

    exact = False

    def traces(self, run: OneStep, columns: list[Columns]) -> Eligibility:
        """Give the traces at the start: zero, but for states that are learned.

        Raises:
            ValueError: No unit of the cell carries a state on by itself.
        """
        if not carries_on(run.cell):
            known = ", ".join(name for name, cell in cells.registry.items() if carries_on(cell))
            raise ValueError(
                f"{self!r} is defined for cells whose units carry a state on by themselves, and "
                f"cell {run.cell.name!r} has all its memory in U: its traces would not reach "
                f"beyond a step; of the cells here it is defined for {known}; or use RTRL, SnAp or "
                "UORO"
            )
        return Eligibility(run, columns)


def carries_on(cell: Cell) -> bool:
    """Whether a new state of a cell hangs on an old one while the product U h is held."""
    backward = cell.adjoint.backward
    first, constants = len(backward.inputs), backward.constants
    for state in cell.states:
        if f"d.{state}" in backward.outputs:
            place = backward.result(f"d.{state}") - first
            if not (0 <= place < len(constants) and constants[place] == 0.0):
                return True
    return False
