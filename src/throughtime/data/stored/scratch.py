"""Arrays larger than memory: in files without a name, which are gone when the program ends."""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from throughtime.data.errors import DataError

FOLDER = "THROUGHTIME_SCRATCH"
"""The environment variable that says in which folder the files lie."""

_ROOMY = Path("/var/tmp")  # kept on disk, where /tmp is often a part of memory

_maps: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


def stored(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Make an array of zeros whose memory is a file.

    The file has no name from its first moment on where the system allows that, as Linux and macOS
    do: however the program ends, a kill included, its space is free again. It lies in the folder
    that THROUGHTIME_SCRATCH names, else in that of TMPDIR, else in /var/tmp.

    Args:
        shape: Of the array; at least one element.
        dtype: Of its elements.

    Returns:
        The array, which can be written to. What was read or written stays in memory as long as
        there is room, and `release` takes it out of the program's own.

    Raises:
        DataError: There is no such folder, or no room in it.
    """
    kind = np.dtype(dtype)
    size = max(1, int(np.prod(shape, dtype=np.int64)) * kind.itemsize)
    folder = scratch_folder()
    try:
        with tempfile.TemporaryFile(dir=folder, prefix="throughtime-") as file:
            _reserve(file.fileno(), size, folder)
            memory = mmap.mmap(file.fileno(), size)
    except OSError as error:
        raise DataError(
            f"The table is larger than memory should hold, and {size / 1e9:.2g} GB for it cannot "
            f"be had in {folder}: {error.strerror or error}.\n"
            f"To mend: make room there, or name a folder on a larger disk in the environment "
            f"variable {FOLDER}."
        ) from None
    _maps.add(memory)
    return np.frombuffer(memory, dtype=kind, count=int(np.prod(shape))).reshape(shape)


def release() -> None:
    """Take the pages of all stored arrays out of this program's memory; they stay readable.

    They remain in the system's cache, which gives them up when something else needs the room.
    Whoever goes through much that is stored calls it now and then; without anything stored it does
    nothing.
    """
    if not hasattr(mmap, "MADV_DONTNEED"):  # Windows takes pages back by itself
        return
    for memory in list(_maps):
        memory.madvise(mmap.MADV_DONTNEED)


def scratch_folder() -> Path:
    """Give the folder that stored arrays are made in."""
    named = os.environ.get(FOLDER) or os.environ.get("TMPDIR")
    if named:
        return Path(named)
    if _ROOMY.is_dir() and os.access(_ROOMY, os.W_OK):
        return _ROOMY
    return Path(tempfile.gettempdir())


def _reserve(file: int, size: int, folder: Path) -> None:
    """Have the room on disk before anything is written: a full disk would end the program later."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
        return
    free = shutil.disk_usage(folder).free
    if free < size:
        raise OSError(f"{free / 1e9:.2g} GB are free")
    os.truncate(file, size)
