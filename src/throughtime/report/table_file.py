"""Reading a CSV file by columns, with faults named by file and row."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path


def read_columns(path: Path, needed: Sequence[str] = ()) -> dict[str, list[str]]:
    """Read a CSV file into its columns, in the order of its header.

    A row cut short, as an interrupted run may leave it last, counts as ending in empty cells.

    Args:
        path: The file.
        needed: Names of columns that must be there.

    Raises:
        ValueError: The file lacks a header or a column, or a row has more cells than the header.
    """
    rows = read_rows(path, needed)
    header = next(rows)
    columns: list[list[str]] = [[] for _ in header]
    for row in rows:
        for cell, column in zip(row, columns, strict=True):
            column.append(cell)
    return dict(zip(header, columns, strict=True))


def read_rows(path: Path, needed: Sequence[str] = ()) -> Iterator[list[str]]:
    """Read a CSV file row by row, however long it is: as `read_columns` does, the header first."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        try:
            header = next(rows, [])
            absent = [name for name in needed if name not in header]
            if absent or not header:
                raise ValueError(
                    f"{path}: expected the columns {', '.join(needed) or 'of a header'}; "
                    f"found {', '.join(header) or 'none'}; write the file again"
                )
            yield header
            for count, row in enumerate(rows, start=2):
                if len(row) == len(header):
                    yield row
                elif len(row) > len(header):
                    raise ValueError(
                        f"{path}, row {count}: expected {len(header)} cells, found {len(row)}; "
                        "quote cells that hold a comma"
                    )
                elif row:
                    yield row + [""] * (len(header) - len(row))
        except csv.Error as error:
            raise ValueError(f"{path}: not a CSV file ({error}); write it again") from error
