"""What is known of rows to come: covariates from a file or a frame, placed after what has been."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from throughtime.data.errors import DataError
from throughtime.data.faults import listed, quoted
from throughtime.data.future import following, step_of
from throughtime.data.reading import read_many
from throughtime.data.series import Series


def read_ahead(
    source: str | Path | Any,
    known: Sequence[str],
    after: Sequence[Series],
    horizon: int,
    time: str | None = None,
    series: str | None = None,
) -> list[Tensor]:
    """Read the covariates of rows that follow series.

    Args:
        source: A file or a frame, as for `read_many`; other columns, an empty target among them,
            are left out.
        known: The columns to read, in order. K
        after: What the rows follow.
        horizon: How many rows are needed of each, H.
        time: As for `read_many`.
        series: The column that tells series apart; None for one series.

    Returns:
        For each series its covariates, [H, K].

    Raises:
        DataError: A column, a series or a row is missing; or the first row does not follow.
    """
    read = read_many(
        source, known[0], time, series, minimum_rows=1, target_is="covariate that is known ahead"
    )
    found = {one.name: one for one in read}
    if series is None:
        found = dict.fromkeys((one.name for one in after), next(iter(found.values())))
    name = next(iter(found.values())).source
    missing = [one.name for one in after if one.name not in found]
    if missing:
        raise DataError(
            f"{name} has no rows to come of the series {listed(map(quoted, missing), shown=10)}.\n"
            f"To mend: give {', '.join(known)} of every series that is forecast."
        )
    return [_placed(one, found[one.name], known, horizon) for one in after]


def _placed(before: Series, ahead: Series, known: Sequence[str], horizon: int) -> Tensor:
    absent = [column for column in known if column not in ahead.columns]
    if absent:
        raise DataError(
            f"{ahead.source} lacks the column(s) {', '.join(absent)}, which the forecast needs to "
            f"know in advance; it has {', '.join(ahead.columns)}"
        )
    if len(ahead) < horizon:
        raise DataError(
            f"{ahead.source} has {len(ahead)} rows to come of {quoted(before.name)}; {horizon} are "
            f"to be forecast.\nTo mend: give {', '.join(known)} of {horizon} rows."
        )
    check_follows(before, ahead)
    places = [ahead.columns.index(column) for column in known]
    return torch.as_tensor(ahead.values[:horizon, places])


def check_follows(before: Series, ahead: Series) -> None:
    """Refuse rows that do not come right after a series, a step of its apart.

    Rows that are counted follow whatever comes before.

    Raises:
        DataError: With the time that was expected.
    """
    if before.clock is None:
        return
    end, begin = quoted(before.times[-1]), quoted(ahead.times[0])
    if ahead.clock is None or before.clock.kind != ahead.clock.kind:
        raise DataError(
            f"{ahead.source}: times begin with {begin}, and those before end with {end}.\n"
            f"To mend: write both in one notation, in a column called {quoted(before.time_name)}."
        )
    clock, times = following(before.clock, before.times, 1)
    step = step_of(before.clock)
    if abs(ahead.clock.positions[0] - clock.positions[0]) > 0.5 * step:
        raise DataError(
            f"{ahead.source}: the rows to come of {quoted(before.name)} begin with {begin}; "
            f"{quoted(times[0])} follows {end}.\nTo mend: give the rows from there on."
        )
    if len(ahead) > 1 and abs(step_of(ahead.clock) - step) > 0.5 * step:
        raise DataError(
            f"{ahead.source}: the rows to come of {quoted(before.name)} go from {begin} to "
            f"{quoted(ahead.times[1])}, which is not the step of the rows before.\n"
            "To mend: give every row to come."
        )
