"""Forecasts beside the observations, as CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TextIO

from torch import Tensor

from throughtime.data import Series, Split
from throughtime.data.stored.scratch import release


@dataclass(frozen=True)
class Forecast:
    """Forecasts of one series.

    Attributes:
        series: What was forecast.
        columns: The forecasts of each row, by the name of their column. [T] each
        split: Names the part of each row; None for no such column.
        following: The forecasts of the row after the last, by column; empty for no such row.
    """

    series: Series
    columns: Mapping[str, Tensor]
    split: Split | None = None
    following: Mapping[str, float] | None = None

    @property
    def header(self) -> list[str]:
        """The names of the columns."""
        part = ["part"] if self.split else []
        return [self.series.time_name, *part, "observed", *self.columns]

    def rows(self) -> Iterator[Sequence[str]]:
        """Give the cells of each row; what is undefined is empty."""
        parts = [_parts(self.split, len(self.series))] if self.split else []
        numbers = [self.series.values[:, 0], *self.columns.values()]
        yield from zip(self.series.times, *parts, *map(_cells, numbers), strict=True)
        if self.following is not None:
            part = [""] if self.split else []
            following = (_cell(self.following.get(name, math.nan)) for name in self.columns)
            yield ["next", *part, "", *following]


def _parts(split: Split, rows: int) -> list[str]:
    """Name the part of each row; see `Split.part_of`."""
    parts = [""] * rows
    named = {"train": split.fit, "validation": split.validation, **split.tests}
    for name, of in reversed(named.items()):  # a row of two is called after the first
        parts[of.start : of.stop] = [name] * len(range(rows)[of.start : of.stop])
    return parts


def _cells(numbers: Tensor) -> list[str]:
    return ["" if number != number else f"{number:.10g}" for number in numbers.tolist()]


def write_forecasts(
    file: TextIO, forecasts: Iterable[Forecast], series_column: str | None = None
) -> None:
    """Write forecasts of one series, or of many below each other.

    Args:
        file: Open for text, lines ended as they are given.
        forecasts: Of each series, with the same columns; at least one.
        series_column: The name of the first column, which holds the names of the series; None for
            no such column.
    """
    remaining = iter(forecasts)
    first = next(remaining)
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*([] if series_column is None else [series_column]), *first.header])
    for forecast in chain([first], remaining):
        if series_column is None:
            writer.writerows(forecast.rows())
        else:
            writer.writerows((forecast.series.name, *cells) for cells in forecast.rows())
        release()


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.10g}"
