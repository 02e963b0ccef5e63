"""Series cut into training, validation and test parts in the order of time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from throughtime.data.errors import DataError
from throughtime.data.faults import listed, quoted
from throughtime.data.series import Dataset, Member, Series, Split

FEWEST_FIT_ROWS = 20
FEWEST_ROWS = 2
"""In the validation part and in the test part."""

VALIDATION = 0.15
TEST = 0.2


def chronological(series: Series, validation: float = VALIDATION, test: float = TEST) -> Split:
    """Split a series in time: the first rows to fit, the next to validate, the last to test.

    Args:
        series: The series, T rows.
        validation: The fraction of all rows that is validated on, rounded down to whole rows.
        test: The fraction of all rows that is tested on, rounded down to whole rows.

    Returns:
        A split that uses every row once, with one test period called "test".

    Raises:
        DataError: A fraction is not between 0 and 1, together they leave nothing to fit, or a
            part would be shorter than 20 rows (fit) or 2 rows (validation, test).
    """
    _check_fractions(validation, test)
    rows = len(series)
    fitted, validated, tested = _parts(rows, validation, test)
    if _too_few(rows, validation, test):
        raise DataError(
            f"{series.source} has {rows} rows, too few to split: {fitted} to fit (at least "
            f"{FEWEST_FIT_ROWS}), {validated} to validate (at least {FEWEST_ROWS}) and {tested} to "
            f"test (at least {FEWEST_ROWS}).\n"
            f"To mend: give a series of {_enough(validation, test)} rows or more, or other "
            f"fractions than {validation} (validation) and {test} (test)."
        )
    return Split(
        fit=range(fitted),
        validation=range(fitted, fitted + validated),
        tests={"test": range(fitted + validated, rows)},
    )


def _check_fractions(validation: float, test: float) -> None:
    for name, fraction in (("validation", validation), ("test", test)):
        if not 0 < fraction < 1:
            raise DataError(
                f"The {name} fraction is {fraction}; it must lie between 0 and 1.\n"
                f"To mend: give the part of the rows to keep for it, such as {VALIDATION}."
            )
    if validation + test >= 1:
        raise DataError(
            f"Validation ({validation}) and test ({test}) take all of the rows and leave none to "
            "fit.\n"
            f"To mend: make them smaller, such as {VALIDATION} and {TEST}."
        )


def _parts(rows: int, validation: float, test: float) -> tuple[int, int, int]:
    """How many rows to fit, to validate and to test."""
    validated, tested = _whole(validation * rows), _whole(test * rows)
    return rows - validated - tested, validated, tested


def _too_few(rows: int, validation: float, test: float) -> bool:
    fitted, *others = _parts(rows, validation, test)
    return fitted < FEWEST_FIT_ROWS or min(others) < FEWEST_ROWS


def _enough(validation: float, test: float) -> int:
    """How many rows, and all numbers beyond, can be split so."""
    enough = max(
        FEWEST_FIT_ROWS / (1 - validation - test), FEWEST_ROWS / validation, FEWEST_ROWS / test
    )
    rows = math.ceil(enough - 1e-9)
    while not _too_few(rows - 1, validation, test):  # parts are rounded to whole rows
        rows -= 1
    return rows


def dataset(series: Series, validation: float = VALIDATION, test: float = TEST) -> Dataset:
    """Split a series in time and measure the variance of its training part.

    Args:
        series: The series.
        validation: As in `chronological`.
        test: As in `chronological`.

    Returns:
        The series, its split, and the population variance of the target over the training part
        (fit and validation rows): forecasting that part's mean has an ARV of 1 on it.

    Raises:
        DataError: The series cannot be split so, or its target is constant over the training part.
    """
    split = chronological(series, validation, test)
    train = series.values[split.train.start : split.train.stop, 0]
    variance = float(train.var(correction=0))
    # Rounding can give a constant a variance, and tiny differences none.
    if train.min() == train.max() or variance == 0:
        first, last = series.times[0], series.times[split.train.stop - 1]
        raise DataError(
            f"{series.source}: the target {quoted(series.target)} is constant ({train[0]:g}) "
            f"over the training part ({first} to {last}); there is nothing to learn.\n"
            "To mend: name another column as the target, give more rows, or leave the constant "
            "ones out."
        )
    return Dataset.of(
        series, split, variance, "population variance of the target over the training part"
    )


def panel(
    series: Sequence[Series],
    name: str,
    series_column: str,
    validation: float = VALIDATION,
    test: float = TEST,
) -> Dataset:
    """Split each of many series in time.

    Args:
        series: Of the same columns; at least one.
        name: What the data set is called.
        series_column: What tells the series apart.
        validation: Of the rows of each series, as in `chronological`.
        test: Of the rows of each series, as in `chronological`.

    Returns:
        The series and their splits. Some targets may be constant.

    Raises:
        DataError: Series are too short to be split so, which are named; or the target of each is
            constant over its training part.
    """
    _check_fractions(validation, test)
    source = series[0].source
    if short := [one for one in series if _too_few(len(one), validation, test)]:
        rows = listed((f"{quoted(one.name)} ({len(one)} rows)" for one in short), shown=10)
        raise DataError(
            f"{source}: {len(short)} of {len(series)} series are too short to split into rows to "
            f"fit, to validate and to test: {rows}.\n"
            f"To mend: leave them out, give series of {_enough(validation, test)} rows or more, or "
            f"other fractions than {validation} (validation) and {test} (test)."
        )
    members = tuple(Member(one, chronological(one, validation, test)) for one in series)
    parts = [member.series.values[: member.split.train.stop, 0] for member in members]
    # Rounding can give a constant a variance, and tiny differences none.
    if all(part.min() == part.max() or part.var(correction=0) == 0 for part in parts):
        raise DataError(
            f"{source}: the target {quoted(series[0].target)} is constant over the training part "
            "of every series; there is nothing to learn.\n"
            "To mend: name another column as the target, or give more rows."
        )
    return Dataset(name, members, series_column=series_column)


def _whole(rows: float) -> int:
    """Whole rows, where 0.29 of 100 rows is 29 and not 28 by the rounding of binary fractions."""
    return math.floor(rows + 1e-9)
