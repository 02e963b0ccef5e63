"""Eligibility traces: what of the influence a unit can know by itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from throughtime.gradients.columns import Columns
from throughtime.gradients.influence import Block, advanced_by_own
from throughtime.gradients.one_step import LayerStep, OneStep


class Eligibility:
    """The influence of each unit's weights on its own states, passed on by these states alone.

        e_t = D_t e_{t-1} + dS_t/dtheta (explicit),    D_t = dS_t/dS_{t-1} at held products U h

    What a unit says to others, and to itself through U, is no part of it.

    Args:
        run: The network at its start.
        columns: The learned numbers of each layer.
    """

    def __init__(self, run: OneStep, columns: Sequence[Columns]) -> None:
        self.columns = columns
        starts = [own.start(states[0]) for own, states in zip(columns, run.states, strict=True)]
        self.blocks: list[Block] = [list(start.unbind(0)) for start in starts]
        self.steps: Sequence[LayerStep] = ()

    @property
    def size(self) -> int:
        """How many numbers are carried."""
        return sum(part.numel() for block in self.blocks for part in block)

    def restart(self, rows: Tensor) -> None:
        """Forget all that has acted on some rows, [B]."""
        for block in self.blocks:
            for part in block:
                part.masked_fill_(rows.to(part.device)[:, None, None], 0)

    def advance(self, steps: Sequence[LayerStep]) -> None:
        """Go on by one step of all layers."""
        for place, (step, own) in enumerate(zip(steps, self.columns, strict=True)):
            carried = advanced_by_own(self.blocks[place], step, itself=False)
            self.blocks[place] = [
                part + direct for part, direct in zip(carried, own.direct(step), strict=True)
            ]
        self.steps = steps

    def gradients(self, signal: Tensor) -> list[Tensor]:
        """Weigh the traces by a learning signal, led down through the layers; see `Traces`."""
        found: list[Tensor] = []
        for block, step in zip(reversed(self.blocks), reversed(self.steps), strict=True):
            found.insert(0, signal[:, :, None] * block[0])
            signal = torch.einsum("gbi,gim->bm", step.by_input[0] * signal, step.W)
        return found
