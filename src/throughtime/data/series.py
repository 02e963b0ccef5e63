"""Series and the way they are split in time: what every source of a forecast yields."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from throughtime.data.clock import Clock
from throughtime.data.stored.scratch import release
from throughtime.data.stored.times import Texts


@dataclass(frozen=True)
class Series:
    """One evenly sampled series: a target and what was observed beside it.

    Attributes:
        name: What it is called: after its file, or what the series column says.
        target: The column to forecast; it is the first column of `values`.
        covariates: The other columns, in the order of `values`.
        time_name: The name of the time column ("row" where there is none).
        times: The time of each row, as it stands in the source. Length T.
        values: Target and covariates, float64. [T, 1 + covariates]
        source: Where the numbers come from, for people.
        clock: The times on a line; None where rows are counted.
        stored: Whether the values are a view of a file on disk, for they are too many for memory;
            whoever goes through many such series calls `throughtime.data.stored.release`.
    """

    name: str
    target: str
    covariates: tuple[str, ...]
    time_name: str
    times: Sequence[str]
    values: Tensor  # [T, C]
    source: str
    clock: Clock | None = None
    stored: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The target, then the covariates."""
        return (self.target, *self.covariates)

    def __len__(self) -> int:
        return len(self.times)

    def part(self, rows: range) -> Series:
        """Give some neighbouring rows as a series."""
        times = self.times
        some = times.part(rows) if isinstance(times, Texts) else times[rows.start : rows.stop]
        return replace(self.undated(rows), times=some)

    def undated(self, rows: range) -> Series:
        """Give some neighbouring rows as `part` does, but for the times, which are costly to write.

        Their places on the clock are there.
        """
        clock = None if self.clock is None else self.clock.part(rows)
        return replace(self, times=(), values=self.values[rows.start : rows.stop], clock=clock)


@dataclass(frozen=True)
class Split:
    """A chronological split, in row numbers: fit, validate, then test on what came later.

    Attributes:
        fit: Rows that weights, scaling and baselines may see while settings are chosen.
        validation: The rows after `fit`; with them they are the training years.
        tests: Later, disjoint periods by name; nothing is ever fitted or chosen on them.
    """

    fit: range
    validation: range
    tests: dict[str, range] = field(default_factory=dict)

    @classmethod
    def whole(cls, rows: int, validation: float) -> Split:
        """Give a split of all rows to learn from, a share of the last of them to validate on.

        Of a share above 0 there is at least one row, if two are left to fit on.
        """
        held = max(0, min(rows - 2, max(1, round(validation * rows)))) if validation else 0
        return cls(range(rows - held), range(rows - held, rows))

    @property
    def train(self) -> range:
        """Fit and validation rows together."""
        return range(self.fit.start, self.validation.stop)

    def without_validation(self) -> Split:
        """Give the same split with the validation rows among those to fit."""
        return Split(self.train, range(self.train.stop, self.train.stop), self.tests)

    def part_of(self, row: int) -> str:
        """Name the part a row belongs to: "train", "validation", a test period, or ""."""
        if row in self.fit:
            return "train"
        if row in self.validation:
            return "validation"
        return next((name for name, rows in self.tests.items() if row in rows), "")


@dataclass(frozen=True)
class Member:
    """A series of a data set, and how it is split.

    Attributes:
        series: The numbers.
        split: Which rows may be learned from.
    """

    series: Series
    split: Split


@dataclass(frozen=True)
class Dataset:
    """One series, or many of the same columns, each with its split.

    Attributes:
        name: What it is called in run folders and pictures.
        members: Each series with its split, in the order of the source; at least one.
        variance: The variance of the target by which a mean squared error is divided to give the
            average relative variance (ARV), in squared units of the target; None where series of
            unlike sizes have none in common.
        variance_source: Where that variance comes from, for people.
        series_column: The column that tells the series apart, whose values are their names; None
            where there is one series and no such column.
        settings: Training settings that suit the series better than the general ones, by name; how
            they were chosen is said where they stand.
        origin: What `throughtime.data.load` takes to load it again; empty if it was made otherwise.
    """

    name: str
    members: tuple[Member, ...]
    variance: float | None = None
    variance_source: str = ""
    series_column: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, series: Series, split: Split, variance: float, variance_source: str, **other: Any
    ) -> Dataset:
        """Make a data set of one series, which is called as the series is."""
        return cls(series.name, (Member(series, split),), variance, variance_source, **other)

    @property
    def longest(self) -> Member:
        """The member that stands for all where one is looked at; the first of equal length."""
        return max(self.members, key=lambda member: len(member.series))

    @property
    def series(self) -> Series:
        """The only series, or the longest of many."""
        return self.longest.series

    @property
    def split(self) -> Split:
        """The split of the only series, or of the longest of many."""
        return self.longest.split

    @property
    def stored(self) -> bool:
        """Whether the values of the series are views of a file on disk."""
        return any(member.series.stored for member in self.members)

    @property
    def columns(self) -> tuple[str, ...]:
        """The target, then the covariates, of every series."""
        return self.members[0].series.columns

    @property
    def tests(self) -> tuple[str, ...]:
        """The names of the test periods, in the order of the first series that has them."""
        return tuple(dict.fromkeys(name for member in self.members for name in member.split.tests))

    def without_validation(self) -> Dataset:
        """Give the same data with the validation rows among those to fit."""
        members = (Member(m.series, m.split.without_validation()) for m in self.members)
        return replace(self, members=tuple(members))

    def digest(self) -> str:
        """Give the SHA-256 of all that is learned from: columns, times, values and the splits."""
        found = hashlib.sha256()
        for series, split in ((member.series, member.split) for member in self.members):
            parts = {"fit": split.fit, "validation": split.validation, **split.tests}
            named: list[Any] = [[(name, rows.start, rows.stop) for name, rows in parts.items()]]
            if self.series_column is not None:
                named += [self.series_column, series.name]
            # The bytes are those of json.dumps([columns, times, *named]), and then the values.
            found.update(f"[{json.dumps(series.columns)}, [".encode())
            for rows in _pieces(len(series)):
                texts = json.dumps(list(series.times[rows.start : rows.stop]))[1:-1]
                found.update(f"{', ' if rows.start else ''}{texts}".encode())
            found.update(f"], {json.dumps(named)[1:]}".encode())
            for rows in _pieces(len(series)):
                values = series.values[rows.start : rows.stop].double().contiguous()
                found.update(values.numpy().astype("<f8").tobytes())
            release()
        return found.hexdigest()


def _pieces(rows: int) -> Iterator[range]:
    """Some rows after others, so that no more of a long series than that is copied at a time."""
    for start in range(0, rows, _PIECE):
        yield range(start, min(start + _PIECE, rows))


_PIECE = 65_536
