"""The columns of numbers of a large file: which they are, and their numbers in a file on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from throughtime.data.faults import SHOWN, FirstFaults
from throughtime.data.numeric import MISSING, Column, number_faults, read_column, unusable
from throughtime.data.stored.large_table import LargeTable
from throughtime.data.stored.placing import Placing
from throughtime.data.stored.scratch import release, stored

if TYPE_CHECKING:
    from throughtime.data.table import Table

_NONE = np.empty(0)
_TOLD = 1000
"""Faults of a batch that are all described; of more, those that a message can show."""


def count_numbers(large: LargeTable, names: Sequence[str]) -> dict[str, Column]:
    """Count what columns hold, as `throughtime.data.numeric.read_column` does.

    Args:
        large: The file.
        names: The columns.

    Returns:
        Each column without its values. Of one whose type is that of numbers no more is counted
        than tells whether it has any.
    """
    import polars as pl  # heavy, and wanted only when a file is read

    found = {name: Column(name, _NONE, 0, 0) for name in names}
    typed = {n for n in names if large.types[n].is_numeric() or large.types[n] == pl.Boolean}
    pending = list(names)
    while pending:
        counted = {name: found[name] for name in pending}
        for rows, table in large.batches(pending):
            for name in pending:
                column = read_column(table, name, truths=False)
                counted[name] = Column(
                    name,
                    _NONE,
                    counted[name].given + column.given,
                    counted[name].numbers + column.numbers,
                    counted[name].truths + column.truths,
                )
            ready = [name for name in pending if name in typed and counted[name].numbers]
            if ready and rows.stop < large.rows:
                # They need not be read on: begin again without them.
                found |= {name: counted[name] for name in ready}
                pending = [name for name in pending if name not in ready]
                break
        else:
            found |= counted
            pending = []
    # Texts of true and false alone are numbers.
    return {
        name: replace(column, numbers=column.given)
        if column.given and column.truths == column.given
        else column
        for name, column in found.items()
    }


def store_numbers(
    placing: Placing, columns: Sequence[Column], faults: FirstFaults
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64] | None]:
    """Write columns side by side into a file, the rows of each series together.

    Args:
        placing: The file, and where its rows go.
        columns: What was counted of them.
        faults: Takes the cells that hold no finite number.

    Returns:
        The numbers [R, C]; and the place in the file of each row, counted from 0 [R], None where
        they are where they were.

    Raises:
        DataError: The file is damaged; or there is no room on disk.
    """
    large = placing.large
    values = stored((large.rows, len(columns)), np.float64)
    order = None if placing.column is None else stored((large.rows,), np.int64)
    for places, table in placing.batches([column.name for column in columns]):
        block = np.empty((len(table), len(columns)))
        for number, counted in enumerate(columns):
            truths = counted.truths > 0 and counted.truths == counted.given
            column = read_column(table, counted.name, truths)
            faulty = unusable(column)
            if len(faulty):
                told = _to_tell(table, column, faulty)
                faults.add(number_faults(table, column, told), more=len(faulty) - len(told))
            block[:, number] = column.values
        values[places] = block
        if order is not None:
            order[places] = table.places - 1
        release()
    return values, order


def _to_tell(table: Table, column: Column, faulty: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Give the faulty rows to describe: the first, and the first of each kind of fault."""
    if len(faulty) <= _TOLD:
        return faulty
    import polars as pl

    cells: Any = table.columns[column.name].gather(faulty)
    gap = np.isnan(column.values[faulty])
    told = {*range(SHOWN)}
    kinds = [gap, ~gap]
    if cells.dtype == pl.String:
        lower = cells.fill_null("").str.to_lowercase()
        missing = lower.is_in(list(MISSING)) | (lower.str.strip_chars_start("+-") == "nan")
        kinds = [missing.to_numpy(), ~missing.to_numpy() & gap, ~gap]
    told |= {int(np.flatnonzero(kind)[0]) for kind in kinds if kind.any()}
    return faulty[sorted(told)]
