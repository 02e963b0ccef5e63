"""A Parquet or Feather file that is read some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.data.columnar import FEATHER, PARQUET, columnar_format, damaged
from throughtime.data.frames import table_of
from throughtime.data.table import check_names

if TYPE_CHECKING:
    import polars as pl

    from throughtime.data.table import Table

IN_MEMORY = 128 * 2**20
"""Bytes that the columns of a table may take as float64; larger ones are not read whole."""

BATCH = 24 * 2**20
"""Bytes of a batch, about: polars needs several times as much while it reads one."""

_SAMPLE = 1000
_FEWEST, _MOST = 256, 2**17
"""Rows of a batch, however wide or narrow they are."""


@dataclass(frozen=True)
class LargeTable:
    """A file of columns too large to be read whole.

    Attributes:
        name: The file, for messages.
        path: Where it is.
        kind: "Parquet" or "Feather".
        frame: Its columns, not read.
        types: The type of each column, by its name without spaces at its ends.
        rows: How many there are.
        head: The first row.
    """

    name: str
    path: Path
    kind: str
    frame: pl.LazyFrame
    types: Mapping[str, pl.DataType]
    rows: int
    head: Table

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[range, Table]]:
        """Read some columns from the first row to the last.

        Args:
            columns: Their names.

        Yields:
            Neighbouring rows counted from 0, and a table of them with their places in the file.

        Raises:
            DataError: The file is damaged.
        """
        frame = self.frame.select(columns)
        sample = self._read(frame, 0, min(_SAMPLE, self.rows))
        width = sum(column.estimated_size() for column in sample.columns.values()) / len(sample)
        count = min(_MOST, max(_FEWEST, int(BATCH / max(1.0, width))))
        for start in range(0, self.rows, count):
            rows = range(start, min(start + count, self.rows))
            yield rows, self._read(frame, rows.start, len(rows))

    def _read(self, frame: pl.LazyFrame, start: int, count: int) -> Table:
        import polars as pl  # heavy, and wanted only when a file is read

        try:
            found = frame.slice(start, count).collect()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise damaged(self.path, self.kind, error) from None
        table = table_of(found, self.name)
        return replace(table, places=table.places + start)


def larger_than_memory(source: Any) -> LargeTable | None:
    """Open a file of columns that is too large to be read whole; None for anything else.

    A file is too large if its columns took more than 128 MiB as float64.

    Args:
        source: The path of a file, or a frame.

    Raises:
        DataError: The file cannot be read, or columns lack a name or share one.
    """
    import polars as pl

    if not isinstance(source, str | Path):
        return None
    path = Path(source)
    kind = columnar_format(path)
    if kind not in (PARQUET, FEATHER):
        return None
    place = path.absolute()
    if kind == FEATHER and any(sign in str(place) for sign in "*?["):
        return None  # polars would find patterns in the path
    try:
        frame = (
            pl.scan_parquet(place, glob=False, hive_partitioning=False)
            if kind == PARQUET
            else pl.scan_ipc(place, hive_partitioning=False)
        )
        schema = frame.collect_schema()
        rows = int(frame.select(pl.len()).collect().item())
        if 8 * rows * len(schema) <= IN_MEMORY:
            return None
        head = frame.head(1).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return None  # whoever reads it whole says what is wrong with it
    names = [name.strip() for name in schema.names()]
    check_names(str(path), names)
    return LargeTable(
        name=str(path),
        path=path,
        kind=kind,
        frame=frame.rename(dict(zip(schema.names(), names, strict=True))),
        types=dict(zip(names, schema.dtypes(), strict=True)),
        rows=rows,
        head=table_of(head, str(path)),
    )
