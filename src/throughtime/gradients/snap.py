"""The sparse n-step approximation of real-time recurrent learning."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from throughtime.gradients.columns import Columns
from throughtime.gradients.influence import Influence
from throughtime.gradients.objective import Reduction
from throughtime.gradients.one_step import LayerStep, OneStep
from throughtime.gradients.online import Online
from throughtime.gradients.tbptt import steps as whole_steps


class SnAp(Online):
    """The sparse n-step approximation (Menick et al. 2020): most of the influence is left out.

    A weight acts on its own unit first, and on others only through them. Of the influence only what
    a weight reaches within `order` steps is carried along; the rest is taken for zero:

        J_t = M * (dS_t/dS_{t-1} J_{t-1} + dS_t/dtheta (explicit)),    M_{u, v} = 1 where unit u is
        reached by the weights of unit v within `order` steps, else 0

    With order 1 a weight acts on the states of its own unit and, within the same step, on the
    layers above. Memory and time are those of the weights, each state of a unit having its own
    (between layers they are those of `RTRL`). With order 2 a network whose U has no zeros is
    reached as a whole, and this is `RTRL`. Higher orders are meant for sparse networks: M is read
    off the zeros of U and W as they are at each step. What is left out costs the time of `RTRL`
    nevertheless, from order 2 on.

    Where units do not hear each other (a cell without U), nothing is left out at any order.

    Layers are masked one after the other: what is left out below is not passed on upwards.

    Args:
        order: Steps within which a weight must reach a unit, n.
        k1: Steps between updates; the last update has what is left.
        reduce: "mean" averages the losses of an update over their valid elements, "sum" adds them.

    Raises:
        ValueError: The order, or the steps, are no whole number from 1; the reduction is unknown.

    Example:
        >>> import torch, throughtime as tt
        >>> model = tt.Network("gru", input_size=1, hidden_size=4, output_size=1)
        >>> x, d = torch.zeros(3, 2, 1), torch.ones(3, 2, 1)
        >>> (*_, update) = SnAp()(model, x, d, torch.nn.MSELoss(reduction="none"))
        >>> update.info  # numbers that are carried along; 4 times as many with RTRL
        {'carried': 168.0}
    """

    exact = False

    def __init__(self, order: int = 1, k1: int = 1, reduce: Reduction = "mean") -> None:
        super().__init__(k1, reduce)
        self.order = whole_steps("order", order)

    def traces(self, run: OneStep, columns: list[Columns]) -> Influence:
        """Give the influence at the start: zero, but for states that are learned."""
        sparse = self.order == 1
        if sparse and len(columns) == 1:
            return Influence(run, columns, sparse)  # nothing but what is kept is ever computed
        return Influence(run, columns, sparse, lambda steps: reached(steps, self.order))

    def __repr__(self) -> str:
        return self._shown(f"order={self.order}", f"k1={self.k1}", f"reduce={self.reduce!r}")


def reached(steps: Sequence[LayerStep], order: int) -> Tensor:
    """Give which units the weights of which units reach within some steps.

    Args:
        steps: A step of all layers, with the weights as they are.
        order: Within how many.

    Returns:
        Truth values, [layers, H, layers, H]: unit of a layer by unit whose weights act.
    """
    L, H = len(steps), steps[0].h.shape[1]
    itself = torch.eye(L * H, dtype=torch.float32, device=steps[0].h.device)
    hearing, fed = itself.new_zeros(2, L, H, L, H)
    for place, step in enumerate(steps):
        hearing[place, :, place] = (step.U != 0).any(0)
        if place:
            fed[place, :, place - 1] = (step.W != 0).any(0)
    hearing, fed = (itself + hearing.view(L * H, -1) > 0).float(), fed.view(L * H, -1)
    upwards = itself
    for _ in range(L - 1):  # from layer to layer, all in one step
        upwards = (itself + fed @ upwards > 0).float()
    reach = upwards
    for _ in range(order - 1):
        further = (upwards @ (hearing @ reach) > 0).float()
        if torch.equal(further, reach):
            break
        reach = further
    return reach.view(L, H, L, H) > 0
