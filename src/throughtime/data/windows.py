"""Training windows over one series or many, none of which reaches from one into another."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Windows:
    """Windows of a number of steps, a stride apart; each ends where its last target stands.

    The last window of a series ends with it. A series of fewer steps is one window, as long as it
    is. The rows are held once, however much windows overlap.

    Args:
        series: The rows of each series that may be learned from, at least two. [T, C] each
        steps: Of a window: so many rows are read, and the row after each is forecast.
        stride: Rows between the starts of neighbouring windows.

    Raises:
        ValueError: A series has fewer than two rows.
    """

    def __init__(self, series: Sequence[Tensor], steps: int, stride: int) -> None:
        starts, lengths, before = [], [], 0
        for rows in map(len, series):
            if rows < 2:
                raise ValueError(f"a window needs a row to read and one to forecast; got {rows}")
            length = min(steps, rows - 1)
            last = rows - 1 - length
            begin = torch.arange(last % stride, last + 1, stride)
            starts.append(before + begin)
            lengths.append(torch.full_like(begin, length))
            before += rows
        self._rows = torch.cat(list(series))  # [R, C]
        self._starts, self._lengths = torch.cat(starts), torch.cat(lengths)  # [N]

    def __len__(self) -> int:
        return len(self._starts)

    def batch(self, chosen: Tensor) -> tuple[Tensor, Tensor | None]:
        """Give some windows side by side.

        Args:
            chosen: Their numbers. [B]

        Returns:
            Their rows, one more than steps [steps + 1, B, C], shorter ones filled up with their
            last; and the steps of each [B], None where all have as many.
        """
        lengths = self._lengths[chosen]  # [B]
        steps = torch.arange(int(lengths.max()) + 1)[:, None]  # [steps + 1, 1]
        rows = self._starts[chosen] + torch.minimum(steps, lengths)  # [steps + 1, B]
        equal = bool((lengths == lengths[0]).all())
        return self._rows[rows.to(self._rows.device)], None if equal else lengths
