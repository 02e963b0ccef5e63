"""The times of rows, written out when they are looked at."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

_AT_ONCE = 4096


class Texts(Sequence[str]):
    """A sequence of texts that are made when they are asked for; a slice is a tuple of them."""

    @abstractmethod
    def _texts(self, rows: range) -> list[str]:
        """Make the texts of neighbouring rows."""

    @abstractmethod
    def part(self, rows: range) -> Texts:
        """Give neighbouring texts without making them."""

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> tuple[str, ...]: ...

    def __getitem__(self, row: int | slice) -> str | tuple[str, ...]:
        rows = range(len(self))[row]
        if isinstance(rows, int):
            return self._texts(range(rows, rows + 1))[0]
        if rows.step == 1:
            return tuple(self._texts(rows))
        return tuple(self[one] for one in rows)

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _AT_ONCE):
            yield from self._texts(range(start, min(start + _AT_ONCE, len(self))))

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        ends = f"{self[0]} to {self[-1]}" if len(self) else "none"
        return f"<{len(self)} times, {ends}>"


class StoredTimes(Texts):
    """Texts that lie side by side in a file.

    Args:
        texts: In UTF-8, of a dtype of bytes. [T]
    """

    def __init__(self, texts: npt.NDArray[np.bytes_]) -> None:
        self._bytes = texts

    def __len__(self) -> int:
        return len(self._bytes)

    def part(self, rows: range) -> StoredTimes:
        """Give neighbouring texts without making them."""
        return StoredTimes(self._bytes[rows.start : rows.stop])

    def _texts(self, rows: range) -> list[str]:
        # Texts that were cut to the width of the file may end within a letter.
        found = self._bytes[rows.start : rows.stop].tolist()
        return [text.decode("utf-8", "ignore") for text in found]


class CountedTimes(Texts):
    """The numbers of the rows, from 1, where a table has no times.

    Args:
        rows: How many.
        first: The number of the first.
    """

    def __init__(self, rows: int, first: int = 1) -> None:
        self._rows, self._first = rows, first

    def __len__(self) -> int:
        return self._rows

    def part(self, rows: range) -> CountedTimes:
        """Give neighbouring numbers without making them."""
        return CountedTimes(len(rows), self._first + rows.start)

    def _texts(self, rows: range) -> list[str]:
        return [str(row + self._first) for row in rows]
