"""Rows of series on disk, read and scaled when windows of them are drawn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from throughtime.data.scaling import Scaling, transformed
from throughtime.data.stored.scratch import release


class DrawnRows:
    """Rows that are looked up on disk; no more of them is in memory than is asked for at once.

    Args:
        values: The rows of each series in the units of the data. [T, C] each
        columns: Which columns are wanted, in their order.
        scalings: Of these columns, for each series; with one transform for all.
        dtype: Of the scaled rows.
        device: Where these are wanted.

    Attributes:
        lengths: How many rows each series has.
    """

    def __init__(
        self,
        values: Sequence[Tensor],
        columns: Sequence[int],
        scalings: Sequence[Scaling],
        dtype: torch.dtype,
        device: str | torch.device,
    ) -> None:
        self.lengths = [len(rows) for rows in values]
        self._values, self._columns = values, list(columns)
        self._begins = torch.tensor(self.lengths).cumsum(0) - torch.tensor(self.lengths)  # [S]
        self._centers = torch.tensor([s.center for s in scalings], dtype=torch.float64)  # [S, C]
        self._scales = torch.tensor([s.scale for s in scalings], dtype=torch.float64)  # [S, C]
        self._transform = scalings[0].transform
        self._dtype, self._device = dtype, device

    def take(self, rows: Tensor) -> Tensor:
        """Give rows, scaled as `Scaling.apply` scales each series.

        Args:
            rows: Their numbers; each column goes up by at most one row a step, in one series.
                [K, B]

        Returns:
            The scaled rows. [K, B, C]
        """
        series = torch.searchsorted(self._begins, rows[0], right=True) - 1  # [B]
        first = rows[0] - self._begins[series]
        stops = rows[-1] - self._begins[series] + 1
        found = []
        for place, start, stop in zip(series.tolist(), first.tolist(), stops.tolist(), strict=True):
            raw = self._values[place][start:stop]
            # The last row of a shorter window is repeated.
            found.append(torch.cat([raw, raw[-1:].expand(len(rows) - len(raw), -1)]))
        values = transformed(torch.stack(found, 1)[..., self._columns], self._transform)
        release()
        scaled = (values - self._centers[series]) / self._scales[series]  # [K, B, C]
        return scaled.to(self._device, self._dtype)
