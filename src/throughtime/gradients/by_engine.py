"""Pieces of networks of this package, run without autograd and rolled back by the engine itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.engine import HeldWeights, Passed, joinable, recorded, roll_back_joined
from throughtime.gradients.chain import Chain
from throughtime.gradients.piece import Piece
from throughtime.gradients.state import carried
from throughtime.nn import Network, Recurrent
from throughtime.nn.as_torch import OnOurEngines


@dataclass
class EnginePiece(Piece):
    """A piece whose layers were run without autograd.

    Attributes:
        passed: What its layers did, from the input up.
        h: The last layer's outputs, a leaf, [steps, B, H].
        wanted: Whether dE/dS by what is carried in is to be had from `back`.
    """

    passed: Sequence[Passed]
    h: Tensor
    wanted: bool

    def back(
        self, d_outputs: Tensor | None, d_after: Sequence[Tensor | None], keep: bool
    ) -> list[Tensor | None]:
        """Roll the piece back by itself; see `Piece.back`."""
        found, gradients = roll_back([self], self.through_readout(d_outputs), d_after, self.wanted)
        for leaf, gradient in gradients:
            add_to_leaf(leaf, gradient)
        return self.handed_on(found) if self.wanted else [None] * len(self.before)

    def through_readout(self, d_outputs: Tensor | None) -> Tensor | None:
        """Give dE/dh from dE/dY, [steps, B, H]; the readout's part of the gradient is added."""
        if d_outputs is None or self.outputs is self.h:
            return d_outputs
        self.outputs.backward(d_outputs)  # type: ignore[no-untyped-call]
        d_h, self.h.grad = self.h.grad, None
        return d_h

    def kept(self) -> list[Tensor]:
        """Give what is kept for the way back beside what autograd keeps."""
        found = [self.h, *self.before]
        for one in self.passed:
            found += [one.x] if one.tape is None else [one.x, one.tape]
        return found


class EngineChain(Chain):
    """A chain of such pieces.

    Attributes:
        held: The layers' weights if all pieces share them; None where each has its own.
    """

    held: list[HeldWeights] | None = None

    def _piece(self, end: int, recorded_: bool) -> Piece:
        steps, network = range(self.at, end), self.model
        self.state, reset = self.begun()
        before = carried(self.state)
        passed, h = self.run_layers(end, recorded_)
        h = h.detach().requires_grad_(recorded_)
        with torch.set_grad_enabled(recorded_):
            outputs = network.read(h) if isinstance(network, Network) else h
        wanted = steps.start > 0 or any(tensor.requires_grad for tensor in before)
        return EnginePiece(steps, before, reset, outputs, carried(self.state), passed, h, wanted)

    def run_layers(self, end: int, taped: bool, every: int = 0) -> tuple[list[Passed], Tensor]:
        """Run the layers on to a step.

        Args:
            end: The step, exclusive.
            taped: Whether tapes are kept.
            every: After how many steps states are stored; 0 for never.

        Returns:
            What each layer did, and the last one's outputs, [steps, B, H].
        """
        model: Any = self.model
        layers = model.recurrent if isinstance(model, Network) else model
        inputs = self.inputs[self.at : end]
        with torch.no_grad(), recorded(taped, self.held, every) as passed:
            if self.at == 0 or self.lengths is not None:
                steps = range(self.at, end)
                arguments = {} if self.lengths is None else {"lengths": self.lengths_of(steps)}
                h, self.state = layers(inputs, self.state, **arguments)
            else:  # what the layer would look at again is as it was
                before = tuple(carried(self.state))
                h, after = layers.stack(layers.training).run(inputs, before)
                self.state = after if len(after) > 1 else after[0]
        self.at = end
        return passed, h


def roll_back(
    pieces: Sequence[EnginePiece],
    d_h: Tensor | None,
    d_after: Sequence[Tensor | None],
    wanted: bool,
) -> tuple[list[Tensor | None], list[tuple[Tensor, Tensor]]]:
    """Roll the layers of pieces that follow each other back, each layer in one call.

    Args:
        pieces: One after the other.
        d_h: dE/dh by the last layer's outputs at the last steps, [steps, B, H]; None for zeros.
        d_after: dE/dS by what the last piece carries out; None for zeros.
        wanted: Whether dE/dS by what the first piece was given is to be had.

    Returns:
        That, by state, [layers, B, H] each; and the weights with their derivatives, unless these
        are held.
    """
    by_layer: list[list[Tensor | None]] = []
    gradients: list[tuple[Tensor, Tensor]] = []
    for layer in reversed(range(len(pieces[0].passed))):
        calls = [piece.passed[layer] for piece in pieces]
        weights = calls[-1].recurrence.weights
        matrices = (weights.W, weights.U, weights.b, weights.c)
        alone = calls[0].held is None
        needed = [
            layer > 0,
            *(alone and matrix is not None and matrix.requires_grad for matrix in matrices),
            False,
            *(wanted for _ in d_after),
            *(False for _ in weights.units),
        ]
        d_final = [None if d_state is None else d_state[layer] for d_state in d_after]
        d_h, *found = roll_back_joined(calls, d_h, d_final, needed)
        gradients += [
            (matrix, gradient)
            for matrix, gradient in zip(matrices, found, strict=False)
            if matrix is not None and gradient is not None
        ]
        by_layer.insert(0, found[5 : 5 + len(d_after)])
    if not wanted:
        return [], gradients
    return [torch.stack(list(of_all)) for of_all in zip(*by_layer, strict=True)], gradients


def add_to_leaf(leaf: Tensor, gradient: Tensor) -> None:
    """Add a gradient that nobody else holds to that of a leaf, as autograd does."""
    if leaf._backward_hooks or leaf._post_accumulate_grad_hooks:
        leaf.backward(gradient)  # type: ignore[no-untyped-call]
    elif leaf.grad is None:
        leaf.grad = gradient
    else:
        leaf.grad.add_(gradient)


def runs_by_engine(chain: Chain, held: bool) -> bool:
    """Whether the engine can run the pieces of a chain and roll them back itself.

    Args:
        chain: At its start.
        held: Whether its weights stay as they are.
    """
    model: Any = chain.model
    layers = model.recurrent if isinstance(model, Network) else model
    plain = (
        isinstance(layers, Recurrent | OnOurEngines)
        and type(layers).forward in (Recurrent.forward, OnOurEngines.forward)
        and (model is layers or type(model).forward is Network.forward)
        and not layers.batch_first
        and (chain.lengths is None or isinstance(layers, Recurrent))
        and not (layers.training and (layers.dropout or getattr(layers, "weight_dropout", 0.0)))
        and not (model.training and getattr(model, "readout_dropout", 0.0))
        and not _hooked(model)
        and all(weight.is_leaf for weight in _weights(layers))
    )
    if not plain or chain.inputs.requires_grad:
        return False
    with torch.no_grad(), recorded() as passed:  # a look at what would run
        layers(chain.inputs[:1], chain.state)
    return joinable(passed, held)


def _hooked(model: nn.Module) -> bool:
    return any(
        module._forward_hooks or module._forward_pre_hooks or module._backward_hooks
        for module in model.modules()
    )


def _weights(layers: Any) -> list[Tensor]:
    given = [layers.weights(layer) for layer in range(layers.num_layers)]
    return [
        tensor
        for weights in given
        for tensor in (weights.W, weights.U, weights.b, weights.c, *weights.units)
        if tensor is not None
    ]
