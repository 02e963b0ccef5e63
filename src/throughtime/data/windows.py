"""Training windows over one series or many, none of which reaches from one into another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor


class Rows(Protocol):
    """Rows of series that follow each other, looked up by their numbers."""

    @property
    def lengths(self) -> Sequence[int]:
        """How many rows each series has."""

    def take(self, rows: Tensor) -> Tensor:
        """Give rows by their numbers [K, B], those of a column from one series: [K, B, C]."""


class HeldRows:
    """Rows that are held in memory, below each other.

    Args:
        series: The rows of each series. [T, C] each
    """

    def __init__(self, series: Sequence[Tensor]) -> None:
        self.lengths = [len(rows) for rows in series]
        self._rows = torch.cat(list(series))  # [R, C]

    def take(self, rows: Tensor) -> Tensor:
        """Give rows by their numbers: [K, B] -> [K, B, C]."""
        return self._rows[rows.to(self._rows.device)]


class Windows:
    """Windows of a number of steps, a stride apart; each ends where its last target stands.

    The last window of a series ends with it. A series of fewer steps is one window, as long as it
    is. The rows are held once, however much windows overlap.

    Args:
        series: The rows of each series that may be learned from, at least two. [T, C] each; or what
            looks them up.
        steps: Of a window: so many rows are read, and the row after each is forecast.
        stride: Rows between the starts of neighbouring windows.

    Raises:
        ValueError: A series has fewer than two rows.
    """

    def __init__(self, series: Sequence[Tensor] | Rows, steps: int, stride: int) -> None:
        lengths = [len(rows) for rows in series] if isinstance(series, Sequence) else series.lengths
        if (fewest := min(lengths)) < 2:
            raise ValueError(f"a window needs a row to read and one to forecast; got {fewest}")
        rows = torch.tensor(lengths)  # [S]
        self._lengths = (rows - 1).clamp(max=steps)  # of the windows of each series
        last = rows - 1 - self._lengths  # where the last window of each begins
        counts = last // stride + 1
        self._begins = rows.cumsum(0) - rows + last % stride  # of the first window of each
        self._numbers = counts.cumsum(0) - counts  # of the first window of each
        self._stride, self._count = stride, int(counts.sum())
        self._rows: Rows = HeldRows(series) if isinstance(series, Sequence) else series

    def __len__(self) -> int:
        return self._count

    def batch(self, chosen: Tensor) -> tuple[Tensor, Tensor | None]:
        """Give some windows side by side.

        Args:
            chosen: Their numbers. [B]

        Returns:
            Their rows, one more than steps [steps + 1, B, C], shorter ones filled up with their
            last; and the steps of each [B], None where all have as many.
        """
        series = torch.searchsorted(self._numbers, chosen, right=True) - 1  # [B]
        starts = self._begins[series] + self._stride * (chosen - self._numbers[series])  # [B]
        lengths = self._lengths[series]  # [B]
        steps = torch.arange(int(lengths.max()) + 1)[:, None]  # [steps + 1, 1]
        rows = starts + torch.minimum(steps, lengths)  # [steps + 1, B]
        equal = bool((lengths == lengths[0]).all())
        return self._rows.take(rows), None if equal else lengths
