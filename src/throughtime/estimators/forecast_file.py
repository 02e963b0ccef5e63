"""Forecasts beside the observations, as CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

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

    def rows(self) -> Iterator[list[str]]:
        """Give the cells of each row; what is undefined is empty."""
        observed = self.series.values[:, 0].tolist()
        columns = [column.tolist() for column in self.columns.values()]
        for row, time in enumerate(self.series.times):
            part = [self.split.part_of(row)] if self.split else []
            yield [time, *part, *map(_cell, [observed[row], *(column[row] for column in columns)])]
        if self.following is not None:
            part = [""] if self.split else []
            following = (_cell(self.following.get(name, math.nan)) for name in self.columns)
            yield ["next", *part, "", *following]


def write_forecasts(
    path: Path, forecasts: Iterable[Forecast], series_column: str | None = None
) -> None:
    """Write forecasts of one series, or of many below each other.

    Args:
        path: The file.
        forecasts: Of each series, with the same columns; at least one.
        series_column: The name of the first column, which holds the names of the series; None for
            no such column.

    Raises:
        OSError: The file cannot be written.
    """
    remaining = iter(forecasts)
    first = next(remaining)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*([] if series_column is None else [series_column]), *first.header])
        for forecast in chain([first], remaining):
            name = [] if series_column is None else [forecast.series.name]
            writer.writerows([*name, *cells] for cells in forecast.rows())
            release()


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.10g}"
