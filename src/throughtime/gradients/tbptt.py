"""Truncated backpropagation through time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from throughtime.gradients.chain import Chain
from throughtime.gradients.clipping import Clipping
from throughtime.gradients.form import causal
from throughtime.gradients.joined import chain_of_short_pieces
from throughtime.gradients.method import Loss, Update
from throughtime.gradients.objective import Reduction
from throughtime.gradients.piece import Piece
from throughtime.gradients.through_time import ThroughTime


class TBPTT(ThroughTime):
    """Truncated backpropagation through time (Williams & Peng 1990; Sutskever 2013).

    After every `k1` steps there is an update, for the losses of these steps. Their gradient flows
    back through these steps and the `k2 - k1` before them, and no further. Inside this window it is
    the exact sum of `dE_s/dS_s . dS_s/dS_t . dS_t/dW` over the losses s and the steps t, each step
    differentiated at the weights that it was computed with, although the optimiser steps in
    between. Each step is run forward once. Memory holds the window, however long the sequence is.

    With `k1 > k2` only the last `k2` steps before each update are differentiated, as Sutskever has
    it: nothing is learned from the losses of the others, and the update's loss is without them.

    Where windows are longer than the sequence nothing is truncated, and a warning says so, once for
    each object; likewise where a window would reach beyond a sequence whose state was carried in.

    Args:
        k1: Steps between updates; the last update, and its window, have what is left.
        k2: Steps looked back; `k1` if left out, which cuts the sequence into chunks.
        reduce: "mean" averages the losses of an update over their valid elements, "sum" adds them.
        clip: See `ThroughTime`.

    Raises:
        ValueError: A window is no whole number from 1; the reduction is unknown.

    Example:
        >>> import torch, throughtime as tt
        >>> model = tt.Network("gru", input_size=1, hidden_size=4, output_size=1)
        >>> x, d = torch.zeros(10, 2, 1), torch.ones(10, 2, 1)
        >>> loss = torch.nn.MSELoss(reduction="none")
        >>> [update.steps for update in TBPTT(4, 8)(model, x, d, loss)]
        [range(0, 4), range(4, 8), range(8, 10)]
    """

    def __init__(
        self,
        k1: int = 20,
        k2: int | None = None,
        reduce: Reduction = "mean",
        clip: Clipping | None = None,
    ) -> None:
        super().__init__(reduce, clip)
        self.k1 = steps("k1", k1)
        self.k2 = self.k1 if k2 is None else steps("k2", k2)
        self._said, self._longest = False, 0  # warned already; the most steps given in a call

    def __call__(
        self,
        model: nn.Module,
        inputs: Tensor,
        targets: Tensor,
        loss: Loss,
        state: Any = None,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
    ) -> Iterator[Update]:
        """Yield after every `k1` steps; see `GradientMethod`.

        `Update.info` has "window", the steps looked back on.

        Raises:
            ValueError: As for `GradientMethod`; or the model is bidirectional: what it carries back
                from later steps cannot be cut into windows.
        """
        causal(model, repr(self))
        more = max(self.k2 - self.k1, 0)  # steps looked back on before an update's own
        chain = Chain(model, inputs, targets, loss, state, lengths, reset, on_copies=more > 0)
        if more and not self.step_by_step:
            chain = chain_of_short_pieces(chain)
        T, each = chain.T, 1 if self.step_by_step else None
        self._say_if_longer(T, state is not None or reset is not None)
        window: list[Piece] = []
        while chain.at < T:
            begin, end = chain.at, min(chain.at + self.k1, T)
            # Pieces end where the windows of later updates begin, and where this one's does.
            stops = [t for t in range(begin + 1, end) if more and (t + more) % self.k1 == 0]
            if self.k1 > self.k2 and end - self.k2 > begin:
                chain.run(end - self.k2, recorded=False)
            fresh = [piece for stop in (*stops, end) for piece in chain.run(stop, each=each)]
            window = [piece for piece in window if piece.steps.start >= begin - more] + fresh

            def again(piece: Piece, end: int = end) -> bool:
                return end < T and piece.steps.start >= end - more

            loss_now, limited = self.differentiate(chain, window, len(fresh), again)
            info = {"window": float(end - window[0].steps.start)}
            yield self.complete(chain, begin, loss_now, limited, info)

    def _say_if_longer(self, T: int, carried: bool) -> None:
        """Warn, once for each method made, where windows are longer than what there is."""
        another = 0 < self._longest <= T  # chunk: not the only one, nor a last one that is shorter
        self._longest = max(self._longest, T)
        if self._said:
            return
        what = ""
        # Carried on, a chunk as long as the window is as it should be.
        longer = another and self.k2 > T if carried else True
        if carried and longer and self.k2 > self.k1:
            what = (
                f"looks back {self.k2} steps and is given {T} in a call: no gradient flows back "
                "into the steps before, whose state is carried in; give it more steps a call "
                "(chunk= of a Stream)"
            )
        elif longer and min(self.k1, self.k2) >= T:
            what = (
                f"has windows as long as the {T} steps of the sequence or longer: this is full "
                "backpropagation through time"
            )
        elif not carried and self.k2 > T and (T - 1) // self.k1 * self.k1 <= self.k2 - self.k1:
            what = (
                f"looks back further than the {T} steps of the sequence: every update is full "
                "backpropagation through time, back to the first step"
            )
        if what:
            self._said = True
            warnings.warn(f"{self!r} {what}", stacklevel=3)

    def __repr__(self) -> str:
        return self._shown(f"{self.k1}, {self.k2}")


def steps(name: str, value: object) -> int:
    """Give a number of steps.

    Raises:
        ValueError: It is no whole number, or less than 1.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} is a whole number of steps, at least 1; got {value!r}")
    return value
