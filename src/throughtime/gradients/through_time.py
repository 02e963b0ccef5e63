"""What full and truncated backpropagation through time share: an update over a window of pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from throughtime.gradients.chain import Chain
from throughtime.gradients.clipping import Clipping, check_finite
from throughtime.gradients.method import GradientMethod, Update
from throughtime.gradients.objective import Reduction, check_reduction
from throughtime.gradients.piece import Passing, Piece


class ThroughTime(GradientMethod):
    """A method of the BPTT family.

    Args:
        reduce: "mean" averages the losses of an update over all its valid elements, "sum" adds them
            up as the textbook does, `E = sum_t (d_t - Y_t)^2`.
        clip: What is done to the gradient: of the states while it is computed, of the weights when
            it is complete. `Update.info` then has "norm", the norm before; "clipped", 1 where the
            complete gradient was changed; "clipped_states", the steps at which dE/dS was.

    Raises:
        ValueError: The reduction is unknown, or the clipping none.
    """

    exact = True

    def __init__(self, reduce: Reduction = "mean", clip: Clipping | None = None) -> None:
        check_reduction(reduce)
        if clip is not None and not isinstance(clip, Clipping):
            raise ValueError(
                f"clip is a Clipping, such as Clipping(norm=1.0), or None; got {clip!r}"
            )
        self.reduce: Reduction = reduce
        self.clip = clip

    @property
    def step_by_step(self) -> bool:
        """Whether every step is to be a piece of its own."""
        return self.clip is not None and self.clip.state is not None

    def differentiate(
        self,
        chain: Chain,
        window: Sequence[Piece],
        fresh: int,
        keep: Callable[[Piece], bool] = lambda piece: False,
        passing: Passing | None = None,
        over: float | None = None,
    ) -> tuple[float, int]:
        """Add the gradient of the losses of some pieces to `.grad`.

        Args:
            chain: What the pieces are of.
            window: The pieces that are looked back on, one after the other.
            fresh: How many of them, the last ones, have losses that are to be differentiated.
            keep: Which of them will be looked back on again.
            passing: Changes what flows back out of a piece.
            over: How many steps of rows a mean is over, if not all valid ones of the fresh pieces.

        Returns:
            The loss, and the number of steps at which dE/dS was limited.
        """
        clip, limited = self.clip, 0

        def through(flowing: list[Tensor | None], piece: Piece) -> list[Tensor | None]:
            nonlocal limited
            if passing is not None:
                flowing = passing(flowing, piece)
            if clip is not None:
                flowing, acted = clip.limit(flowing)
                limited += acted
            return flowing

        loss, d_outputs = chain.losses(window[-fresh:], self.reduce, over)
        older: list[Tensor | None] = [None] * (len(window) - fresh)
        changes = clip is not None or passing is not None
        chain.back(window, older + d_outputs, keep, through if changes else None)
        return loss, limited

    def complete(
        self, chain: Chain, begin: int, loss: float, limited: int, info: dict[str, float]
    ) -> Update:
        """Clip the gradient that stands complete; tell of it.

        Args:
            chain: What it is of.
            begin: The first step that the update covers; the chain stands behind the last.
            loss: The loss that was differentiated.
            limited: Steps at which dE/dS was limited.
            info: The method's own figures.
        """
        info |= self.clipped(chain.model, limited)
        # Beyond the longest row nothing is left to be covered by another update.
        end = len(chain.inputs) if chain.at == chain.T else chain.at
        return Update(loss, chain.state, range(begin, end), info)

    def clipped(self, model: nn.Module, limited: int) -> dict[str, float]:
        """Check the complete gradient of the weights, and clip it if that is asked for.

        Args:
            model: Whose.
            limited: The steps at which what flows back was changed.

        Returns:
            The figures of it, for `Update.info`.

        Raises:
            FloatingPointError: A gradient is not finite; the parameter is named.
        """
        if self.clip is None:
            check_finite(model)
            return {}
        norm, clipped = self.clip.apply(model)
        return {"norm": norm, "clipped": float(clipped), "clipped_states": float(limited)}

    def _shown(self, *arguments: str) -> str:
        shown = [*arguments, f"reduce={self.reduce!r}"]
        if self.clip is not None:
            shown.append(f"clip={self.clip!r}")
        return f"{type(self).__name__}({', '.join(shown)})"
