"""Steps of the native engine: instruction sets, memory, threads, denormal numbers."""

import ctypes
import os
import platform
import threading
import time
from pathlib import Path

import pytest
import torch

import throughtime as tt
from tests.engine.test_native import TOLERANCE, each_set
from throughtime.engine.native_module import instruction_set, module
from throughtime.nn.stepper import Stepper

__all__ = ["each_set"]

pytestmark = pytest.mark.skipif(module is None, reason="the native module is not built")


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("cell", tt.cells.registry)
def test_every_set_gives_the_bits_of_a_whole_sequence(
    cell: str, dtype: torch.dtype, each_set: str
) -> None:
    assert instruction_set() == each_set
    for I, H, rows in ((1, 1, 1), (5, 37, 3), (3, 21, 17), (8, 64, 40)):  # noqa: E741
        network = tt.Network(cell, I, H, 3, num_layers=2, dtype=dtype, output_activation="tanh")
        module.poison_workspaces()  # whatever a step reads, it must have written
        stepper = network.stepper(rows)
        assert stepper.engine == "native"
        x = torch.randn(7, rows, I, dtype=dtype)
        with torch.no_grad():
            y, _ = network(x)
        found = torch.stack([stepper(row) for row in x])
        assert float((found - y).abs().max()) < TOLERANCE[dtype] / 10


def test_layers_without_inputs_and_cells_without_weights() -> None:
    from tests.engine.test_unusual_cells import constant, fading, recurrent_only

    for cell, I in ((recurrent_only, 0), (fading, 2), (constant, 2), (tt.cells.gru, 0)):  # noqa: E741
        layer = tt.nn.Recurrent(cell, I, 5, num_layers=2)
        stepper = layer.stepper(2)
        stepper.state = state = torch.randn(2, 2, 5)
        x = torch.randn(4, 2, I)
        y, after = layer(x, state)
        assert torch.allclose(torch.stack([stepper(row) for row in x]), y, atol=1e-6)
        assert torch.allclose(stepper.state, after, atol=1e-6)


def resident_bytes() -> int:
    ctypes.CDLL(None).malloc_trim(0)  # what the C library holds on to is not meant
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only Linux tells")
def test_memory_is_given_back() -> None:
    layer, x = tt.nn.Recurrent("lstm", 8, 256, num_layers=2), torch.zeros(16, 8)
    weights = 4 * sum(parameter.numel() for parameter in layer.parameters())

    def made() -> Stepper:
        stepper = layer.stepper(16)
        stepper(x)
        return stepper

    def twenty_at_once() -> int:
        before = resident_bytes()
        held = [made() for _ in range(20)]
        held[0].refresh()
        return resident_bytes() - before

    assert twenty_at_once() > 15 * weights  # the control: it would be seen
    made()
    before = resident_bytes()
    for _ in range(5):
        twenty_at_once()
        made().refresh()
        assert module.kept_bytes() == 0
    assert resident_bytes() - before < 5 * weights


def test_no_memory_is_asked_for_in_a_step() -> None:
    stepper = tt.nn.Recurrent("lstm_peephole", 8, 32, num_layers=3).stepper(20)
    x = torch.randn(20, 8)
    stepper(x)
    module.release_workspaces()
    for _ in range(10):
        stepper(x)
    assert module.kept_bytes() == 0


def test_steppers_in_several_threads_know_nothing_of_each_other() -> None:
    layer = tt.nn.GRU(8, 128, 2)
    x = torch.randn(200, 1, 8)
    with torch.no_grad():
        right, _ = layer(x)
    wrong: list[float] = []

    def work(rows: int) -> None:
        stepper = layer.stepper(rows)
        for step, y in zip(x, right, strict=True):
            distance = (stepper(step.expand(rows, 8)) - y).abs().max()
            if distance > 1e-6:
                wrong.append(float(distance))

    threads = [threading.Thread(target=work, args=(rows,)) for rows in (1, 1, 9, 33)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_one_stepper_in_two_threads_is_refused() -> None:
    stepper = tt.nn.LSTM(1024, 1024, 2).stepper(64)  # long enough to be met at work
    x = torch.zeros(64, 1024)
    refused: list[str] = []
    ending = time.monotonic() + 20

    def work() -> None:
        while not refused and time.monotonic() < ending:
            try:
                stepper(x)
            except RuntimeError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "at work in another thread" in refused[0]
    assert stepper(x).isfinite().all()  # and works on


def test_bits_are_those_of_any_number_of_threads() -> None:
    layer, x = tt.nn.GRU(64, 256), torch.randn(5, 64, 64)
    found = []
    for count in (1, 2):
        torch.set_num_threads(count)
        try:
            stepper = layer.stepper(64)
            found.append(torch.stack([stepper(step) for step in x]))
        finally:
            torch.set_num_threads(1)
    assert torch.equal(*found)


def test_the_callers_denormal_numbers_stay() -> None:
    stepper = tt.nn.GRU(3, 7).stepper()
    stepper(torch.zeros(3))
    tiny = torch.tensor([1e-40])
    assert float(tiny * 1) != 0.0
    stepper.state = torch.full((1, 7), 1e-40)
    stepper(torch.full((3,), 1e-40))
    assert float(tiny * 1) != 0.0
