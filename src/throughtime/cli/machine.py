"""The machine and the versions that a figure or a fault was seen with."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def versions(*packages: str) -> dict[str, str]:
    """Give the versions of Python and of the packages that are installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """Name the processor as its maker does, where the system tells; else its architecture."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    if platform.system() == "Darwin":
        asked = subprocess.run(
            ["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True
        )
        if asked.returncode == 0 and asked.stdout.strip():
            return asked.stdout.strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """Count the logical processors that this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


_WORTH_A_SECOND_THREAD = 100_000
"""Elements of a step's gates from which torch's threads gain more than they cost."""


def use_threads(hidden: int, rows: int) -> None:
    """Run small networks on one thread.

    Torch's threads wait for work by spinning: on planes of a few hundred numbers that gains
    nothing, and beside another busy process it costs twenty times the arithmetic.

    Args:
        hidden: Units a layer.
        rows: Sequences in a batch.
    """
    import torch

    if 4 * hidden * rows < _WORTH_A_SECOND_THREAD:
        torch.set_num_threads(1)


@contextmanager
def using_threads(count: int) -> Iterator[None]:
    """Run what is inside on a number of torch's threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def instruction_sets() -> tuple[str | None, list[str]]:
    """Give the native engine's instruction set in use, and all that it has on this machine.

    Raises:
        ValueError: `THROUGHTIME_ISA` names one that this machine does not have.
    """
    from throughtime.engine.native_module import instruction_set, module

    if module is None:
        return None, []
    return instruction_set(), list(module.instruction_sets())


def surroundings(threads: int) -> dict[str, Any]:
    """Give machine, threads, instruction set and versions: what a figure means nothing without."""
    instruction_set, _ = instruction_sets()
    return {
        "processor": processor(),
        "platform": platform.platform(),
        "cores": cores(),
        "threads": threads,
        "instruction_set": instruction_set,
        "versions": versions("throughtime", "torch", "numpy", "jax"),
    }
