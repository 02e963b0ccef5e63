"""The published figure: `throughtime train sunspots` with its defaults, seeds 0 to 4.

    python benchmarks/sunspots.py [--seeds 5] [ARGUMENTS OF throughtime train ...]

Prints the average relative variance of each seed, the medians, and the seconds of each whole run.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch


def main() -> None:
    """Train once a seed, in a process of its own, and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    arguments, rest = parser.parse_known_args()
    print(
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, "
        f"torch {torch.__version__}, Python {platform.python_version()}"
    )
    arvs: dict[str, list[float]] = {}
    seconds = []
    for seed in range(arguments.seeds):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", "from throughtime.cli import main; main()", "train"]
            options = ["--seed", str(seed), "--json", "--out", str(Path(folder) / "run"), *rest]
            started = time.perf_counter()
            finished = subprocess.run(
                [*command, "sunspots", *options], check=True, capture_output=True, text=True
            )
            seconds.append(time.perf_counter() - started)
        scores = json.loads(finished.stdout)["scores"]
        for period, score in scores["model"].items():
            arvs.setdefault(period, []).append(score["arv"])
        found = "  ".join(f"{period} {values[-1]:.4f}" for period, values in arvs.items())
        print(f"seed {seed}: {found}  {seconds[-1]:.1f} s", flush=True)
    for period, values in arvs.items():
        others = ", ".join(
            f"{name} {scores[name][period]['arv']:.4f}" for name in scores if name != "model"
        )
        print(f"median {period}: {statistics.median(values):.4f}  ({others})")
    print(f"median of a whole run: {statistics.median(seconds):.1f} s")


if __name__ == "__main__":
    main()
