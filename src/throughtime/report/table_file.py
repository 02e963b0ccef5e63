"""Reading a CSV file by columns, with faults named by file and row."""

import csv
from collections.abc import Iterable, Iterator, Sequence
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
        try:
            header = next(csv.reader(file), [])
        except csv.Error as error:
            raise _malformed(path, error) from error
        absent = [name for name in needed if name not in header]
        if absent or not header:
            raise ValueError(
                f"{path}: expected the columns {', '.join(needed) or 'of a header'}; "
                f"found {', '.join(header) or 'none'}; write the file again"
            )
        yield header
        yield from cells_of(file, len(header), path)


def cells_of(lines: Iterable[str], width: int, path: Path) -> Iterator[list[str]]:
    """Give the cells of lines that stand below a header of so many cells.

    Args:
        lines: Of the file.
        width: How many cells the header has.
        path: The file, for messages.

    Raises:
        ValueError: A row has more cells than the header.
    """
    try:
        for count, row in enumerate(csv.reader(lines), start=2):
            if len(row) == width:
                yield row
            elif len(row) > width:
                raise ValueError(
                    f"{path}, row {count}: expected {width} cells, found {len(row)}; "
                    "quote cells that hold a comma"
                )
            elif row:
                yield row + [""] * (width - len(row))
    except csv.Error as error:
        raise _malformed(path, error) from error


def _malformed(path: Path, error: csv.Error) -> ValueError:
    return ValueError(f"{path}: not a CSV file ({error}); write it again")
