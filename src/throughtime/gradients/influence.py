"""The influence of the weights on the states, dS_t/dtheta, advanced step by step.

One step of layer l, as `one_step` gives its derivative, advances the influence of the weights
theta' of layer l' <= l on its states by (Williams & Zipser 1989, for any cell)

    J_t[l, l'] = (D_t + R_t U) J_{t-1}[l, l'] + (A_t W) J_t[l - 1, l'] + dS_t/dtheta' (explicit)

with the planes D = dS_t/dS_{t-1} at held products, R = dS_t/d(U h), A = dS_t/d(W x), U and W acting
on the first state. The second term is the layer below, l > l' only; the third is there for l = l'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from throughtime.gradients.columns import Columns
from throughtime.gradients.one_step import LayerStep, OneStep

Block = list[Tensor]
"""The influence on each state of a layer, [B, H, columns of all units of a layer]; or, where units
are influenced by their own numbers alone, [B, H, columns of one unit]."""


class Traces(Protocol):
    """What an online method carries along a sequence to tell how the weights have acted."""

    @property
    def size(self) -> int:
        """How many numbers are carried."""
        ...

    def restart(self, rows: Tensor) -> None:
        """Forget all that has acted on some rows, [B]."""
        ...

    def advance(self, steps: Sequence[LayerStep]) -> None:
        """Go on by one step of all layers."""
        ...

    def gradients(self, signal: Tensor) -> list[Tensor]:
        """Give the gradient of a loss at the present step.

        Args:
            signal: Its derivative by the last layer's output, [B, H].

        Returns:
            For each layer, the gradient of each row by the numbers of each unit, [B, H, columns].
        """
        ...


class Influence:
    """The influence of all weights on all states.

    Args:
        run: The network at its start.
        columns: The learned numbers of each layer.
        sparse: Whether of the influence of a layer's weights on its own states only that on the
            unit that they belong to is kept. Where units do not hear each other (a cell without
            U), there is no other.
        within: Gives at each step which units are influenced by which, all others being left out:
            [layers, H, layers, H]. None for no such bound.
    """

    def __init__(
        self,
        run: OneStep,
        columns: Sequence[Columns],
        sparse: bool = False,
        within: Callable[[Sequence[LayerStep]], Tensor] | None = None,
    ) -> None:
        self.columns, self.within = columns, within
        self.sparse = sparse or not run.cell.recurrent_gates
        self.blocks: list[list[Block]] = []
        for upper, states in enumerate(run.states):
            start = columns[upper].start(states[0])  # [K, B, H, columns]
            B, H = states[0].shape
            row = [[s.new_zeros(B, H, H * own.count) for s in states] for own in columns[:upper]]
            row.append([part if self.sparse else _spread(part) for part in start])
            self.blocks.append(row)

    @property
    def size(self) -> int:
        """How many numbers are carried."""
        return sum(part.numel() for row in self.blocks for block in row for part in block)

    def restart(self, rows: Tensor) -> None:
        """Forget all that has acted on some rows, [B]."""
        for row in self.blocks:
            for block in row:
                for part in block:
                    part.masked_fill_(rows.to(part.device)[:, None, None], 0)

    def advance(self, steps: Sequence[LayerStep]) -> None:
        """Go on by one step of all layers."""
        within = None if self.within is None else self.within(steps)
        for upper, (step, columns) in enumerate(zip(steps, self.columns, strict=True)):
            heard = None if self.sparse and not upper else mixed(step.by_recurrent, step.U)
            fed = mixed(step.by_input, step.W) if upper else None
            for lower, before in enumerate(self.blocks[upper]):
                if lower == upper and self.sparse:
                    block = advanced_by_own(before, step)
                else:
                    block = advanced(before, step, heard)
                if lower == upper:
                    _add_direct(block, columns.direct(step), self.sparse)
                elif fed is not None:
                    below = self.blocks[upper - 1][lower][0]
                    own = self.sparse and lower == upper - 1
                    for part, by_below in zip(block, fed, strict=True):
                        _add_fed(part, by_below, below, own)
                if within is not None and not (lower == upper and self.sparse):
                    self._bound(block, within[upper, :, lower], self.columns[lower].count)
                self.blocks[upper][lower] = block

    @staticmethod
    def _bound(block: Block, reached: Tensor, count: int) -> None:
        """Leave out the influence on units that are not reached, [H, H]."""
        if not reached.all():
            for part in block:
                B, H, _ = part.shape
                part.view(B, H, H, count).mul_(reached[:, :, None])

    def gradients(self, signal: Tensor) -> list[Tensor]:
        """Give the gradient of a loss at the present step; see `Traces`."""
        found = []
        for lower, block in enumerate(self.blocks[-1]):
            if self.sparse and lower == len(self.blocks) - 1:
                found.append(signal[:, :, None] * block[0])
            else:
                rows = torch.bmm(signal[:, None, :], block[0])  # [B, 1, H * columns]
                found.append(rows.view(*signal.shape, self.columns[lower].count))
        return found


def mixed(planes: Tensor, weight: Tensor) -> Tensor | None:
    """Give how units hear each other: `sum_g planes_g[i] weight_g[i, m]`.

    Args:
        planes: [K, G, B, H]
        weight: [G, H, M]

    Returns:
        [K, B, H, M]; None where there are no gates.
    """
    if not len(weight):
        return None
    return torch.einsum("kgbi,gim->kbim", planes, weight)


def advanced(before: Block, step: LayerStep, heard: Tensor | None) -> Block:
    """Give `(D + R U) J` for an influence on all units, [B, H, columns of all units] a state."""
    after: Block = []
    for k, by_state in enumerate(step.by_state):
        part = _weighed(before, by_state)
        if heard is not None and heard[k].any():
            part.baddbmm_(heard[k], before[0])
        after.append(part)
    return after


def advanced_by_own(before: Block, step: LayerStep, itself: bool = True) -> Block:
    """Give the diagonal of `(D + R U) J`, each unit having its own columns.

    Args:
        before: [B, H, columns of a unit] a state.
        step: The step.
        itself: Whether a unit hears itself through U; else only D is taken.
    """
    by_state = step.by_state
    if itself and len(step.U):
        own = step.U.diagonal(dim1=1, dim2=2)  # [Gh, H]
        by_state = by_state.clone()
        by_state[:, 0] += (step.by_recurrent * own[:, None, :]).sum(1)
    return [_weighed(before, planes) for planes in by_state]


def _weighed(before: Block, planes: Tensor) -> Tensor:
    """Add up influences on the states before, [B, H, n] each, weighed by planes [K, B, H]."""
    after: Tensor | None = None
    for plane, part in zip(planes, before, strict=True):
        if not plane.any():  # most states hang on few
            continue
        if after is None:
            after = plane[:, :, None] * part
        else:
            after.addcmul_(plane[:, :, None], part)
    return torch.zeros_like(before[0]) if after is None else after


def _spread(own: Tensor) -> Tensor:
    """Give [B, H, n], each unit its own columns, as [B, H, H * n], zero for all other units'."""
    B, H, n = own.shape
    whole = own.new_zeros(B, H, H, n)
    whole.diagonal(dim1=1, dim2=2).copy_(own.movedim(1, -1))
    return whole.view(B, H, H * n)


def _add_direct(block: Block, direct: Tensor, sparse: bool) -> None:
    """Add the explicit derivative, [K, B, H, n]."""
    _, B, H, n = direct.shape
    for part, own in zip(block, direct, strict=True):
        if sparse:
            part += own
        else:
            part.view(B, H, H, n).diagonal(dim1=1, dim2=2).add_(own.movedim(1, -1))


def _add_fed(part: Tensor, by_below: Tensor, below: Tensor, own: bool) -> None:
    """Add what comes from the layer below.

    Args:
        part: [B, H, columns of all units of a lower layer]
        by_below: [B, H, H]
        below: The influence on the outputs below, as `part`; of each unit's own if `own`.
        own: See `below`.
    """
    if own:
        B, H, n = below.shape
        part.view(B, H, H, n).addcmul_(by_below[..., None], below[:, None])
    else:
        part.baddbmm_(by_below, below)
