"""A network run over a sequence piece by piece, each piece a graph of its own that may be kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.gradients.form import causal, check_module, forward
from throughtime.gradients.method import Loss, check_sequences
from throughtime.gradients.objective import (
    Reduction,
    Tally,
    check_shapes,
    check_slope,
    elementwise,
)
from throughtime.gradients.piece import Passing, Piece
from throughtime.gradients.state import anew, beside, carried, cut, layers_first, mapped


class Chain:
    """A network on its way through a sequence.

    Args:
        model: `(inputs, state) -> (outputs, state)`.
        inputs: [T, B, ...]
        targets: [T, B, ...]
        loss: Elementwise.
        state: What the network carries before the first step.
        lengths: Valid steps of each row, [B].
        reset: Rows that start anew before a step, [T, B].
        on_copies: Whether pieces outlive a step of the optimiser: each is then run on copies of the
            weights, and differentiated at these.

    Raises:
        TypeError: The model is no module.
        ValueError: Shapes do not fit.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Tensor,
        targets: Tensor,
        loss: Loss,
        state: Any = None,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
        on_copies: bool = False,
    ) -> None:
        check_module(model)
        self.model, self.inputs, self.targets, self.loss = model, inputs, targets, loss
        self.lengths = check_sequences(inputs, targets, lengths)
        self.reset, self.resets = reset, rows_anew(reset, inputs)
        if self.resets:
            causal(model, "starting rows anew")
        self.on_copies = on_copies
        self.layered = layers_first(model)
        self.state = cut(state)
        self.start = carried(self.state)  # leaves among them receive a gradient
        self.at = 0
        # Beyond the longest row there is nothing to learn from.
        self.T = len(inputs) if self.lengths is None else int(self.lengths.max())

    def beginning(self, steps: int, state: Any) -> Chain:
        """Give the first steps of the sequence from some state, no row of which starts anew."""
        first = copy(self)
        first.inputs, first.targets = self.inputs[:steps], self.targets[:steps]
        first.lengths = None if self.lengths is None else self.lengths.clamp(max=steps)
        first.reset, first.resets = None, {}
        first.state = cut(state)
        first.start, first.at, first.T = carried(first.state), 0, min(steps, self.T)
        return first

    def run(self, stop: int, recorded: bool = True, each: int | None = None) -> list[Piece]:
        """Run on to a step, in pieces that end where rows start anew.

        Args:
            stop: Where to stop, exclusive; the end of the longest row at most.
            recorded: Whether the pieces are to be differentiated.
            each: Steps of a piece at most; None for no bound.
        """
        stop = min(stop, self.T)
        pieces = []
        while self.at < stop:
            end = next((t for t in self.resets if self.at < t < stop), stop)
            if each is not None:
                end = min(end, self.at + each)
            pieces.append(self._piece(end, recorded))
        return pieces

    def _piece(self, end: int, recorded: bool) -> Piece:
        steps = range(self.at, end)
        state, reset = self.begun()
        before: list[Tensor] = []

        def leaf(tensor: Tensor) -> Tensor:
            if not (tensor.is_floating_point() or tensor.is_complex()):
                return tensor
            # What the caller carries in is followed only where it asks for a gradient.
            wanted = recorded and (steps.start > 0 or tensor.requires_grad)
            before.append(tensor.detach().requires_grad_(wanted))
            return before[-1]

        state = mapped(leaf, state)
        with torch.set_grad_enabled(recorded):
            copies = None
            if self.on_copies and recorded:
                copies = {name: weight.clone() for name, weight in self.model.named_parameters()}
            inputs = self.inputs[steps.start : steps.stop]
            outputs, after = forward(self.model, inputs, state, self.lengths_of(steps), copies)
        self.at, self.state = end, mapped(torch.Tensor.detach, after)
        return Piece(steps, before, reset, outputs, carried(after))

    def begun(self) -> tuple[Any, list[Tensor] | None]:
        """Give the state with the rows started anew that are to be before the next step.

        Returns:
            Also, for each of its tensors that a gradient can flow through, which rows these are, as
            truth values beside it; None for none.

        Raises:
            ValueError: The rows of a tensor cannot be told.
        """
        rows = self.resets.get(self.at)
        if rows is None:
            return self.state, None
        state = anew(self.state, rows, self.layered)
        return state, [beside(rows, tensor, self.layered) for tensor in carried(state)]

    def valid(self) -> int:
        """Count the valid steps of all rows."""
        T, B = self.inputs.shape[:2]
        return T * B if self.lengths is None else int(self.lengths.sum())

    def lengths_of(self, steps: range) -> Tensor | None:
        """Give how many of some steps are valid in each row, [B]; None where all are."""
        if self.lengths is None:
            return None
        return (self.lengths - steps.start).clamp(0, len(steps))

    def losses(
        self, pieces: Sequence[Piece], reduce: Reduction, over: float | None = None
    ) -> tuple[float, list[Tensor | None]]:
        """Give the loss of some pieces, and its derivative by the outputs of each.

        Args:
            pieces: One after the other.
            reduce: "mean" or "sum".
            over: How many steps of rows a mean is over, if not all valid ones of the pieces.

        Raises:
            ValueError: Shapes do not fit, or the loss is reduced already.
            FloatingPointError: The loss is not finite.
        """
        with torch.enable_grad():
            leaves, losses, lengths = self.compared(pieces)
            tally = Tally()
            total = tally.add(losses, lengths, pieces[0].steps.start)
            tally.check(losses.dtype)
            elements = None if over is None else over * losses[0, 0].numel()
            divisor = tally.divisor(reduce, elements)
            if total.requires_grad:
                total.backward(torch.full_like(total, 1 / divisor))  # type: ignore[no-untyped-call]
        for piece, leaf in zip(pieces, leaves, strict=True):
            check_slope(leaf.grad, piece.steps.start)
        return tally.total / divisor, [leaf.grad for leaf in leaves]

    def compared(self, pieces: Sequence[Piece]) -> tuple[list[Tensor], Tensor, Tensor | None]:
        """Compare the outputs of some pieces with the targets.

        Returns:
            The outputs of each, cut from what made them; the losses, [steps, B, ...]; and how many
            of the steps are valid in each row, [B], or None for all.

        Raises:
            ValueError: Shapes do not fit, or the loss is reduced already.
        """
        steps = range(pieces[0].steps.start, pieces[-1].steps.stop)
        if steps.start == 0:  # of the whole sequence, as the caller knows it
            check_shapes((len(self.inputs), *pieces[0].outputs.shape[1:]), self.targets.shape)
        leaves = [
            piece.outputs.detach().requires_grad_(piece.outputs.requires_grad) for piece in pieces
        ]
        targets, lengths = self.targets[steps.start : steps.stop], self.lengths_of(steps)
        outputs = torch.cat(leaves) if len(leaves) > 1 else leaves[0]
        return leaves, elementwise(self.loss, outputs, targets, lengths), lengths

    def back(
        self,
        pieces: Sequence[Piece],
        d_outputs: Sequence[Tensor | None],
        keep: Callable[[Piece], bool] = lambda piece: False,
        passing: Passing | None = None,
        flowing: Sequence[Tensor | None] | None = None,
    ) -> list[Tensor | None]:
        """Add the gradient of losses to `.grad`, from the last of some pieces to the first.

        Args:
            pieces: One after the other.
            d_outputs: dE/dY of each.
            keep: Which of them will be differentiated again.
            passing: Changes what flows back out of a piece.
            flowing: dE/dS by what the last piece carries out; None for nothing.

        Returns:
            dE/dS by what the first piece was given.

        Raises:
            FloatingPointError: What flows back is NaN.
        """
        if flowing is None:
            flowing = [None] * len(pieces[-1].after)
        for piece, d_output in zip(reversed(pieces), reversed(d_outputs), strict=True):
            if len(piece.after) != len(flowing):
                raise ValueError(
                    f"the model carries {len(piece.after)} tensors out of steps {piece.steps} and "
                    f"takes {len(flowing)} into the next ones"
                )
            flowing = piece.back(d_output, flowing, keep(piece))
            if passing is not None:
                flowing = passing(flowing, piece)
        if pieces[0].steps.start == 0:
            self.to_start(flowing)
        return list(flowing)

    def to_start(self, flowing: Sequence[Tensor | None]) -> None:
        """Add dE/dS by what the network was started with to the gradients of a learned start."""
        for tensor, gradient in zip(self.start, flowing, strict=False):
            if gradient is not None and tensor.requires_grad:
                tensor.backward(gradient)  # type: ignore[no-untyped-call]

    def settle(self) -> None:
        """Add to `.grad` what a chain holds back until it has been differentiated as a whole."""


def rows_anew(reset: Tensor | Sequence[Sequence[bool]] | None, inputs: Tensor) -> dict[int, Tensor]:
    """Give the rows that start anew, [B], by step.

    Raises:
        ValueError: They are not given as truth values [T, B].
    """
    if reset is None:
        return {}
    reset = torch.as_tensor(reset)
    if reset.dtype != torch.bool or reset.shape != inputs.shape[:2]:
        raise ValueError(
            f"reset must be a truth value for each step and row, {list(inputs.shape[:2])}; got "
            f"{list(reset.shape)}, {reset.dtype}"
        )
    return {t: reset[t] for t in reset.any(1).nonzero()[:, 0].tolist()}
