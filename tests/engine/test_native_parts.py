"""Small batches on the native engine: threads share the units, and wait for one another."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import throughtime as tt
from tests.engine.test_native import (
    SETS,
    SETS_IN_BETWEEN,
    TOLERANCE,
    distance,
    everything,
    recurrence,
)
from throughtime.engine.native import native
from throughtime.engine.native_module import module
from throughtime.engine.reference import reference

pytestmark = pytest.mark.skipif(module is None, reason="the native module is not built")

ROOT = Path(__file__).parents[2]
SIZES = ((1, 128), (3, 200), (6, 257), (7, 128))  # rows, units: in parts, but for the last


@pytest.mark.parametrize(
    "instructions",
    [
        pytest.param(one, marks=[pytest.mark.thorough] if one in SETS_IN_BETWEEN else [])
        for one in SETS
    ],
)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("cell", tt.cells.registry)
def test_every_cell_equals_the_reference(
    cell: str, dtype: torch.dtype, instructions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THROUGHTIME_ISA", instructions)
    for number, (B, H) in enumerate(SIZES):
        given = recurrence(cell, T=5, B=B, H=H, dtype=dtype, reverse=number % 2 == 1)
        expected = everything(reference, given)
        for states_only in (False, True):
            found = everything(native, replace(given, states_only=states_only))
            assert distance(found, expected) < TOLERANCE[dtype], (B, H, states_only)


@pytest.mark.thorough
@pytest.mark.parametrize("instructions", SETS)
@pytest.mark.parametrize("cell", ["gru", "lstm_peephole"])
def test_several_chunks_of_steps(
    cell: str, instructions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THROUGHTIME_ISA", instructions)
    for (B, H, T), ragged, reverse in itertools.product(
        ((1, 128, 300), (3, 200, 90), (6, 256, 100)), (False, True), (False, True)
    ):
        given = recurrence(cell, T, B, H=H, ragged=ragged, reverse=reverse)
        expected = everything(reference, given)
        for states_only in (False, True):
            found = everything(native, replace(given, states_only=states_only))
            assert distance(found, expected) < 1e-11, (B, H, ragged, reverse, states_only)


def test_nothing_is_read_that_was_not_written() -> None:
    for B, H in SIZES:
        given = recurrence("lstm_peephole", 50, B, H=H)
        expected = everything(reference, given)
        for states_only in (False, True):
            for _ in range(2):
                found = everything(native, replace(given, states_only=states_only))
                assert distance(found, expected) < 1e-11
                module.poison_workspaces()


@pytest.mark.thorough
@pytest.mark.parametrize("pool", ["torch's threads", "our own"])
def test_no_thread_waits_for_one_that_is_not_there(pool: str) -> None:
    # In a process of its own: threads that wait for ever must fail the test, not hang it.
    program = f"""
from tests.engine.test_native_parts import alike_from_several_threads, module
if {pool == "our own"}:
    module.use_openmp(0)
alike_from_several_threads()
"""
    finished = subprocess.run([sys.executable, "-c", program], timeout=120, check=False, cwd=ROOT)
    assert finished.returncode == 0


def alike_from_several_threads() -> None:
    """Compare bits for 1, 2, 3 and 8 threads, from one thread of Python and from four at once."""
    given = [
        recurrence(cell, T, B, H=H, dtype=torch.float32)
        for cell, T, B, H in (
            ("gru", 140, 1, 128),
            ("lstm", 30, 3, 200),
            ("lstm_peephole", 20, 6, 512),
            ("independent", 30, 2, 128),
        )
    ]
    torch.set_num_threads(1)
    expected = [everything(native, one) for one in given]
    wrong: list[tuple[int, int]] = []

    def work(number: int, threads: int) -> None:
        torch.set_num_threads(threads)  # torch keeps it for each thread of Python
        for _ in range(3):
            found = everything(native, given[number])
            if not all(torch.equal(a, b) for a, b in zip(found, expected[number], strict=True)):
                wrong.append((number, threads))

    for threads in (1, 2, 3, 8):
        for number in range(len(given)):
            work(number, threads)
        at_once = [threading.Thread(target=work, args=(n, threads)) for n in range(len(given))]
        for thread in at_once:
            thread.start()
        for thread in at_once:
            thread.join()
    if wrong:
        raise AssertionError(f"other bits: (which, threads) {wrong}")


@pytest.mark.thorough
def test_a_forked_child_and_its_parent_share_the_units_among_threads_of_their_own() -> None:
    program = """
import os, torch
from tests.engine.test_native import recurrence
from throughtime.engine.native import native
torch.set_num_threads(2)
given = recurrence("gru", 60, 2, H=128, dtype=torch.float32)
before = native.run(given)[0].detach()
child = os.fork()
if child == 0:
    os._exit(0 if torch.equal(native.run(given)[0].detach(), before) else 3)
_, status = os.waitpid(child, 0)
assert torch.equal(native.run(given)[0].detach(), before)
raise SystemExit(os.waitstatus_to_exitcode(status))
"""
    finished = subprocess.run([sys.executable, "-c", program], timeout=120, check=False, cwd=ROOT)
    assert finished.returncode == 0
