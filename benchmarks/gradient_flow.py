"""What `tt.flow` costs: time and memory of a whole measurement.

    python benchmarks/gradient_flow.py [--threads 2]

Each network is measured in a process of its own, whose largest memory is what it held at its peak,
torch itself included.
"""

import argparse
import multiprocessing
import platform
import resource
import time

import torch

import throughtime as tt

B, H = 16, 64
CASES = [(cell, T) for T in (200, 1000) for cell in ("elman", "gru", "lstm")]


def main() -> None:
    """Measure each network and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    threads = parser.parse_args().threads
    print(f"{platform.machine()}, torch {torch.__version__}, {threads} threads, B {B}, H {H}")
    print("| cell | T | losses followed | seconds | peak memory |\n|---|---|---|---|---|")
    context = multiprocessing.get_context("spawn")
    for cell, T in CASES:
        with context.Pool(1) as pool:
            losses, seconds, megabytes = pool.apply(measured, (cell, T, threads))
        print(f"| {cell} | {T} | {losses} | {seconds:.1f} | {megabytes:.0f} MB |", flush=True)


def measured(cell: str, T: int, threads: int) -> tuple[int, float, float]:
    """Measure a network; give how many losses were followed, the seconds and the peak in MB."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    loss = torch.nn.MSELoss(reduction="none")
    network = tt.Network(cell, 4, H, 1)
    tt.flow(network, torch.randn(8, B, 4), torch.randn(8, B, 1), loss)  # what is loaded once
    inputs, targets = torch.randn(T, B, 4), torch.randn(T, B, 1)
    begun = time.perf_counter()
    flow = tt.flow(network, inputs, targets, loss)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return len(flow.losses), seconds, peak


if __name__ == "__main__":
    main()
