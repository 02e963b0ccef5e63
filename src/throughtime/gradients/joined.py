"""A chain whose windows are rolled back in one call of the engine for each layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.engine import Passed, joinable, recorded, roll_back_joined
from throughtime.gradients.chain import Chain, Passing, Piece
from throughtime.nn import Network, Recurrent
from throughtime.nn.as_torch import OnOurEngines


@dataclass
class JoinedPiece(Piece):
    """A piece whose layers were run without autograd.

    Attributes:
        passed: What its layers did, from the input up.
        h: The last layer's outputs, a leaf, [steps, B, H].
    """

    passed: Sequence[Passed] = ()
    h: Tensor | None = None


class JoinedChain(Chain):
    """A chain of a network of this package's, for windows of many short pieces.

    As in any chain, a step is run forward once and differentiated at the weights that it was
    computed with. But the layers of a window are rolled back together, not piece by piece: an
    update after every step would else go through as many calls as the window has steps.
    """

    def _piece(self, end: int, recorded_: bool) -> Piece:
        steps = range(self.at, end)
        network = self.model if isinstance(self.model, Network) else None
        layers: Any = self.model if network is None else network.recurrent
        with torch.no_grad(), recorded() as passed:
            h, after = layers(self.inputs[steps.start : steps.stop], self.state)
        h = h.detach().requires_grad_(recorded_)
        with torch.set_grad_enabled(recorded_):
            outputs = h if network is None else network.read(h)
        self.at, self.state = end, after
        return JoinedPiece(steps, [], None, outputs, [], passed, h)

    def back(
        self,
        pieces: Sequence[Piece],
        d_outputs: Sequence[Tensor | None],
        keep: Callable[[Piece], bool] = lambda piece: False,
        passing: Passing | None = None,
        flowing: Sequence[Tensor | None] | None = None,
    ) -> list[Tensor | None]:
        """Add the gradient of losses to `.grad`; see `Chain.back`."""
        assert passing is None, "what flows between pieces is not to be had"
        assert flowing is None
        joined = [piece for piece in pieces if isinstance(piece, JoinedPiece)]
        latest = joined[-1].h
        assert latest is not None
        first = pieces[0].steps.start
        through = latest.new_zeros(pieces[-1].steps.stop - first, *latest.shape[1:])
        for piece, d_output in zip(joined, d_outputs, strict=True):
            if d_output is None:
                continue
            assert piece.h is not None
            if piece.outputs is not piece.h:
                piece.outputs.backward(d_output)  # type: ignore[no-untyped-call]
                d_output, piece.h.grad = piece.h.grad, None
                assert d_output is not None
            through[piece.steps.start - first : piece.steps.stop - first] = d_output
        for layer in reversed(range(len(joined[0].passed))):
            calls = [piece.passed[layer] for piece in joined]
            weights = calls[-1].recurrence.weights
            by_state = joined[0].steps.start == 0 and any(s.requires_grad for s in self.start)
            matrices = (weights.W, weights.U, weights.b, weights.c)
            needed = [
                layer > 0,
                *(matrix is not None and matrix.requires_grad for matrix in matrices),
                False,
                *(by_state for _ in calls[0].recurrence.state),
            ]
            d_x, *found = roll_back_joined(calls, through, needed)
            pairs = [
                (matrix, gradient)
                for matrix, gradient in zip(matrices, found[:4], strict=True)
                if gradient is not None
            ]
            if pairs:
                leaves, gradients = zip(*pairs, strict=True)
                torch.autograd.backward(leaves, gradients)
            for tensor, gradient in zip(self.start, found[5:], strict=False):
                if gradient is not None and tensor.requires_grad:
                    whole = torch.zeros_like(tensor)
                    whole[layer] = gradient
                    tensor.backward(whole)  # type: ignore[no-untyped-call]
            if d_x is not None:
                through = d_x
        return []


def chain_of_short_pieces(chain: Chain) -> Chain:
    """Give a chain that joins what it looks back on, where the network can; else the one given."""
    model: Any = chain.model
    layers = model.recurrent if isinstance(model, Network) else model
    plain = (
        isinstance(layers, Recurrent | OnOurEngines)
        and not layers.batch_first
        and chain.lengths is None
        and not chain.resets
        and not (layers.dropout and layers.training)
        and not _hooked(model)
        and all(weight.is_leaf for _, weight in _weights(layers))
    )
    if not plain:
        return chain
    with torch.no_grad(), recorded() as passed:  # a look at what would run
        layers(chain.inputs[:1], chain.state)
    if not joinable(passed):
        return chain
    return JoinedChain(model, chain.inputs, chain.targets, chain.loss, chain.state)


def _hooked(model: nn.Module) -> bool:
    return any(
        module._forward_hooks or module._forward_pre_hooks or module._backward_hooks
        for module in model.modules()
    )


def _weights(layers: Any) -> list[tuple[str, Tensor]]:
    given = [layers.weights(layer) for layer in range(layers.num_layers)]
    return [
        (name, tensor)
        for weights in given
        for name in ("W", "U", "b", "c")
        if (tensor := getattr(weights, name)) is not None
    ]
