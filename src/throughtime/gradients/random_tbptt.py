"""Truncation at random steps, reweighted so that the gradient is unbiased."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from throughtime.gradients.chain import Chain
from throughtime.gradients.clipping import Clipping
from throughtime.gradients.form import causal
from throughtime.gradients.method import Loss, Update, check_keys, is_number
from throughtime.gradients.objective import Reduction
from throughtime.gradients.piece import Piece
from throughtime.gradients.seed import whole_seed
from throughtime.gradients.tbptt import steps
from throughtime.gradients.through_time import ThroughTime

MOST = 0.9
"""The largest probability of a cut."""


class RandomTBPTT(ThroughTime):
    """Anticipated reweighted truncated backpropagation (ARTBP, Tallec & Ollivier 2017).

    What flows back is cut at random steps. Where it is not, it is multiplied by `1 / (1 - c)`, c
    being the probability with which it would have been: in the mean over the cuts the gradient is
    that of full backpropagation through time, though most draws do not reach far. The probability
    falls with the steps d since the last cut, `c = every alpha / ((alpha - 1) length + d)`, so that
    long stretches have weights that grow as a power of their length and not exponentially.

    Memory holds the longest stretch between two cuts. All rows are cut at the same steps.

    Args:
        length: The mean length of a stretch, in steps, where the sequence goes on for ever: its end
            cuts the last one short. The mean is this very number up to the 0.9 that c is held to,
            for the sake of the weights; c comes there only if `every` is nearly `length` (with
            alpha = 6, above 0.88 of it), and stretches are then longer: `RandomTBPTT(5, every=5)`
            would cut after every piece, into stretches of 5, and has 5.6 in the mean.
        alpha: How quickly long stretches become rare: the share of those that are longer than d
            falls as d to the power of -alpha. Above 2 their lengths have a finite variance.
        every: Steps between places at which a cut may be: the network is run in pieces of so many,
            and the length of every stretch but the last is a multiple of it.
        updates: "sequence" for one update a sequence; "cut" for one after each cut, whose mean is
            over `length` steps whatever the stretch has: else short stretches would weigh more.
        seed: Of the cuts; each call draws on.
        reduce: "mean" or "sum", as for `BPTT`.
        clip: See `ThroughTime`.

    Raises:
        ValueError: A length or step is no whole number from 1, a piece is longer than a stretch,
            alpha is not above 1, the seed no whole number, or updates and reduction are unknown.

    Example:
        >>> import torch, throughtime as tt
        >>> model = tt.Network("gru", input_size=1, hidden_size=4, output_size=1)
        >>> x, d = torch.zeros(60, 2, 1), torch.ones(60, 2, 1)
        >>> loss = torch.nn.MSELoss(reduction="none")
        >>> [update.steps for update in RandomTBPTT(length=20)(model, x, d, loss)]
        [range(0, 60)]
    """

    exact: ClassVar[bool] = False

    def __init__(
        self,
        length: int = 50,
        alpha: float = 6.0,
        every: int = 5,
        updates: str = "sequence",
        seed: int = 0,
        reduce: Reduction = "mean",
        clip: Clipping | None = None,
    ) -> None:
        super().__init__(reduce, clip)
        self.length, self.every = steps("length", length), steps("every", every)
        if self.every > self.length:
            raise ValueError(
                f"every={every} steps between possible cuts are more than the {length} of a stretch"
            )
        if not is_number(alpha) or not alpha > 1:
            raise ValueError(f"alpha must be above 1, got {alpha!r}")
        if updates not in ("sequence", "cut"):
            raise ValueError(f'updates must be "sequence" or "cut", got {updates!r}')
        self.alpha, self.updates, self.seed = float(alpha), updates, whole_seed(seed)
        self._draws = torch.Generator().manual_seed(self.seed)

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
        """Yield once, or after each cut; see `GradientMethod`.

        `Update.info` has "cuts", how many there were, and "longest", the longest stretch.

        Raises:
            ValueError: As for `GradientMethod`; or the model is bidirectional.
        """
        causal(model, repr(self))
        chain = Chain(model, inputs, targets, loss, state, lengths, reset)
        whole = self.updates == "sequence"
        over = float(chain.valid() if whole else self.length * inputs.shape[1])
        begin, cuts, longest, total, limited = 0, 0, 0, 0.0, 0
        while chain.at < chain.T:
            pieces, weights = self._stretch(chain)
            added, acted = self.differentiate(
                chain, pieces, len(pieces), passing=_reweighted(weights), over=over
            )
            total, limited = total + added, limited + acted
            longest = max(longest, chain.at - pieces[0].steps.start)
            cuts += chain.at < chain.T
            if whole and chain.at < chain.T:
                continue
            info = {"cuts": float(cuts), "longest": float(longest)}
            yield self.complete(chain, begin, total, limited, info)
            begin, cuts, longest, total, limited = chain.at, 0, 0, 0.0, 0

    def state_dict(self) -> dict[str, Any]:
        """Give where the draws have come to; see `GradientMethod`."""
        return {"draws": self._draws.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Draw on from there; see `GradientMethod`."""
        check_keys(self, state, ["draws"])
        self._draws.set_state(state["draws"])

    def probability(self, since: int) -> float:
        """Give the probability of a cut so many steps after the last."""
        chance = self.every * self.alpha / ((self.alpha - 1) * self.length + since)
        return min(chance, MOST)  # a gradient that is let through must not weigh without bound

    def _stretch(self, chain: Chain) -> tuple[list[Piece], dict[int, float]]:
        """Run on to the next cut; give the weight of what flows back before steps in between."""
        first, each = chain.at, 1 if self.step_by_step else None
        pieces: list[Piece] = []
        weights: dict[int, float] = {}
        while True:
            pieces += chain.run(chain.at + self.every, each=each)
            if chain.at >= chain.T:
                return pieces, weights
            chance = self.probability(chain.at - first)
            if self._cut(chance):
                return pieces, weights
            weights[chain.at] = 1 / (1 - chance)

    def _cut(self, chance: float) -> bool:
        return float(torch.rand((), generator=self._draws)) < chance

    def __repr__(self) -> str:
        return self._shown(
            f"length={self.length}",
            f"alpha={self.alpha}",
            f"every={self.every}",
            f"updates={self.updates!r}",
            f"seed={self.seed}",
        )


def _reweighted(weights: dict[int, float]) -> Any:
    def passing(flowing: list[Tensor | None], piece: Piece) -> list[Tensor | None]:
        weight = weights.get(piece.steps.start, 1.0)
        if weight == 1.0:
            return flowing
        return [None if gradient is None else weight * gradient for gradient in flowing]

    return passing
