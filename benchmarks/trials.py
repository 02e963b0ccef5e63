"""Independent trials, some at a time, each in a process of its own and on one thread."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

import torch

from throughtime.cli.machine import using_threads

Trial = TypeVar("Trial")
Outcome = TypeVar("Outcome")


def outcomes(
    run: Callable[[Trial], Outcome], trials: Sequence[Trial], processes: int
) -> list[Outcome]:
    """Run the trials, told on stderr as they end; give what came of them, in their order.

    Args:
        run: A function of a module, so that another process finds it; its outcome tells itself by
            `str`.
        trials: Each is run once; begin with the long ones.
        processes: How many run at a time; with 1 they run here, one after the other.
    """
    if processes == 1:
        found = []
        with using_threads(1):
            for trial in trials:
                found.append(run(trial))
                _tell(len(found), len(trials), found[-1])
        return found
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    with ProcessPoolExecutor(processes, context, torch.set_num_threads, (1,)) as pool:
        waiting = [pool.submit(run, trial) for trial in trials]
        for done, ended in enumerate(as_completed(waiting), 1):
            _tell(done, len(trials), ended.result())
        return [future.result() for future in waiting]


def _tell(done: int, of: int, outcome: object) -> None:
    print(f"{done}/{of}  {outcome}", file=sys.stderr, flush=True)
