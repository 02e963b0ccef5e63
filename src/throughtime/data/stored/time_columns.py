"""A time column brought together by series in a file: its texts, and where they lie on a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from throughtime.data.clock import SAMPLE, Clock, Kind, notations, numbers, seconds
from throughtime.data.stored.placing import Placing, style_of
from throughtime.data.stored.scratch import release, stored
from throughtime.data.table import as_text

if TYPE_CHECKING:
    from throughtime.data.clock import Read

_WIDEST = 256
"""Bytes kept of a text; no notation of a time needs as many, nor does a message show them."""

_AT_ONCE = 2**16


@dataclass(frozen=True)
class TimeColumn:
    """A time column, the rows of each series together.

    Attributes:
        texts: As people write them, in UTF-8. [T]
        clock: Where they lie on a line; None where they are no times.
    """

    texts: npt.NDArray[np.bytes_]
    clock: Clock | None


def read_time_column(placing: Placing, name: str, dates_only: bool) -> TimeColumn:
    """Read a column as times, as `throughtime.data.clock.read_clock` does.

    Args:
        placing: The file, and where its rows go.
        name: The column.
        dates_only: Whether plain numbers do not count as times.

    Raises:
        DataError: The file is damaged; or there is no room on disk.
    """
    import polars as pl  # heavy, and wanted only when a file is read

    large = placing.large
    is_date = large.types[name] in (pl.Date, pl.Datetime)
    style = style_of(large, name)
    if is_date:  # of a year of seven letters at most, such as +12345
        zone = 6 if getattr(large.types[name], "time_zone", None) else 0
        width = 13 if style.days else 22 + 10 * style.exact + zone
    else:
        width = _width(placing, name)
    texts = stored((large.rows,), f"S{width}")
    positions = stored((large.rows,), np.float64) if is_date else None
    for places, table in placing.batches([name]):
        column = table.columns[name]
        found = [text.encode()[:width] for text in as_text(column, style).to_list()]
        texts[places] = np.array(found, dtype=texts.dtype)
        if positions is not None:
            positions[places] = seconds(column)
        release()
    if positions is not None:
        return TimeColumn(texts, Clock("date", positions))
    return TimeColumn(texts, _clock(texts, dates_only))


def _width(placing: Placing, name: str) -> int:
    """How many bytes the longest text has."""
    widths = [
        as_text(table.columns[name]).str.len_bytes().max()
        for _, table in placing.large.batches([name])
    ]
    return min(_WIDEST, max(1, *(int(width) for width in widths if isinstance(width, int))))


def _clock(texts: npt.NDArray[np.bytes_], dates_only: bool) -> Clock | None:
    """Read texts in the one notation that understands most of them; see `read_clock`."""
    if dates_only and 2 * sum(_count(numbers(part)) for _, part in _parts(texts)) > len(texts):
        return None
    sample, known = _series(texts[:: max(1, len(texts) // SAMPLE)]), notations()
    understood = {name: _count(read(sample)) for name, (_, read) in known.items()}
    most = max(understood.values())
    if most == 0:
        return None
    best: tuple[int, int] = (-1, -1)
    kind: Kind = "number"
    chosen: Read | None = None
    for name, (counts, read) in known.items():
        if understood[name] == most:
            worth = _count_and_rises(texts, read)
            if worth > best:
                best, kind, chosen = worth, counts, read
    if chosen is None or 2 * best[0] <= len(texts):
        return None
    positions = stored((len(texts),), np.float64)
    for rows, part in _parts(texts):
        positions[rows.start : rows.stop] = chosen(part)
    return Clock(kind, positions)


def _count_and_rises(texts: npt.NDArray[np.bytes_], read: Read) -> tuple[int, int]:
    """How many texts a notation understands, and from how many to the next time goes on."""
    count, rises, before = 0, 0, np.nan
    for _, part in _parts(texts):
        positions = read(part)
        count += _count(positions)
        rises += int((np.diff(positions, prepend=before) > 0).sum())
        before = positions[-1]
    return count, rises


def _parts(texts: npt.NDArray[np.bytes_]) -> Iterator[tuple[range, Any]]:
    for start in range(0, len(texts), _AT_ONCE):
        rows = range(start, min(start + _AT_ONCE, len(texts)))
        yield rows, _series(texts[rows.start : rows.stop])
        release()


def _series(texts: npt.NDArray[np.bytes_]) -> Any:
    import polars as pl

    found = [text.decode("utf-8", "ignore") for text in texts.tolist()]
    return pl.Series(found, dtype=pl.String)


def _count(positions: npt.NDArray[np.float64]) -> int:
    return int(np.isfinite(positions).sum())
