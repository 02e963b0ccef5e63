"""Truncation whose window follows from a bound on its bias."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from throughtime.gradients.chain import Chain
from throughtime.gradients.clipping import Clipping
from throughtime.gradients.form import causal
from throughtime.gradients.method import Loss, Update, check_keys, is_number
from throughtime.gradients.objective import Reduction
from throughtime.gradients.piece import Piece
from throughtime.gradients.tbptt import steps
from throughtime.gradients.through_time import ThroughTime


class AdaptiveTBPTT(ThroughTime):
    """Truncated backpropagation through time with a window found by measuring (Aicher et al. 2019).

    Every `measure` updates, or as soon after as there are so many steps to look back on, the
    gradient is followed back as far as `most` steps, or to the start of sequences shorter than
    that, piece by piece of `k1`, and the norm that each piece adds to the gradient by the weights
    is noted and averaged. With phi_j the norm that the piece j windows back adds, and the rest
    beyond extrapolated by the fitted decay, truncating after K pieces loses at most
    `E_K = sum_{j >= K} phi_j`; relative to the full gradient, at most `E_K / (|g_K| - E_K)`. The
    window used is the shortest whose bound is within the tolerance.

    The bound adds up norms, so the bias itself is mostly much smaller. Where the gradient does not
    decay, or nothing shorter is within the tolerance, the window is `most`.

    Args:
        tolerance: The relative bias allowed.
        k1: Steps between updates, and the unit of windows.
        most: The longest window, a multiple of `k1`: what memory must hold.
        measure: Updates between measurements.
        forget: Share of the averages that a new measurement replaces.
        reduce: "mean" or "sum", as for `TBPTT`.
        clip: See `ThroughTime`.

    Raises:
        ValueError: A number is out of range, or `most` no multiple of `k1`.

    Attributes:
        k2: The window in use, in steps; what is learned of it outlasts a call.

    Example:
        >>> import torch, throughtime as tt
        >>> model = tt.Network("gru", input_size=1, hidden_size=4, output_size=1)
        >>> x, d = torch.randn(80, 2, 1), torch.randn(80, 2, 1)
        >>> loss = torch.nn.MSELoss(reduction="none")
        >>> method = AdaptiveTBPTT(tolerance=0.2, k1=5, most=40)
        >>> windows = [update.info["window"] for update in method(model, x, d, loss)]
        >>> windows[0], method.k2 <= 40
        (5.0, True)
    """

    exact: ClassVar[bool] = True

    def __init__(
        self,
        tolerance: float = 0.1,
        k1: int = 10,
        most: int = 200,
        measure: int = 10,
        forget: float = 0.2,
        reduce: Reduction = "mean",
        clip: Clipping | None = None,
    ) -> None:
        super().__init__(reduce, clip)
        self.k1, self.most = steps("k1", k1), steps("most", most)
        self.measure = steps("measure", measure)
        if most % k1:
            raise ValueError(f"most={most} must be a multiple of k1={k1}: windows are")
        if not is_number(tolerance) or not 0 < tolerance < 1:
            raise ValueError(f"tolerance is a share between 0 and 1, got {tolerance!r}")
        if not is_number(forget) or not 0 < forget <= 1:
            raise ValueError(f"forget is a share above 0, up to 1; got {forget!r}")
        self.tolerance, self.forget = float(tolerance), float(forget)
        self.k2 = self.most
        self._norms: list[float] = []  # phi_j, averaged
        self._partial: list[float] = []  # |g_K|, averaged
        self._rounding = 0.0  # relative, of the measured norms
        self._updates, self._due = 0, measure  # so far; at which one to measure

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

        `Update.info` has "window", the steps looked back on, "k2", the window in use from here on,
        and "bias", the bound of its relative bias.

        Raises:
            ValueError: As for `GradientMethod`; or the model is bidirectional.
        """
        causal(model, repr(self))
        chain = Chain(model, inputs, targets, loss, state, lengths, reset, on_copies=True)
        each = 1 if self.step_by_step else None
        longest = min(self.most, chain.T)
        learns = any(weight.requires_grad for weight in model.parameters())
        held: list[Piece] = []
        while chain.at < chain.T:
            begin = chain.at
            fresh = chain.run(begin + self.k1, each=each)
            held = [p for p in held if p.steps.start >= begin + self.k1 - self.most] + fresh
            due = self._updates >= self._due and chain.at >= longest
            measured = learns and due and len(held) > len(fresh)
            if measured:
                self._due = (self._updates // self.measure + 1) * self.measure
            self._updates += 1
            back = begin + self.k1 - (self.most if measured else self.k2)
            window = [piece for piece in held if piece.steps.start >= back]
            ledger = _Ledger(model) if measured else None
            value, limited = self.differentiate(
                chain,
                window,
                len(fresh),
                # Whatever may be measured again later is kept.
                lambda piece: chain.at < chain.T,
                None if ledger is None else ledger.note,
            )
            if ledger is not None:
                self._learn(ledger.by_window(begin, self.k1), -(-longest // self.k1))
            reach = float(chain.at - window[0].steps.start)
            info = {"window": reach, "k2": float(self.k2), "bias": self.bias(self.k2 // self.k1)}
            yield self.complete(chain, begin, value, limited, info)

    def state_dict(self) -> dict[str, Any]:
        """Give what was measured so far, and the window; see `GradientMethod`."""
        return {
            "norms": list(self._norms),
            "partial": list(self._partial),
            "rounding": self._rounding,
            "updates": self._updates,
            "due": self._due,
            "k2": self.k2,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Measure on; see `GradientMethod`."""
        check_keys(self, state, ("norms", "partial", "rounding", "updates", "due", "k2"))
        if not 1 <= state["k2"] <= self.most or state["k2"] % self.k1:
            raise ValueError(f"a window of {state['k2']} steps is none of {self!r}")
        self._norms = [float(norm) for norm in state["norms"]]
        self._partial = [float(norm) for norm in state["partial"]]
        self._rounding, self.k2 = float(state["rounding"]), int(state["k2"])
        self._updates, self._due = int(state["updates"]), int(state["due"])

    def bias(self, pieces: int) -> float:
        """Bound the relative bias of a window of so many pieces; infinite where nothing does."""
        if not self._norms:
            return math.inf
        left = sum(self._norms[pieces:]) + self._beyond()
        kept = self._partial[min(pieces, len(self._partial)) - 1]
        return left / (kept - left) if left < kept else math.inf

    def _beyond(self) -> float:
        """Extrapolate what lies beyond the longest window, by the decay over its later half."""
        norms = self._norms
        if norms[-1] <= self._rounding * max(self._partial):
            return 0.0  # what is left cannot be told from rounding
        later = [max(norm, 1e-300) for norm in norms[len(norms) // 2 :]]
        if len(later) < 2:
            return math.inf
        logs = torch.tensor(later, dtype=torch.float64).log()
        places = torch.arange(len(later), dtype=torch.float64)
        places -= places.mean()
        decay = math.exp(float((places * (logs - logs.mean())).sum() / places.square().sum()))
        return norms[-1] * decay / (1 - decay) if decay < 1 else math.inf

    def _learn(self, gradients: Sequence[Tensor], longest: int) -> None:
        """Take note of what each piece added, the latest first; choose the window.

        Args:
            gradients: By the weights, one a piece.
            longest: Pieces that a window can have.
        """
        self._rounding = 100 * torch.finfo(gradients[0].dtype).eps
        norms = [float(gradient.norm()) for gradient in gradients]
        if not all(math.isfinite(norm) for norm in norms):
            return  # it will be refused; what was learned before stays
        partial = torch.stack(list(gradients)).cumsum(0).norm(dim=1).tolist()
        for averages, found in ((self._norms, norms), (self._partial, partial)):
            for place, value in enumerate(found):
                if place == len(averages):
                    averages.append(value)
                averages[place] += self.forget * (value - averages[place])
        if len(self._norms) < longest:
            return  # no window has been seen whole
        pieces = range(1, len(self._norms))
        within = (K for K in pieces if self.bias(K) <= self.tolerance)
        self.k2 = self.k1 * next(within, self.most // self.k1)

    def __repr__(self) -> str:
        return self._shown(f"tolerance={self.tolerance}", f"k1={self.k1}", f"most={self.most}")


class _Ledger:
    """What each piece adds to the gradient of the weights, as it is added."""

    def __init__(self, model: nn.Module) -> None:
        self.weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.before = self._now()
        self.added: list[tuple[int, Tensor]] = []

    def _now(self) -> Tensor:
        return torch.cat(
            [
                torch.zeros_like(w).flatten() if w.grad is None else w.grad.detach().flatten()
                for w in self.weights
            ]
        ).clone()

    def note(self, flowing: list[Tensor | None], piece: Piece) -> list[Tensor | None]:
        now = self._now()
        self.added.append((piece.steps.start, now - self.before))
        self.before = now
        return flowing

    def by_window(self, begin: int, k1: int) -> list[Tensor]:
        """Add up the pieces of each `k1` steps, the latest first."""
        found: dict[int, Tensor] = {}
        for start, gradient in self.added:
            back = max(0, -(-(begin - start) // k1))
            found[back] = found[back] + gradient if back in found else gradient
        return [found[back] for back in sorted(found)]
