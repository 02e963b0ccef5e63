"""Parquet and Feather files as tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from throughtime.data.errors import DataError
from throughtime.data.file import first_bytes
from throughtime.data.frames import table_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from throughtime.data.table import Table

PARQUET, FEATHER = "Parquet", "Feather"
_STREAM, _OLD_FEATHER = "Arrow stream", "Feather V1"
_BEGINNINGS = {
    b"PAR1": PARQUET,
    b"ARROW1": FEATHER,
    b"\xff\xff\xff\xff": _STREAM,
    b"FEA1": _OLD_FEATHER,
}
_ENDINGS = {
    ".parquet": PARQUET,
    ".pq": PARQUET,
    ".feather": FEATHER,
    ".arrow": FEATHER,
    ".ipc": FEATHER,
    ".arrows": _STREAM,
}


def columnar_format(path: Path) -> str | None:
    """Tell in which of these formats a file is; None for none, such as text, or a pipe.

    Args:
        path: The file.

    Returns:
        "Parquet", "Feather", "Feather V1" or "Arrow stream"; None for none of these.

    Raises:
        DataError: It cannot be read; or it is called one of these and is none.
    """
    begins = first_bytes(path, 8)
    found = next((kind for first, kind in _BEGINNINGS.items() if begins.startswith(first)), None)
    expected = _ENDINGS.get(path.suffix.lower())
    if expected and not found and not path.is_fifo():
        what = f"begins with {begins!r}" if begins else "is empty"
        raise DataError(
            f"{path} is no {expected} file: it {what}.\n"
            "To mend: write the file again, or name it .csv if it is text."
        )
    return found


def read_columnar(path: Path, kind: str) -> Table:
    """Read a file of columns.

    Args:
        path: The file.
        kind: What `columnar_format` gave.

    Raises:
        DataError: It is damaged, or holds no rows; or columns lack a name or share one.
    """
    import polars as pl  # heavy, and wanted only when a file is read

    readers: dict[str, Callable[..., pl.DataFrame]] = {
        PARQUET: pl.read_parquet,
        FEATHER: pl.read_ipc,
        _STREAM: pl.read_ipc_stream,
    }
    if kind not in readers:
        raise DataError(
            f"{path} is a Feather file of version 1, which is no longer read.\n"
            "To mend: write it as version 2, or as Parquet."
        )
    # Not as a path, in which polars would find patterns, addresses and folders of partitions.
    with path.open("rb") as file:
        try:
            frame = readers[kind](file)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise damaged(path, kind, error) from None
    return table_of(frame, str(path))


def damaged(path: Path, kind: str, error: BaseException) -> DataError:
    """Make the error that refuses a file which polars cannot read."""
    reason = str(error).strip().partition("\n")[0]
    return DataError(
        f"{path} is a damaged {kind} file, or one of a kind that polars does not read: "
        f"{reason[:200]}.\n"
        "To mend: write the file again; a download may have been cut short."
    )
