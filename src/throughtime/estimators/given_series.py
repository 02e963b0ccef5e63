"""Series as a forecaster is given them, whatever holds them, and what is known of rows to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from throughtime.data import DataError, Dataset, Member, Series, Split, read_many
from throughtime.data.ahead import read_ahead
from throughtime.data.arrays import covariates_of, series_of_arrays
from throughtime.data.faults import listed, quoted
from throughtime.data.frames import is_frame
from throughtime.data.reading import name_of
from throughtime.estimators.forecaster_parameters import ForecasterParameters


def read_given(parameters: ForecasterParameters, X: Any, y: Any = None) -> tuple[Series, ...]:
    """Read series.

    Args:
        parameters: They name the columns of files and frames.
        X: A data set, a file, a frame, an array [T] or [T, C], or a list of arrays; with y the
            covariates of each row.
        y: The target, [T], or None.

    Raises:
        DataError: They cannot be used; all that is wrong is named at once.
    """
    if isinstance(X, Dataset):
        return tuple(member.series for member in X.members)
    if y is not None:
        return series_of_arrays(y, X)
    if isinstance(X, str | Path) or (is_frame(X) and getattr(X, "ndim", 2) != 1):
        return read_many(X, parameters.target, parameters.time, parameters.series)
    return series_of_arrays(X)


def dataset_given(parameters: ForecasterParameters, X: Any, y: Any = None) -> Dataset:
    """Give what is to be learned as a data set; see `read_given`."""
    if isinstance(X, Dataset):
        return X if parameters.patience is not None else X.without_validation()
    found = whole_dataset(parameters, read_given(parameters, X, y))
    return replace(found, name=name_of(X)) if isinstance(X, str | Path) else found


def whole_dataset(parameters: ForecasterParameters, series: Sequence[Series]) -> Dataset:
    """Make a data set of whole series, the last rows of each to validate on, if that is wanted.

    Raises:
        DataError: Some are too short, or all are constant.
    """
    share = 0.0 if parameters.patience is None else parameters.validation
    least = 3 if share else 2
    if short := [one for one in series if len(one) < least]:
        named = listed((f"{quoted(one.name)} ({len(one)})" for one in short), shown=10)
        raise DataError(
            f"{series[0].source}: to learn from a series takes at least {least} rows, one of them "
            f"to validate on where there is patience; too short: {named}.\n"
            "To mend: give longer series, or leave the short ones out."
        )
    if all(one.values[:, 0].min() == one.values[:, 0].max() for one in series):
        raise DataError(
            f"{series[0].source}: the target {quoted(series[0].target)} is constant in every "
            "series; there is nothing to learn.\n"
            "To mend: name another column as the target, or give more rows."
        )
    members = tuple(Member(one, Split.whole(len(one), share)) for one in series)
    several = "series" if len(series) > 1 else None
    column = parameters.series if parameters.series is not None else several
    return Dataset(series[0].name, members, series_column=column)


def known_ahead(
    names: Sequence[str],
    series: Sequence[Series],
    horizon: int,
    future: Any,
    time: str | None,
    series_column: str | None,
) -> list[Tensor]:
    """Give the covariates of the rows to come of each series, [H, K] each.

    Args:
        names: Of the covariates, K.
        series: Those before.
        horizon: Rows to come, H.
        future: A file, a frame, or an array [H, K].
        time: The time column, if it is named.
        series_column: The column that tells series apart; None for one series.

    Raises:
        DataError: They are missing, too few, or do not follow.
    """
    if future is None:
        raise DataError(
            f"the forecast depends on {', '.join(names)} of the rows to come.\n"
            "To mend: give them as future, or train without naming them as known."
        )
    named = is_frame(future) and set(names) <= set(map(str, getattr(future, "columns", names)))
    if named or isinstance(future, str | Path):
        return read_ahead(future, names, series, horizon, time, series_column)
    ahead = covariates_of(future, names)
    if len(series) > 1 or len(ahead) < horizon:
        raise DataError(
            f"future has {len(ahead)} rows; {horizon} of {len(series)} series are to be "
            "forecast.\nTo mend: give as many, of several series as a frame or a file."
        )
    return [ahead[:horizon]]
