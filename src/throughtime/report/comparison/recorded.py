"""A comparison as it lies in its folder: courses by method, laid upon each other over the seeds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from throughtime.report.numerals import number
from throughtime.report.record import mapping
from throughtime.report.table_file import read_columns

CURVES, FIGURES = "comparison.csv", "comparison.json"
FORMAT = 1

Values = Sequence[float | None]


@dataclass(frozen=True)
class Course:
    """What a method's trials came to along the way; one entry a share of the budget.

    Attributes:
        method: As it was asked for.
        steps: Time steps, the median over seeds.
        seconds: Likewise.
        loss: Median, least and greatest over the seeds.
        cosine: Median, least and greatest.
        norm_ratio: Median, least and greatest.
    """

    method: str
    steps: Sequence[float]
    seconds: Sequence[float]
    loss: tuple[Values, Values, Values]
    cosine: tuple[Values, Values, Values]
    norm_ratio: tuple[Values, Values, Values]


@dataclass(frozen=True)
class Comparison:
    """A comparison.

    Attributes:
        about: Task, network, settings and machine.
        methods: What each method came to, figures by name.
        courses: One a method.
    """

    about: Mapping[str, Any]
    methods: Sequence[Mapping[str, Any]]
    courses: Sequence[Course]

    def section(self, name: str) -> dict[str, Any]:
        """Give a part of `about`."""
        return mapping(self.about.get(name))


def read_comparison(folder: Path) -> Comparison:
    """Read a comparison's folder.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is not what its name says.
    """
    for name in (CURVES, FIGURES):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder}: expected the folder of a comparison, found no {name} in it; name the "
                "folder that throughtime compare wrote"
            )
    try:
        about = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{folder / FIGURES}: not JSON ({error}); write it again") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise ValueError(
            f"{folder / FIGURES}: expected a comparison of format {FORMAT}; use the version of "
            "throughtime that wrote it"
        )
    methods = [mapping(method) for method in about.get("methods", [])]
    columns = read_columns(
        folder / CURVES, ["method", "share", "steps", "seconds", "loss", "cosine", "norm_ratio"]
    )
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    names = [str(method.get("method")) for method in methods]
    courses = [_course(name, [row for row in rows if row["method"] == name]) for name in names]
    return Comparison(about, methods, courses)


def _course(method: str, rows: Sequence[Mapping[str, str]]) -> Course:
    shares: dict[float, list[Mapping[str, str]]] = {}
    for row in rows:
        share = number(row["share"])
        if share is not None:
            shares.setdefault(share, []).append(row)
    # A trial's last point, where it failed, lies between the others'.
    most = max((len(found) for found in shares.values()), default=0)
    kept = [shares[share] for share in sorted(shares) if 2 * len(shares[share]) >= most]

    def values(name: str) -> list[list[float]]:
        return [[v for row in found if (v := number(row[name])) is not None] for found in kept]

    def middle(name: str) -> list[float]:
        return [median(found) if found else 0.0 for found in values(name)]

    def spread(name: str) -> tuple[Values, Values, Values]:
        found = values(name)
        return (
            [median(v) if v else None for v in found],
            [min(v) if v else None for v in found],
            [max(v) if v else None for v in found],
        )

    return Course(
        method,
        middle("steps"),
        middle("seconds"),
        spread("loss"),
        spread("cosine"),
        spread("norm_ratio"),
    )
