"""A chain whose windows are rolled back in one call of the engine for each layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from throughtime.gradients.by_engine import (
    EngineChain,
    EnginePiece,
    add_to_leaf,
    roll_back,
    runs_by_engine,
)
from throughtime.gradients.chain import Chain
from throughtime.gradients.piece import Passing, Piece


class JoinedChain(EngineChain):
    """A chain of a network of this package's, for windows of many short pieces.

    As in any chain, a step is run forward once and differentiated at the weights that it was
    computed with. But the layers of a window are rolled back together, not piece by piece: an
    update after every step would else go through as many calls as the window has steps.
    """

    def back(
        self,
        pieces: Sequence[Piece],
        d_outputs: Sequence[Tensor | None],
        keep: Callable[[Piece], bool] = lambda piece: False,
        passing: Passing | None = None,
        flowing: Sequence[Tensor | None] | None = None,
    ) -> list[Tensor | None]:
        """Add the gradient of losses to `.grad`; see `Chain.back`.

        Returns:
            dE/dS by what the first piece was given if that is the learned start, else nothing.
        """
        assert passing is None, "what flows between pieces is not to be had"
        joined = [piece for piece in pieces if isinstance(piece, EnginePiece)]
        first = joined[0]
        if flowing is None:
            flowing = [None] * len(first.after)
        d_h = [
            piece.through_readout(d_output)
            for piece, d_output in zip(joined, d_outputs, strict=True)
        ]
        wanted = first.wanted and first.steps.start == 0
        found, gradients = roll_back(joined, _from_the_first(joined, d_h), flowing, wanted)
        for leaf, gradient in gradients:
            add_to_leaf(leaf, gradient)
        if not wanted:
            return []
        found = first.handed_on(found)
        self.to_start(found)
        return found


def chain_of_short_pieces(chain: Chain) -> Chain:
    """Give a chain that joins what it looks back on, where the network can; else the one given."""
    if chain.lengths is not None or chain.resets or not runs_by_engine(chain, held=False):
        return chain
    return JoinedChain(chain.model, chain.inputs, chain.targets, chain.loss, chain.state)


def _from_the_first(pieces: Sequence[EnginePiece], d_h: Sequence[Tensor | None]) -> Tensor | None:
    """Give dE/dh, [steps, B, H], from the first piece on that has any; None if none has."""
    given = [number for number, one in enumerate(d_h) if one is not None]
    if not given:
        return None
    parts = [
        torch.zeros_like(piece.h) if one is None else one
        for piece, one in zip(pieces[given[0] :], d_h[given[0] :], strict=True)
    ]
    return parts[0] if len(parts) == 1 else torch.cat(parts)
