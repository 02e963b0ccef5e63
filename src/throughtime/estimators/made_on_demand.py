"""What is made of series row by row: in memory, or on disk and piece by piece where they lie there.

One that is stored takes the same steps to the same numbers; only less of it is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

import torch
from torch import Tensor

from throughtime.data import Series
from throughtime.data.stored.scratch import release, stored


class MadeOnDemand(Sequence[Tensor]):
    """A tensor for each of some things, made each time it is asked for.

    Args:
        count: How many there are.
        make: Makes the one of a place.
    """

    def __init__(self, count: int, make: Callable[[int], Tensor]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Tensor: ...

    @overload
    def __getitem__(self, place: slice) -> list[Tensor]: ...

    def __getitem__(self, place: int | slice) -> Tensor | list[Tensor]:
        places = range(self._count)[place]
        if isinstance(places, int):
            return self._make(places)
        return [self._make(one) for one in places]


def of_each(series: Sequence[Series], make: Callable[[int], Tensor]) -> Sequence[Tensor]:
    """Make a tensor of each series: now, or each time it is asked for where series are stored.

    Args:
        series: The series.
        make: Makes the one of the series at a place.
    """
    if any(one.stored for one in series):

        def made(place: int) -> Tensor:
            found = make(place)
            release()
            return found

        return MadeOnDemand(len(series), made)
    return [make(place) for place in range(len(series))]


def room_for_each(series: Sequence[Series]) -> list[Tensor]:
    """Make a number for each row of each series, on disk where series are stored.

    Returns:
        For each series NaN for each row, float64. [T] each
    """
    if not any(one.stored for one in series):
        return [torch.full((len(one),), torch.nan, dtype=torch.float64) for one in series]
    lengths = [len(one) for one in series]
    parts = torch.split(torch.from_numpy(stored((sum(lengths),), float)), lengths)
    for part in parts:
        part.fill_(torch.nan)
        release()
    return list(parts)
