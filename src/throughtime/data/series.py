"""A series and the way it is split in time: what every source of a forecast yields."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Series:
    """One evenly sampled series: a target and what was observed beside it.

    Attributes:
        name: What the series is called in run folders and pictures.
        target: The column to forecast; it is the first column of `values`.
        covariates: The other columns, in the order of `values`.
        time_name: The name of the time column ("row" where there is none).
        times: The time of each row, as it stands in the source. Length T.
        values: Target and covariates, float64. [T, 1 + covariates]
        source: Where the numbers come from, for people.
    """

    name: str
    target: str
    covariates: tuple[str, ...]
    time_name: str
    times: tuple[str, ...]
    values: Tensor  # [T, C]
    source: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The target, then the covariates."""
        return (self.target, *self.covariates)

    def __len__(self) -> int:
        return len(self.times)


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
class Dataset:
    """A series with its split and the variance that its errors are measured in.

    Attributes:
        series: The numbers.
        split: Which rows may be learned from.
        variance: The variance of the target by which a mean squared error is divided to give the
            average relative variance (ARV), in squared units of the target.
        variance_source: Where that variance comes from, for people.
        settings: Training settings that suit the series better than the general ones, by name; how
            they were chosen is said where they stand.
        origin: What `throughtime.data.load` takes to load it again; empty if it was made otherwise.
    """

    series: Series
    split: Split
    variance: float
    variance_source: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)

    def digest(self) -> str:
        """Give the SHA-256 of all that is learned from: columns, times, values and the split."""
        series, split = self.series, self.split
        parts = {"fit": split.fit, "validation": split.validation, **split.tests}
        named = [series.columns, series.times, [(n, r.start, r.stop) for n, r in parts.items()]]
        found = hashlib.sha256(json.dumps(named).encode())
        found.update(series.values.double().contiguous().numpy().astype("<f8").tobytes())
        return found.hexdigest()
