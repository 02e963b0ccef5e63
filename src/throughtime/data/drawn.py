"""Rows of series on disk, made when windows of them are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from throughtime.data.stored.scratch import release


class DrawnRows:
    """Rows that are looked up on disk; no more of them is in memory than is asked for at once.

    Args:
        lengths: How many rows each series has.
        make: Makes some neighbouring rows of the series at a place: [K, R].

    Attributes:
        lengths: How many rows each series has.
    """

    def __init__(self, lengths: Sequence[int], make: Callable[[int, range], Tensor]) -> None:
        self.lengths, self._make = list(lengths), make
        self._begins = torch.tensor(self.lengths).cumsum(0) - torch.tensor(self.lengths)  # [S]

    def take(self, rows: Tensor) -> Tensor:
        """Give rows by their numbers.

        Args:
            rows: Their numbers; each column goes up by at most one row a step, in one series.
                [K, B]

        Returns:
            The rows. [K, B, R]
        """
        series = torch.searchsorted(self._begins, rows[0], right=True) - 1  # [B]
        first = rows[0] - self._begins[series]
        stops = rows[-1] - self._begins[series] + 1
        found = []
        for place, start, stop in zip(series.tolist(), first.tolist(), stops.tolist(), strict=True):
            made = self._make(place, range(start, stop))
            # The last row of a shorter window is repeated.
            found.append(torch.cat([made, made[-1:].expand(len(rows) - len(made), -1)]))
        release()
        return torch.stack(found, 1)
