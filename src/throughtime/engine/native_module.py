"""The native module, loaded; its threads and its instruction set."""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

try:
    module: Any = importlib.import_module("throughtime.engine._native")
    missing = ""
except ImportError as error:  # the package works without it, only slower
    module = None
    missing = str(error)
    warnings.warn(
        f"the native engine is not there ({error}); recurrent layers run on the reference engine, "
        "which is slow. To mend: install the package with a C++ compiler at hand",
        stacklevel=2,
    )


def share_torchs_threads() -> None:
    """Let the OpenMP threads that torch has brought along run the engine too, where there are any.

    Two pools get in each other's way: torch's threads spin for milliseconds after each operation.
    """
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return
    for line in maps.read_text().splitlines():
        path = line.split(maxsplit=5)[-1]
        if "libgomp" in path and "torch" in path:
            runtime = ctypes.CDLL(path)
            names = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")
            functions = (getattr(runtime, name) for name in names)
            module.use_openmp(*(ctypes.cast(f, ctypes.c_void_p).value for f in functions))
            return


if module is not None:
    share_torchs_threads()


def release() -> None:
    """Give back the memory that passes have left to be used again, at most 256 MiB.

    Layers do it when they go; whoever keeps running others pays for fresh memory once.
    """
    if module is not None and not sys.is_finalizing():
        module.release_workspaces()


def instruction_set() -> str:
    """Name the instruction set in use: the widest there is, or `THROUGHTIME_ISA`.

    Raises:
        ValueError: `THROUGHTIME_ISA` names one that this machine does not have.
    """
    return _instruction_set(os.environ.get("THROUGHTIME_ISA") or None)


@cache
def _instruction_set(asked: str | None) -> str:
    available: list[str] = module.instruction_sets()
    if asked is None:
        return available[0]
    if asked not in available:
        raise ValueError(f"THROUGHTIME_ISA is {asked!r}; this machine has {', '.join(available)}")
    return asked
