"""Checkpointed BPTT beside BPTT: gradients, memory and time.

    python benchmarks/checkpointing.py [--threads 2] [--repeats 9]

A network of one layer of 256 units on 16 rows of 1000 steps, float32; gradients are compared first,
in float64. A method is given a share of the bytes that BPTT keeps for its way back; that and the
growth of a process at its peak are shown (each in a process of its own, after a step on a short
sequence; Linux tells). Candidates take turns; medians. At the end a sequence of 100 000 steps: the
growth of a process at its peak over the whole step, nothing run before. Takes two minutes.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

import throughtime as tt
from figures.figure import UNITS, Figure, as_markdown, at_most
from figures.memory_of_a_step import _bytes
from throughtime.cli.machine import surroundings, using_threads
from throughtime.cli.racing.outcome import machine_line, versions_line

SHARES = (0.05, 0.1, 0.25, 0.5)
PROMISED = {0.05: 1.33}
LONG = "64MB"
squared = nn.MSELoss(reduction="none")

UNITS["bytes"] = lambda number: f"{number / 1e6:.1f} MB"


def main() -> None:
    """Print the table, or measure one process."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--grown", nargs=2, metavar=("CELL", "MEMORY"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if min(asked.threads, asked.repeats) < 1:
        parser.error("--threads and --repeats are whole numbers from 1")
    with using_threads(asked.threads):
        if asked.grown is not None:
            print(grown(*asked.grown))
            return
        figures: list[Figure] = []
        for cell in ("lstm", "gru"):
            figures += beside_bptt(cell, asked.repeats, asked.threads)
        for cell in ("lstm", "gru"):
            grew = _in_a_process(f"long-{cell}", LONG, asked.threads)
            what = f"{cell}: growth at the peak, T = 100 000, B = 4, I = 1, H = 64, memory={LONG!r}"
            figures.append(at_most(what, 256e6, grew, unit="bytes"))
    known = surroundings(asked.threads)
    print(f"- {machine_line(known)}\n- {versions_line(known)}\n\n{as_markdown(figures)}")


def problem(cell: str, T: int, dtype: torch.dtype = torch.float32) -> tuple[nn.Module, ...]:
    """Draw a network and a sequence for it."""
    torch.manual_seed(0)
    B, I, H = (4, 1, 64) if T > 10_000 else (16, 16, 256)  # noqa: E741
    model = tt.Network(cell, I, H, 1, dtype=dtype)
    return model, torch.randn(T, B, I, dtype=dtype), torch.randn(T, B, 1, dtype=dtype)


def step(method: tt.GradientMethod, model: nn.Module, x: Tensor, d: Tensor) -> tt.Update:
    """Compute the gradient of one sequence."""
    model.zero_grad()
    (update,) = method(model, x, d, squared)
    return update


def beside_bptt(cell: str, repeats: int, threads: int) -> list[Figure]:
    """Compare, weigh and time."""
    model, x, d = problem(cell, 1000, torch.float64)
    whole = kept(model, x)
    step(tt.BPTT(), model, x, d)
    right = [p.grad for p in model.parameters()]
    worst = 0.0
    for share in SHARES:
        step(tt.CheckpointedBPTT(int(share * whole)), model, x, d)
        for parameter, other in zip(model.parameters(), right, strict=True):
            difference = (parameter.grad - other).abs().max() / other.abs().max()
            worst = max(worst, float(difference))
    what = f"{cell}: largest difference from BPTT, float64"
    figures = [at_most(what, 1e-12, worst, unit="relative")]
    if worst > 1e-12:
        raise SystemExit(f"{what}: {worst:.1e}; wrong gradients are not timed")

    model, x, d = problem(cell, 1000)
    whole = kept(model, x)
    methods = {share: tt.CheckpointedBPTT(int(share * whole)) for share in SHARES}
    candidates: dict[float, tt.GradientMethod] = {1.0: tt.BPTT(), **methods}
    taken: dict[float, list[float]] = {share: [] for share in candidates}
    infos = {share: step(method, model, x, d).info for share, method in candidates.items()}
    for _ in range(repeats):
        for share, method in candidates.items():
            begin = time.perf_counter()
            step(method, model, x, d)
            taken[share].append(time.perf_counter() - begin)
    bptt = _in_a_process(cell, "all", threads)
    for share in SHARES:
        info = infos[share]
        grew = _in_a_process(cell, str(int(share * whole)), threads)
        name = f"{cell}, {100 * share:.0f} % of what BPTT keeps"
        ran = f"{info['forward_steps']:.0f} steps forward in segments of {info['segment']:.0f}"
        ratio = median(taken[share]) / median(taken[1.0])
        most = PROMISED.get(share, 2.0)
        figures += [
            at_most(f"{name}: predicted", share * whole, info["bytes"], unit="bytes"),
            at_most(f"{name}: growth at the peak beside BPTT's", 2 * share, grew / bptt, unit="%"),
            at_most(f"{name}: time beside BPTT's", most, ratio, note=ran),
        ]
    return figures


def kept(model: nn.Module, x: Tensor) -> int:
    """Count the bytes that a graph of the whole sequence keeps."""
    known = {t.untyped_storage().data_ptr() for t in (*model.parameters(), x)}
    found: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        _ = model(x)
    return sum(found.values())


def grown(cell: str, memory: str) -> int:
    """Give the bytes by which this process grows, at most, over a step."""
    method = (
        tt.BPTT()
        if memory == "all"
        else tt.CheckpointedBPTT(int(memory) if memory.isdigit() else memory)
    )
    long = cell.startswith("long-")
    model, x, d = problem(cell.removeprefix("long-"), 100_000 if long else 1000)
    if not long:
        step(method, model, x[:32], d[:32])  # gradients and the engine's room are there from now on
    before = _bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the most that is used counts from now on
    step(method, model, x, d)
    return _bytes("VmHWM") - before


def _in_a_process(cell: str, memory: str, threads: int) -> int | None:
    if not Path("/proc/self/clear_refs").exists():
        return None
    command = [sys.executable, __file__, "--threads", str(threads), "--grown", cell, memory]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


if __name__ == "__main__":
    main()
