"""Peak memory of a training step, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from figures.figure import Figure, at_most
from figures.measuring import Measuring
from throughtime.cli.racing import OURS, Size
from throughtime.cli.racing.contenders import TORCH


def memory(measuring: Measuring) -> Iterator[Figure]:
    """Compare with torch's a step whose sequences outweigh its weights."""
    for cell in ("lstm", "gru"):
        for size in (Size(32, 1000, 64, 128), Size(16, 2000, 32, 64)):
            what = f"{cell}: peak memory of a training step beside torch.nn, {size}"
            if not Path("/proc/self/clear_refs").exists():
                yield at_most(what, 1.0, None, note="only Linux tells how much a process used")
                continue
            measuring.tell(f"memory, {cell} {size}")
            threads = measuring.threads
            used = {name: _used(cell, size, name, threads) for name in (OURS, TORCH)}
            alone = _used(cell, size, OURS, threads, kept="states")
            yield at_most(what, 1.0, used[OURS] / used[TORCH], detail={"bytes": used})
            detail = {"bytes": {**used, OURS: alone}}
            yield at_most(f"{what}, states only", 0.5, alone / used[TORCH], detail=detail)


def _used(cell: str, size: Size, who: str, threads: int, kept: str = "everything") -> int:
    script = Path(__file__).with_name("memory_of_a_step.py")
    command = [sys.executable, str(script), cell, str(size), who, str(threads), kept]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
