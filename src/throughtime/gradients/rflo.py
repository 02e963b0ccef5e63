"""Random feedback local online learning."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from throughtime import cells
from throughtime.equations import Cell
from throughtime.gradients.columns import Columns
from throughtime.gradients.eligibility import Eligibility
from throughtime.gradients.objective import Reduction
from throughtime.gradients.one_step import OneStep
from throughtime.gradients.online import Online
from throughtime.gradients.seed import whole_seed
from throughtime.nn import Network
from throughtime.nn.network import activations

Feedback = Literal["random", "readout"]


class RFLO(Online):
    """Random feedback local online learning (Murray 2019): a rule that a synapse could follow.

    It is defined for one layer of rate units, h_t = (1 - a) h_{t-1} + a phi(u_t) with
    u_t = W x_t + U h_{t-1}. Each weight from unit j to unit i has a trace of how it has acted on
    unit i, and the errors of the outputs come back by fixed random weights B in place of the
    readout's:

        p_t[i, j] = (1 - a) p_{t-1}[i, j] + a phi'(u_t[i]) h_{t-1}[j]    (W: x_t[j]; biases: 1)
        dE_t/dU[i, j] ~ (B e_t)[i] p_t[i, j],    e_t = dE_t/d(V h_t + v)

    The readout itself learns by its own gradient. Murray's e is the error of a linear readout
    under the squared loss; for other losses and readouts it is the derivative that takes its place.

    Memory and time are those of the weights.

    Args:
        feedback: "random" for Murray's B; "readout" for the readout's own derivative, with which
            it is e-prop.
        seed: Of B, which is drawn uniformly from ±1/sqrt(H), as the readout's weights are at their
            start, and is the same in every call.
        k1: Steps between updates; the last update has what is left.
        reduce: "mean" averages the losses of an update over their valid elements, "sum" adds them.

    Raises:
        ValueError: The feedback is unknown, the seed no whole number; the steps are none from 1;
            the reduction is unknown.

    Example:
        >>> import torch, throughtime as tt
        >>> model = tt.Network("leaky", input_size=1, hidden_size=4, output_size=1)
        >>> x, d = torch.zeros(3, 2, 1), torch.ones(3, 2, 1)
        >>> (*_, update) = RFLO()(model, x, d, torch.nn.MSELoss(reduction="none"))
        >>> update.info  # numbers that are carried along
        {'carried': 56.0}
    """

    exact = False

    def __init__(
        self,
        feedback: Feedback = "random",
        seed: int = 0,
        k1: int = 1,
        reduce: Reduction = "mean",
    ) -> None:
        super().__init__(k1, reduce)
        if feedback not in get_args(Feedback):
            raise ValueError(f'feedback is "random" or "readout"; got {feedback!r}')
        self.feedback = feedback
        self.seed = whole_seed(seed)

    def traces(self, run: OneStep, columns: list[Columns]) -> Eligibility:
        """Give the traces at the start: zero, but for states that are learned.

        Raises:
            ValueError: The network has other cells, several layers, or no readout whose weights the
                random feedback could stand for.
        """
        if not is_rate_cell(run.cell):
            known = ", ".join(name for name, cell in cells.registry.items() if is_rate_cell(cell))
            raise ValueError(
                f"{self!r} is defined for rate units h = (1 - a) h + a phi(W x + U h), with a "
                f"number a, which cell {run.cell.name!r} is not; of the cells here it is defined "
                f"for {known}; EProp is its like for others"
            )
        if len(columns) > 1:
            raise ValueError(
                f"{self!r} is defined for one layer, and the network has {len(columns)}; use "
                "EProp, or make it with num_layers=1"
            )
        own_read = isinstance(run.model, Network) and type(run.model).read is Network.read
        if self.feedback == "random" and not own_read:
            raise ValueError(
                f"{self!r} has random weights in place of those of a Network's linear readout, and "
                f'{type(run.model).__name__} has none that it knows; give feedback="readout"'
            )
        return Eligibility(run, columns)

    def read(self, run: OneStep, h: Tensor) -> tuple[Tensor, Tensor]:
        """Give the outputs; and, with random feedback, what the readout gives before g."""
        if self.feedback == "readout" or not isinstance(run.model, Network):
            return super().read(run, h)
        before = run.model.readout(h)
        return activations[run.model.output_activation](before), before

    def signal(self, run: OneStep, error: Tensor) -> Tensor:
        """Give the learning signal, [B, H]: errors of the outputs led back at random."""
        if self.feedback == "readout":
            return error
        return error @ self.weights(error.shape[1], run.output.shape[1]).to(error)

    def weights(self, O: int, H: int) -> Tensor:  # noqa: E741 - the letter of the literature
        """Give the random weights B, from each output to each unit, [O, H]."""
        generator = torch.Generator().manual_seed(self.seed)
        drawn = torch.rand(O, H, generator=generator, dtype=torch.float64)
        return (2 * drawn - 1) / math.sqrt(H)

    def __repr__(self) -> str:
        shown = (f"feedback={self.feedback!r}", f"seed={self.seed}", f"k1={self.k1}")
        return self._shown(*shown, f"reduce={self.reduce!r}")


def is_rate_cell(cell: Cell) -> bool:
    """Whether a cell is `h' = (1 - a) h + a phi(wx + uh)`, a being a number."""
    if len(cell.states) != 1 or len(cell.gates) != 1 or cell.units or not cell.recurrent_gates:
        return False
    # Then dh'/dh, at held products, hangs on nothing but what it multiplies.
    backward = cell.adjoint.backward
    if f"d.{cell.states[0]}" not in backward.outputs:
        return True
    instructions = dict(backward.numbered())
    seen, left = set[str](), [backward.result(f"d.{cell.states[0]}")]
    while left:
        register = left.pop()
        if register < len(backward.inputs):
            seen.add(backward.inputs[register])
        elif register in instructions:
            left += instructions[register].arguments
    return seen <= {f"d.next.{cell.states[0]}"}
