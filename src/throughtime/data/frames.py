"""Frames of polars, pandas and Arrow as tables."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from throughtime.data.errors import DataError
from throughtime.data.faults import listed
from throughtime.data.table import Table, check_names

if TYPE_CHECKING:
    import polars as pl

FRAME = "the frame"
"""What a frame is called in messages."""


def is_frame(source: Any) -> bool:
    """Whether something is a frame of polars or pandas, or a table of Arrow."""
    if _of_pandas(source):
        return True
    if type(source).__module__.partition(".")[0] == "polars":
        return type(source).__name__ in ("DataFrame", "LazyFrame")
    return hasattr(source, "__arrow_c_stream__")


def read_frame(frame: Any) -> Table:
    """Take a frame as a table.

    The index of a pandas frame is its first column, unless it only counts the rows, be it those of
    a larger frame.

    Args:
        frame: Of polars or pandas, or what gives itself as a stream of Arrow batches.

    Raises:
        DataError: It holds no rows; or columns lack a name or share one.
    """
    import polars as pl

    if _of_pandas(frame):
        return table_of(*_from_pandas(frame))
    try:
        taken = frame.collect() if isinstance(frame, pl.LazyFrame) else pl.DataFrame(frame)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DataError(
            f"{FRAME} cannot be read: {reason[:200]}.\nTo mend: check how it is made."
        ) from None
    return table_of(taken, FRAME)


def table_of(frame: pl.DataFrame, name: str, columns: list[str] | None = None) -> Table:
    """Take a frame of polars as a table, spaces at the ends of its texts removed.

    Args:
        frame: The frame.
        name: For messages.
        columns: The columns' names; the frame's own if None.

    Raises:
        DataError: It holds no rows; or columns lack a name or share one.
    """
    import polars as pl

    columns = [column.strip() for column in (frame.columns if columns is None else columns)]
    check_names(name, columns)
    if frame.height == 0:
        what = f"columns ({listed(columns)})" if columns else "no columns"
        raise DataError(f"{name} has {what} and no rows.\nTo mend: give one row per time step.")
    text = (pl.String, pl.Categorical, pl.Enum)
    return Table(
        name=name,
        columns={
            column: values.cast(pl.String).str.strip_chars() if values.dtype in text else values
            for column, values in zip(columns, frame.get_columns(), strict=True)
        },
        places=np.arange(1, frame.height + 1),
        unit="row",
    )


def _of_pandas(source: Any) -> bool:
    pandas = sys.modules.get("pandas")  # whoever has a frame of it has imported it
    return pandas is not None and isinstance(source, pandas.DataFrame)


def _from_pandas(frame: Any) -> tuple[pl.DataFrame, str, list[str]]:
    """Take a pandas frame column by column; polars would ask for pyarrow to do it."""
    import polars as pl

    if frame.columns.nlevels > 1:
        raise DataError(
            f"{FRAME} has columns of {frame.columns.nlevels} levels; one name each is expected.\n"
            "To mend: join the levels to one name, or take a part of the frame."
        )
    index = frame.index
    if not _counts(frame):
        taken = {str(name) for name in frame.columns}
        named = [
            name if name is not None else ("index" if index.nlevels == 1 else f"level_{level}")
            for level, name in enumerate(index.names)
        ]
        clash = [str(name) for name in named if str(name) in taken]
        if clash:
            raise DataError(
                f"{FRAME} has {listed(map(repr, clash))} both in its index and as a column.\n"
                "To mend: rename one of the two, or drop the index: frame.reset_index(drop=True)."
            )
        frame = frame.reset_index(names=named)
    names = [str(name) for name in frame.columns]
    columns = [
        _column_of_pandas(frame.iloc[:, place]).alias(f"column {place}")
        for place in range(len(names))
    ]
    return pl.DataFrame(columns), FRAME, names


def _counts(frame: Any) -> bool:
    """Whether the index only counts rows, also those of a frame that this one is a part of.

    Whole numbers without a name may be years; they are not where they do not rise from row to row,
    or where a column holds dates.
    """
    index = frame.index
    if index.nlevels > 1 or index.name is not None:
        return False
    if type(index).__name__ == "RangeIndex":
        return True
    dated = any(getattr(kind, "kind", "O") == "M" for kind in frame.dtypes)
    rises = index.is_monotonic_increasing and index.is_unique
    return index.dtype.kind in "iu" and (dated or not rises)


def _column_of_pandas(column: Any) -> pl.Series:
    import polars as pl

    kind = column.dtype.kind if hasattr(column.dtype, "kind") else "O"
    if kind == "M":
        zone = getattr(column.dtype, "tz", None)
        values = pl.Series(column.to_numpy(dtype="datetime64[us]")).cast(pl.Datetime("us"))
        if zone is None:
            return values
        # What has no name, such as a fixed offset, is given in UTC.
        known = str(zone) if hasattr(zone, "key") or hasattr(zone, "zone") else "UTC"
        return values.dt.replace_time_zone("UTC").dt.convert_time_zone(known)
    missing = column.isna().to_numpy()
    if kind in "iuf":
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        if kind == "f" or missing.any():
            return pl.Series(numbers)
        return pl.Series(column.to_numpy(dtype=np.uint64 if kind == "u" else np.int64))
    values = column.tolist()
    if kind == "b":
        return pl.Series(
            [None if gone else bool(value) for value, gone in zip(values, missing, strict=True)],
            dtype=pl.Boolean,
        )
    texts = [None if gone else str(value) for value, gone in zip(values, missing, strict=True)]
    return pl.Series(texts, dtype=pl.String)
