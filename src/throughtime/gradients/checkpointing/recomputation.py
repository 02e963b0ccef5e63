"""A network run over a sequence by a plan of actions: forward, forward again, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from throughtime.gradients.chain import Chain
from throughtime.gradients.checkpointing.randomness import RandomState
from throughtime.gradients.checkpointing.schedule import Action
from throughtime.gradients.objective import Reduction, Tally, check_slope
from throughtime.gradients.piece import Passing, Piece
from throughtime.gradients.state import mapped


@dataclass
class _Stored:
    """Where the network stood: the step, what it carries, the state of random numbers."""

    at: int
    state: Any
    random: RandomState


@dataclass
class _Recorded:
    """A segment with its graph, and the sum of its losses with theirs."""

    pieces: list[Piece]
    outputs: list[Tensor]
    total: Tensor


class Recomputation:
    """A network on its way through a sequence, forward and back.

    Every run of a segment makes the same calls on the same steps and starts from the same random
    numbers, so that what is dropped in one is dropped in all.

    Args:
        chain: At its start.
        segment: Steps of a segment.
        each: Steps of a call at most; None for no bound.
        reduce: How losses become one.
        passing: Changes what flows back out of a piece.

    Attributes:
        forward_steps: How many have been run.
        loss: Of the whole sequence, once anything has been differentiated.
    """

    def __init__(
        self,
        chain: Chain,
        segment: int,
        each: int | None,
        reduce: Reduction,
        passing: Passing | None = None,
    ) -> None:
        self.chain, self.segment, self.each = chain, segment, each
        self.reduce, self.passing = reduce, passing
        self.forward_steps, self.loss = 0, 0.0
        self._tally, self._seen = Tally(), 0  # the losses of the segments before this step
        self._stored = [_Stored(chain.at, chain.state, RandomState.now(chain.inputs.device))]
        self._recorded: list[_Recorded] = []
        self._flowing: Sequence[Tensor | None] | None = None
        self._end: _Stored | None = None

    def follow(self, plan: Iterable[Action]) -> None:
        """Do what a plan says; the chain stands at the end of the sequence afterwards.

        Raises:
            ValueError: Shapes do not fit, or the loss is reduced already.
            FloatingPointError: The loss is not finite, and no gradient has been touched; or what
                flows back is NaN.
        """
        for action in plan:
            match action.kind:
                case "advance":
                    for segment in range(action.first, action.stop):
                        self._run(segment, recorded=False)
                case "record":
                    self._run(action.first, recorded=True)
                case "store":
                    self._stored.append(self._here())
                case "drop":
                    self._stored.pop()
                case "return":
                    if self.chain.at != self._stored[-1].at:
                        self._go(self._stored[-1])
                case "back":
                    self._back()
        self.chain.settle()
        if self._end is not None:
            self._go(self._end)

    def _run(self, segment: int, recorded: bool) -> None:
        chain, first = self.chain, segment * self.segment
        assert chain.at == first, f"segment {segment} is run from step {chain.at}"
        pieces = chain.run(first + self.segment, recorded, self.each)
        self.forward_steps += chain.at - first
        fresh = chain.at > self._seen
        self._seen = max(self._seen, chain.at)
        if recorded or fresh:
            tally = self._tally if fresh else Tally()
            with torch.set_grad_enabled(recorded):
                outputs, losses, lengths = chain.compared(pieces)
                total = tally.add(losses, lengths, first)
            if recorded:
                self._recorded.append(_Recorded(pieces, outputs, total))

    def _back(self) -> None:
        recorded = self._recorded.pop()
        if self._end is None:  # nothing has been differentiated yet
            self._end = self._here()
            self._tally.check(recorded.total.dtype)
            self.loss = self._tally.total / self._tally.divisor(self.reduce)
        if recorded.total.requires_grad:
            weight = 1 / self._tally.divisor(self.reduce)
            recorded.total.backward(torch.full_like(recorded.total, weight))  # type: ignore[no-untyped-call]
        d_outputs = [outputs.grad for outputs in recorded.outputs]
        for piece, gradient in zip(recorded.pieces, d_outputs, strict=True):
            check_slope(gradient, piece.steps.start)
        self._flowing = self.chain.back(
            recorded.pieces, d_outputs, passing=self.passing, flowing=self._flowing
        )

    def _here(self) -> _Stored:
        random = RandomState.now(self.chain.inputs.device)
        if random.same(self._stored[-1].random):
            random = self._stored[-1].random  # 5 kB that many states share if nothing is drawn
        return _Stored(self.chain.at, mapped(_alone, self.chain.state), random)

    def _go(self, stored: _Stored) -> None:
        self.chain.at, self.chain.state = stored.at, stored.state
        stored.random.restore()


def _alone(tensor: Tensor) -> Tensor:
    """Give a tensor that keeps no more memory than its own: a view keeps all that it is of."""
    whole = tensor.untyped_storage().nbytes()
    return tensor.clone() if whole > tensor.numel() * tensor.element_size() else tensor
