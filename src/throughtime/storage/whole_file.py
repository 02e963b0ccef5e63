"""A file that is there whole, or as it was before: written aside, flushed to disk, renamed."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from throughtime.storage.errors import StorageError

PART = ".part"
"""How the name of what is being written aside ends; it begins with a dot."""


@contextlib.contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file so that whoever looks, after a power cut too, finds the new one or the old one.

    What is written aside, `.NAME.part` beside it, is left behind by nothing but a kill; the next
    writing replaces it, and `sweep` removes it.

    Args:
        path: The file; one that is there is replaced. A link is replaced and not followed.

    Yields:
        What is to be written to. An error on the way leaves the file as it was.

    Raises:
        OSError: It cannot be written.
    """
    aside = path.with_name(f".{path.name}{PART}")
    with contextlib.suppress(FileNotFoundError):
        aside.unlink()
    try:
        with aside.open("xb") as file:  # "x" does not follow a link that lies in wait
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise
    flush(path.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file at once; see `whole`.

    Args:
        path: The file.
        content: What it shall hold.

    Raises:
        StorageError: It cannot be written.
    """
    try:
        with whole(path) as file:
            file.write(content)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error


def flush(path: Path) -> None:
    """Bring a file's content, or the names in a folder, to disk."""
    if os.name == "nt" and path.is_dir():
        return  # folders cannot be opened there
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def sweep(folder: Path) -> None:
    """Remove what a killed process has left unfinished in a folder that nobody else writes to."""
    for left in folder.glob(f".*{PART}"):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                left.unlink()
