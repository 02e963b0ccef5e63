"""How much memory a method takes for one batch: what a process of its own grows by."""

from __future__ import annotations

import ctypes
import multiprocessing
import warnings
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from throughtime.train.comparison.setting import Contender, Setting
from throughtime.train.rehearsal import rehearse

_PEAK = Path("/proc/self/clear_refs")


def memory_of(contender: Contender, setting: Setting) -> int | None:
    """Give the bytes by which a process grows, at most, while the method goes over a batch.

    The process is forked, and gives back first what others have used and freed, so that it does
    not serve this one. Linux alone tells.

    Args:
        contender: The method.
        setting: Brings network and batch.

    Returns:
        Bytes, in whole pages; None on other systems, and where the method fails.
    """
    if not _PEAK.exists() or "fork" not in multiprocessing.get_all_start_methods():
        return None
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(contender, setting, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        grown: int | None = mine.recv()
    except EOFError:
        grown = None
    process.join()
    return grown


def _measured(contender: Contender, setting: Setting, answer: Connection) -> None:
    # Threads do not outlive a fork: with one, nothing is asked of them.
    torch.set_num_threads(1)
    method = contender.method(0)
    model = setting.made(0)
    batch = setting.training(0)()
    warnings.simplefilter("ignore")
    try:
        # What is loaded once, and a gradient for every weight, are there from now on.
        rehearse(model, batch, setting.task.loss, method)
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        _give_back()
        before = grown_to("VmRSS")
        _PEAK.write_text("5")  # the most that is used counts from now on
        for _ in method(
            model, batch.inputs, batch.targets, setting.task.loss, lengths=batch.lengths
        ):
            pass
        answer.send(max(0, grown_to("VmHWM") - before))
    except (ArithmeticError, ValueError, OSError):
        answer.send(None)


def _give_back() -> None:
    """Let no memory that is free already serve what is measured."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
    if trim is not None:
        trim(0)


def grown_to(field: str) -> int:
    """Give a field of this process's status, in bytes.

    Args:
        field: "VmRSS", what it has in memory now; "VmHWM", the most it ever had.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(field))
    return 1024 * int(line.split()[1])
