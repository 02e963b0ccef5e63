"""How the settings of long_lags.py were found: on seeds that its figures do not use.

    python benchmarks/long_lags_settings.py [--only adding] [--seeds 3] [--processes 2]

Every combination of cell, start, rows an update and learning rate below is trained from seeds 100
and up. Printed are the seeds that solved the task, the most sequences that one of them needed, and
the largest error on fresh sequences; candidates are in the order of that. Takes about ten minutes.
"""

import argparse
import itertools
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import torch

from lags import EXPERIMENTS
from lags.training import Setting
from lags.trial import Trial

FIRST_SEED = 100


@dataclass(frozen=True)
class Grid:
    """What is tried for a task; a candidate that has not solved it by `most` is given up."""

    starts: tuple[str, ...]
    rows: tuple[int, ...]
    rates: tuple[float, ...]
    most: int | None = None


GRIDS = {
    "adding": Grid(("forget bias 1", "chrono"), (20,), (0.01, 0.02, 0.05)),
    "order-100": Grid(("forget bias 1", "chrono"), (1, 4), (0.01, 0.02), most=6000),
    "reber": Grid(("as torch", "forget bias 1"), (1,), (0.01, 0.02), most=4000),
}


def candidates(name: str) -> list[Setting]:
    """Give all settings that are tried for a task."""
    grid = GRIDS[name]
    return [
        replace(setting, start=start, rows=rows, rate=rate, most=grid.most or setting.most)
        for setting in EXPERIMENTS[name].settings.values()
        for start, rows, rate in itertools.product(grid.starts, grid.rows, grid.rates)
    ]


def run(name: str, setting: Setting, seed: int) -> Trial:
    """Train once, in a process of its own."""
    torch.set_num_threads(1)
    return EXPERIMENTS[name].train(setting, seed, False)


def standing(trials: list[Trial]) -> tuple[int, int, float]:
    """Give what candidates are ordered by: seeds not solved, sequences of the slowest, error."""
    return (
        sum(not trial.solved for trial in trials),
        max(trial.sequences for trial in trials),
        max(trial.error for trial in trials),
    )


def main() -> None:
    """Train all candidates and print how they did."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=list(GRIDS), help="only this task")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + asked.seeds)
    with ProcessPoolExecutor(asked.processes) as pool:
        for name in [asked.only] if asked.only else GRIDS:
            tried = candidates(name)
            jobs = list(itertools.product([name], tried, seeds))
            trials = iter(list(pool.map(run, *zip(*jobs, strict=True))))
            found = [(setting, list(itertools.islice(trials, asked.seeds))) for setting in tried]
            found.sort(key=lambda one: (one[0].cell, standing(one[1])))
            print("| task | cell | start | rows | rate | solved | most sequences | largest error |")
            print("|---|---|---|---|---|---|---|---|")
            for setting, ended in found:
                missed, most, error = standing(ended)
                print(
                    f"| {name} | {setting.cell} | {setting.start} | {setting.rows} | "
                    f"{setting.rate} | {asked.seeds - missed} of {asked.seeds} | {most:,} | "
                    f"{error:.2g} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
