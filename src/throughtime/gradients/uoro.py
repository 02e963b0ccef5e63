"""Unbiased online recurrent optimisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from throughtime.gradients.columns import Columns
from throughtime.gradients.method import check_keys
from throughtime.gradients.objective import Reduction
from throughtime.gradients.one_step import LayerStep, OneStep
from throughtime.gradients.online import Online
from throughtime.gradients.seed import whole_seed


class UORO(Online):
    """Unbiased online recurrent optimisation (Tallec & Ollivier 2017): a random rank-one `RTRL`.

    Of the influence J_t of all weights on all states, the product of two vectors is carried along,
    whose expectation it is. With random signs nu_t, one a state,

        s_t     = rho_0 dS_t/dS_{t-1} s_{t-1} + rho_1 nu_t
        theta_t = theta_{t-1} / rho_0 + nu_t^T dS_t/dtheta (explicit) / rho_1
        E[s_t theta_t^T] = J_t,    dE_t/dtheta ~ (dE_t/dh_t s_t) theta_t

        rho_0^2 = |theta_{t-1}| / |dS_t/dS_{t-1} s_{t-1}|
        rho_1^2 = |nu_t^T dS_t/dtheta| / |nu_t|

    The factors rho leave the expectation as it is and make the variance least. Each row of the
    batch has signs of its own, so that a batch averages over them. The gradient is right on
    average, at fixed weights, and noisy: the noise grows with the number of units and with how far
    back the influence reaches.

    For each row, memory holds a number for every weight, and a step costs as much as a step of the
    network and its derivative.

    Args:
        seed: Of the signs. They go on from one call to the next: two methods made alike give the
            same gradients in their first call, and the next call draws others.
        k1: Steps between updates; the last update has what is left.
        reduce: "mean" averages the losses of an update over their valid elements, "sum" adds them.

    Raises:
        ValueError: The seed is no whole number; the steps are none from 1; the reduction is
            unknown.

    Example:
        >>> import torch, throughtime as tt
        >>> model = tt.Network("gru", input_size=1, hidden_size=4, output_size=1)
        >>> x, d = torch.zeros(3, 2, 1), torch.ones(3, 2, 1)
        >>> (*_, update) = UORO()(model, x, d, torch.nn.MSELoss(reduction="none"))
        >>> update.info  # numbers that are carried along
        {'carried': 176.0}
    """

    exact = False

    def __init__(self, seed: int = 0, k1: int = 1, reduce: Reduction = "mean") -> None:
        super().__init__(k1, reduce)
        self.seed = whole_seed(seed)
        self.generator = torch.Generator().manual_seed(self.seed)

    def state_dict(self) -> dict[str, Any]:
        """Give where the draws have come to; see `GradientMethod`."""
        return {"draws": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Draw on from there; see `GradientMethod`."""
        check_keys(self, state, ["draws"])
        self.generator.set_state(state["draws"])

    def traces(self, run: OneStep, columns: list[Columns]) -> RankOne:
        """Give the two vectors at the start."""
        return RankOne(run, columns, self.signs)

    def signs(self, like: Tensor) -> Tensor:
        """Draw 1 or -1 with equal probability, for each number of a tensor."""
        drawn = torch.randint(0, 2, like.shape, generator=self.generator)
        return (2 * drawn - 1).to(like)

    def __repr__(self) -> str:
        return self._shown(f"seed={self.seed}", f"k1={self.k1}", f"reduce={self.reduce!r}")


class RankOne:
    """Two vectors for each row whose product is, on average, the influence.

    Args:
        run: The network at its start.
        columns: The learned numbers of each layer.
        signs: Draws a sign for each number of a tensor.

    Attributes:
        by_state: s, for each layer [K, B, H].
        by_weight: theta, for each layer [B, H, columns].
    """

    def __init__(
        self, run: OneStep, columns: Sequence[Columns], signs: Callable[[Tensor], Tensor]
    ) -> None:
        self.columns, self.signs = columns, signs
        self.by_state: list[Tensor] = []
        self.by_weight: list[Tensor] = []
        for own, states in zip(columns, run.states, strict=True):
            nu = signs(torch.stack(states))
            # A start that learns has an influence of one on itself.
            weighed = (nu[..., None] * own.start(states[0])).sum(0)
            self.by_weight.append(weighed)
            self.by_state.append(nu if "start" in own.widths else torch.zeros_like(nu))

    @property
    def size(self) -> int:
        """How many numbers are carried."""
        return sum(part.numel() for part in (*self.by_state, *self.by_weight))

    def restart(self, rows: Tensor) -> None:
        """Forget all that has acted on some rows, [B]."""
        rows = rows.to(self.by_state[0].device)[:, None]
        self.by_state = [part.masked_fill(rows, 0) for part in self.by_state]
        self.by_weight = [part.masked_fill(rows[..., None], 0) for part in self.by_weight]

    def advance(self, steps: Sequence[LayerStep]) -> None:
        """Go on by one step of all layers."""
        nu = [self.signs(part) for part in self.by_state]
        moved = _forwards(steps, self.by_state)
        direct = _direct(steps, self.columns, nu)
        rho_0, inverse_0 = balance(moved, self.by_weight)
        rho_1, inverse_1 = balance(nu, direct)
        self.by_state = [rho_0 * m + rho_1 * sign for m, sign in zip(moved, nu, strict=True)]
        self.by_weight = [
            inverse_0[..., None] * w + inverse_1[..., None] * d
            for w, d in zip(self.by_weight, direct, strict=True)
        ]

    def gradients(self, signal: Tensor) -> list[Tensor]:
        """Estimate the gradient of a loss at the present step; see `Traces`."""
        share = (signal * self.by_state[-1][0]).sum(1)  # [B]
        return [share[:, None, None] * part for part in self.by_weight]


def _forwards(steps: Sequence[LayerStep], vector: Sequence[Tensor]) -> list[Tensor]:
    """Multiply a vector over the states, [K, B, H] a layer, by dS_t/dS_{t-1} from the left."""
    after: list[Tensor] = []
    for step, before in zip(steps, vector, strict=True):
        moved = (step.by_state * before).sum(1)
        moved += (step.by_recurrent * torch.einsum("gim,bm->gbi", step.U, before[0])).sum(1)
        if after:
            moved += (step.by_input * torch.einsum("gim,bm->gbi", step.W, after[-1][0])).sum(1)
        after.append(moved)
    return after


def _direct(
    steps: Sequence[LayerStep], columns: Sequence[Columns], vector: Sequence[Tensor]
) -> list[Tensor]:
    """Multiply a vector over the new states, [K, B, H] a layer, by dS_t/dtheta from the right.

    Returns:
        For each layer [B, H, columns].
    """
    found: list[Tensor] = []
    heard: Tensor | float = 0.0  # by the layer above, in the same step
    for step, own, part in zip(reversed(steps), reversed(columns), reversed(vector), strict=True):
        part = torch.cat([part[:1] + heard, part[1:]])[:, None]  # [K, 1, B, H]
        weighed = replace(
            step,
            by_state=step.by_state[:1],
            by_input=(part * step.by_input).sum(0, keepdim=True),
            by_recurrent=(part * step.by_recurrent).sum(0, keepdim=True),
            by_unit=(part * step.by_unit).sum(0, keepdim=True),
        )
        found.insert(0, own.direct(weighed)[0])
        heard = torch.einsum("gbi,gim->bm", weighed.by_input[0], step.W)
    return found


def balance(by_state: Sequence[Tensor], by_weight: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Give factors that make two vectors equally long and leave their product as it is.

    Args:
        by_state: For each layer [K, B, H].
        by_weight: For each layer [B, H, columns].

    Returns:
        A factor and its inverse for each row, [B, 1]; both are zero where the product is.
    """
    a = torch.stack([part.square().sum((0, 2)) for part in by_state]).sum(0).sqrt()  # [B]
    b = torch.stack([part.square().sum((1, 2)) for part in by_weight]).sum(0).sqrt()
    none = (a == 0) | (b == 0)
    factors = ((b / a).sqrt(), (a / b).sqrt())
    first, second = (torch.where(none, 0.0, factor)[:, None] for factor in factors)
    return first, second
