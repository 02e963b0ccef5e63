"""The gradient triangle: the norm of dE_s/dS_t for loss steps s and state steps t <= s."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from throughtime.flow.backward_by_lag import Lag
from throughtime.flow.figures import evenly, numbers
from throughtime.flow.unrolled import UnrolledNetwork

QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, eq=False)
class Triangle:
    """|dE_s/dS_t| of one layer, over the rows of the batch in which step s has a loss.

    S_t is the whole state after step t: h, and c too for an LSTM. All tables are float64 [S, T]
    and NaN where there is no such gradient (t > s), or where it is beyond the floating type.

    Attributes:
        losses: The loss steps s, ascending.
        every: Whether these are all steps whose loss has a gradient; else they are a sample.
        mean: Over the rows.
        lower: The 10 % quantile.
        median: The 50 % quantile.
        upper: The 90 % quantile.
    """

    losses: tuple[int, ...]
    every: bool
    mean: Tensor
    lower: Tensor
    median: Tensor
    upper: Tensor

    def as_dict(self, most: int = 48) -> dict[str, Any]:
        """Give plain figures, of six digits, at most so many evenly chosen rows and columns."""
        S, T = self.mean.shape
        rows, columns = evenly(S, most), evenly(T, most)

        def table(values: Tensor) -> list[list[float | None]]:
            return [numbers(values[row, columns], digits=6) for row in rows]

        return {
            "losses": [self.losses[row] for row in rows],
            "steps": columns,
            "every": self.every and len(rows) == S and len(columns) == T,
            "mean": table(self.mean),
            "median": table(self.median),
            "lower": table(self.lower),
            "upper": table(self.upper),
        }


class TriangleCollector:
    """Gathers the triangle of one layer, lag by lag.

    Args:
        layer: Which, from the input up.
        network: The network.
    """

    def __init__(self, layer: int, network: UnrolledNetwork) -> None:
        self.layer, self.losses, self.every = layer, network.losses, network.every
        losses, T = network.losses, len(network.explicit)
        self.valid = network.explicit[losses].any(2).cpu()  # [S, B]
        self.tables = torch.full((4, len(losses), T), torch.nan, dtype=torch.float64)
        # A gradient of which nothing is left is zero.
        self.tables[:, losses[:, None] >= torch.arange(T)] = 0.0
        self.ended = T

    def note(self, lag: Lag) -> None:
        """Add a lag."""
        norms = lag.norms[self.layer].cpu()  # [n, B]
        places = range(len(self.losses) - len(norms), len(self.losses))
        norms = norms.where(self.valid[places.start :], torch.nan)
        quantiles = torch.tensor(QUANTILES, dtype=norms.dtype)
        found = torch.cat([norms.nanmean(1)[None], norms.nanquantile(quantiles, dim=1)])
        self.tables[:, list(places), lag.losses - lag.lag] = found

    def overflow(self, lag: Lag) -> None:
        """Forget what lies at a lag and beyond: it is no number."""
        steps = torch.arange(self.tables.shape[2])
        self.tables[:, self.losses[:, None] - steps >= lag.lag] = torch.nan

    def result(self) -> Triangle:
        """Give the triangle."""
        mean, lower, median, upper = self.tables
        return Triangle(tuple(self.losses.tolist()), self.every, mean, lower, median, upper)
