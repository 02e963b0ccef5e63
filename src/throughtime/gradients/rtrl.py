"""Real-time recurrent learning."""

from __future__ import annotations

from throughtime.gradients.columns import Columns
from throughtime.gradients.influence import Influence
from throughtime.gradients.one_step import OneStep
from throughtime.gradients.online import Online


class RTRL(Online):
    """Real-time recurrent learning (Williams & Zipser 1989): the exact gradient, forward in time.

    The influence of every weight on every state is carried along by the network's own Jacobian,

        J_t = dS_t/dS_{t-1} J_{t-1} + dS_t/dtheta (explicit),    dE_t/dtheta = dE_t/dh_t J_t,

    so that the gradient of a step's loss is there as soon as the loss is. With the weights left as
    they are, the updates of a sequence add up to the gradient that `BPTT` gives (`reduce="sum"`).
    If they are stepped between updates, J goes on from what it is (see `Online`).

    Several layers are one state: weights of lower layers have an influence on the upper ones.

    For each row, memory holds `states x H` numbers for every weight: of the order of H^3, and a
    step costs of the order of H^4. Where units do not hear each other (a cell without U, such as
    `independent` or `simple_recurrent_unit`), a layer's weights act on their own unit alone; both
    are then of the order of the number of weights (Mozer 1989; Zucchet et al. 2023), but for the
    influence on the layers above.

    Args:
        k1: Steps between updates; the last update has what is left.
        reduce: "mean" averages the losses of an update over their valid elements, "sum" adds them.

    Raises:
        ValueError: The steps are no whole number from 1; the reduction is unknown.

    Example:
        >>> import torch, throughtime as tt
        >>> model = tt.Network("gru", input_size=1, hidden_size=4, output_size=1)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> x, d = torch.zeros(3, 2, 1), torch.ones(3, 2, 1)
        >>> for update in RTRL()(model, x, d, torch.nn.MSELoss(reduction="none")):
        ...     optimizer.step()
        ...     optimizer.zero_grad()
        >>> update.steps, update.info  # numbers that are carried along
        (range(2, 3), {'carried': 672.0})
    """

    exact = True

    def traces(self, run: OneStep, columns: list[Columns]) -> Influence:
        """Give the influence at the start: zero, but for states that are learned."""
        return Influence(run, columns)
