"""Series from arrays: numpy's, torch's, and what turns into them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from throughtime.data.errors import DataError
from throughtime.data.numeric import LARGEST
from throughtime.data.ragged import ragged
from throughtime.data.series import Series

ARRAYS = "the arrays"
"""What arrays are called in messages."""


def series_of_arrays(y: Any, X: Any = None) -> tuple[Series, ...]:
    """Take arrays as series whose rows are counted.

    Args:
        y: A series [T]; one with covariates beside the target, the first column, [T, C]; or a list
            of such arrays, several series of any lengths.
        X: Covariates of the one series [T], [T, K]; they come beside it.

    Returns:
        The series: of several, called "0", "1", ... Columns are called as X has them, else "y",
        "x1", "x2", ...

    Raises:
        DataError: They hold no finite numbers, or X has another number of rows.
    """
    several = isinstance(y, list | tuple) and not all(_is_number(value) for value in y)
    if several and X is not None:
        raise DataError(
            "covariates beside several series are not taken as X.\n"
            "To mend: give arrays [T, C] whose first column is the target."
        )
    values = ragged(list(y) if several else [y], torch.float64)
    for number, own in enumerate(values):
        if float(own.abs().max()) > LARGEST:
            raise DataError(
                f"series {number} has numbers beyond {LARGEST:g}, whose squares overflow.\n"
                "To mend: give them in another unit."
            )
    names: Sequence[str] = ()
    if X is not None and getattr(X, "shape", (1, 1))[-1] != 0:
        names = [str(name) for name in getattr(X, "columns", ())]
        (covariates,) = ragged([X], torch.float64)
        if values[0].shape[1] != 1 or len(covariates) != len(values[0]):
            raise DataError(
                f"y is {tuple(values[0].shape)} and X {tuple(covariates.shape)}; y must be [T] and "
                "X [T, K].\nTo mend: give one row of X for each value of y."
            )
        values = [torch.cat([values[0], covariates], 1)]
    return tuple(
        _series("y" if len(values) == 1 else str(number), own, names)
        for number, own in enumerate(values)
    )


def covariates_of(X: Any, names: Sequence[str]) -> Tensor:
    """Take an array of rows to come, [H, K].

    Args:
        X: An array, its columns in the order of the names; of a frame, they are found by name, if
            names were given to what was learned from.
        names: Of the columns, K.

    Raises:
        DataError: It holds no finite numbers, has another number of columns, or lacks one.
    """
    given = [str(name) for name in getattr(X, "columns", ())]
    if given and tuple(names) != _named(len(names)):
        missing = [name for name in names if name not in given]
        if missing:
            raise DataError(
                f"the rows to come lack the column(s) {', '.join(missing)} that were learned from; "
                f"they have {', '.join(given)}.\nTo mend: give the same columns."
            )
        columns = dict(zip(given, X.columns, strict=True))
        X = X[[columns[name] for name in names]]
    if not names:
        return torch.empty(len(X), 0, dtype=torch.float64)
    (found,) = ragged([X], torch.float64, columns=len(names))
    return found


def _series(name: str, values: Tensor, names: Sequence[str]) -> Series:
    K = values.shape[1] - 1
    return Series(
        name=name,
        target="y" if "y" not in names else "y_",
        covariates=tuple(names) or _named(K),
        time_name="row",
        times=tuple(map(str, range(1, len(values) + 1))),
        values=values,
        source=ARRAYS,
    )


def _named(count: int) -> tuple[str, ...]:
    """Give covariates names that nobody has named."""
    return tuple(f"x{number}" for number in range(1, count + 1))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or getattr(value, "ndim", 1) == 0
