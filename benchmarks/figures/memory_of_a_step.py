"""The bytes by which a process grows, at most, over its first training step of a size.

    python benchmarks/figures/memory_of_a_step.py lstm "32,1000,64,128" throughtime 2 states

Inputs and gradients of the results are there before; Linux tells the rest.
"""

import sys
from pathlib import Path

import torch

from throughtime import engine
from throughtime.cli.racing import sizes_of
from throughtime.cli.racing.contenders import line_up
from throughtime.cli.racing.problem import Size, draw


def main(cell: str, size: str, who: str, threads: str, kept: str) -> None:
    """Print them."""
    torch.set_num_threads(int(threads))
    (whole,) = sizes_of(size)
    with engine.keep(kept):
        grown(cell, Size(2, 3, 4, 5), who)  # loads what every step needs
        print(grown(cell, whole, who))


def grown(cell: str, size: Size, who: str) -> int:
    """Take a step and give them."""
    problem = draw(cell, size, torch.float32)
    (one,) = (one for one in line_up(problem, with_jax=False) if one.name == who)
    before = _bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the most that is used counts from now on
    kept = one.train()
    most = _bytes("VmHWM")
    del kept
    return most - before


def _bytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(field))
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
