"""What is learned from: series to forecast, with what is to beat, and tasks that are drawn."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from throughtime.data import tasks
from throughtime.data.baselines import Autoregression, persistence
from throughtime.data.batch import Batch, Chunk
from throughtime.data.errors import DataError
from throughtime.data.reading import name_of, read_many, read_series
from throughtime.data.scaling import Scaling, transforms
from throughtime.data.scaling_by_series import ScalingBySeries
from throughtime.data.series import Dataset, Member, Series, Split
from throughtime.data.split import TEST, VALIDATION, chronological, dataset, panel
from throughtime.data.stream import Stream
from throughtime.data.sunspots import sunspots
from throughtime.data.text import Text, read_text

__all__ = [
    "Autoregression",
    "Batch",
    "Chunk",
    "DataError",
    "Dataset",
    "Member",
    "Scaling",
    "ScalingBySeries",
    "Series",
    "Split",
    "Stream",
    "Text",
    "chronological",
    "dataset",
    "load",
    "panel",
    "persistence",
    "read_many",
    "read_series",
    "read_text",
    "sources",
    "sunspots",
    "tasks",
    "transforms",
]

sources: dict[str, Callable[[], Dataset]] = {
    "sunspots": sunspots,
}
"""The series that come with the library, by name."""


def load(
    source: str | Path | Any,
    target: str | None = None,
    time: str | None = None,
    *,
    series: str | None = None,
    validation: float | None = None,
    test: float | None = None,
) -> Dataset:
    """Load a series by its name in `sources`, or from a file or a frame of one's own.

    Args:
        source: A name in `sources`; the path of a CSV, Parquet or Feather file; or a frame of
            polars or pandas, or a table of Arrow.
        target: The column to forecast; see `read_series`.
        time: The time column; see `read_series`.
        series: The column that tells apart several series, each of which is split by itself; see
            `read_many`.
        validation: The fraction of the rows that is validated on; 0.15 where left out.
        test: The fraction of the rows that is tested on; 0.2 where left out.

    Returns:
        The series, split in time.

    Raises:
        DataError: The file cannot be used, there is neither such a name nor such a file, or a
            registered source was asked for other columns or another split than it has.
    """
    if isinstance(source, str) and source in sources:
        found = sources[source]()
        _check_unchanged(source, found, target, time, series, validation, test)
        return replace(found, origin={"source": source})
    if isinstance(source, str) and not _looks_like_path(source):
        near = difflib.get_close_matches(source.lower(), sources, n=1)
        suggestion = f" Did you mean {near[0]!r}?" if near else ""
        raise DataError(
            f"{source!r} is neither a known source nor a file.{suggestion}\n"
            f"To mend: give one of the known sources ({', '.join(sources)}), or the path of a CSV, "
            "Parquet or Feather file."
        )
    shares = (VALIDATION if validation is None else validation, TEST if test is None else test)
    if series is None:
        found = dataset(read_series(source, target, time), *shares)
    else:
        many = read_many(source, target, time, series)
        found = panel(many, name_of(source), series, *shares)
    if not isinstance(source, str | Path):
        return found  # a frame is gone with its program
    origin = {
        "source": str(Path(source).absolute()),
        "target": target,
        "time": time,
        "validation": validation,
        "test": test,
    } | ({} if series is None else {"series": series})
    return replace(found, origin=origin)


def _looks_like_path(source: str) -> bool:
    """Whether a text is meant as a path, be it a wrong one, rather than as a name."""
    try:
        return bool(Path(source).suffix or len(Path(source).parts) > 1 or Path(source).exists())
    except (OSError, ValueError):  # too long, or a zero byte
        return True


def _check_unchanged(
    source: str,
    found: Dataset,
    target: str | None,
    time: str | None,
    series: str | None,
    validation: float | None,
    test: float | None,
) -> None:
    """Refuse what would otherwise be ignored in silence."""
    has = {"target": found.series.target, "time": found.series.time_name}
    for role, column in (("target", target), ("time", time)):
        if column not in (None, has[role]):
            raise DataError(
                f"The source {source!r} has {has[role]!r} as its {role}, not {column!r}.\n"
                f"To mend: leave the {role} out."
            )
    if series is not None:
        raise DataError(
            f"The source {source!r} is one series; {series!r} was given to tell several apart.\n"
            "To mend: leave the series column out."
        )
    if validation is not None or test is not None:
        raise DataError(
            f"The source {source!r} comes with its own split; fractions were given for another.\n"
            "To mend: leave the validation and test fractions out."
        )
