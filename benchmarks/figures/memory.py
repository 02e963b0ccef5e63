"""Peak memory of a training step, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from figures.figure import Figure, at_most, measured
from figures.measuring import Measuring, checked, float32
from throughtime import engine
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
        for size in (Size(32, 200, 8, 32), Size(32, 100, 64, 128), Size(64, 50, 512, 512)):
            train = checked(float32(cell, *size))
            steps: dict[str, Callable[[], Any]]
            steps = {"everything": train, "states": partial(_keeping_states, train)}
            everything, states = measuring.medians(steps).values()
            what = f"{cell}: time of a training step, states only beside everything kept, {size}"
            yield measured(what, states / everything, detail={"seconds": [everything, states]})


def _keeping_states(train: Callable[[], Any]) -> Any:
    with engine.keep("states"):
        return train()


def _used(cell: str, size: Size, who: str, threads: int, kept: str = "everything") -> int:
    script = Path(__file__).with_name("memory_of_a_step.py")
    command = [sys.executable, str(script), cell, str(size), who, str(threads), kept]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
