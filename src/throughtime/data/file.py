"""A file of the user's, opened or refused with the reason."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from throughtime.data.errors import DataError

WANTED = "a CSV, Parquet or Feather file"


def read_bytes(path: Path) -> bytes:
    """Read a file, or a pipe, whole.

    Raises:
        DataError: It is missing, is no file, or cannot be read.
    """
    with _explained(path):
        return path.read_bytes()


def first_bytes(path: Path, count: int) -> bytes:
    """Read how a file begins; nothing of a pipe, whose bytes come only once.

    Raises:
        DataError: It is missing, is no file, or cannot be read.
    """
    with _explained(path):
        if path.is_fifo():
            return b""
        with path.open("rb") as file:
            return file.read(count)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        if path.is_dir():
            raise DataError(
                f"{path} is a folder; {WANTED} was expected.\nTo mend: name a file inside it."
            )
        # A pipe is welcome; a device such as /dev/zero never ends.
        if path.exists() and not (path.is_file() or path.is_fifo()):
            raise DataError(f"{path} is not a regular file.\nTo mend: give the path of {WANTED}.")
        yield
    except FileNotFoundError:
        raise DataError(
            f"{path}: no such file.{_nearest_file(path)}\n"
            f"To mend: check the path; relative paths start at {Path.cwd()}."
        ) from None
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}.\n"
            "To mend: check the path and the permissions of the file."
        ) from error
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{str(path)!r} cannot be a path: {error}.\nTo mend: give the path of {WANTED}."
        ) from error


def _nearest_file(path: Path) -> str:
    try:
        siblings = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, siblings, n=1)
    return f" Did you mean {str(path.with_name(near[0]))!r}?" if near else ""
