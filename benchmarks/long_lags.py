"""Long time lags, learned: seeds solved, sequences needed, seconds.

    python benchmarks/long_lags.py [--only adding,reber] [--cells gru,lstm] [--seeds 5]
        [--first 0] [--threads 1] [--torch] [--out runs/long_lags]

The adding problem, the temporal order problem and the embedded Reber grammar, each with full
backpropagation through time on the settings that stand in `lags/`. `--torch` runs torch's own
layers in place of this package's, from the same weights on the same sequences. Seconds are those of
one training after the other; updates this small gain nothing from a second thread. Prints the
table, and writes it with machine and versions, and every trial, to long_lags.md, long_lags.json and
trials.csv. Takes three minutes.
"""

import argparse
import json
import sys
from pathlib import Path

from lags import EXPERIMENTS
from lags.table import as_csv, as_markdown, as_record
from throughtime.cli.machine import surroundings, using_threads
from throughtime.cli.racing.outcome import machine_line, versions_line


def main() -> None:
    """Train, and write what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help=f"tasks apart by commas: {', '.join(EXPERIMENTS)}")
    parser.add_argument("--cells", help="cells apart by commas: gru, lstm")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--torch", action="store_true", help="run torch's own layers")
    parser.add_argument("--out", type=Path, default=Path("runs/long_lags"))
    asked = parser.parse_args()
    known_cells = sorted({cell for one in EXPERIMENTS.values() for cell in one.settings})
    names = _chosen(parser, "--only", asked.only, list(EXPERIMENTS))
    cells = _chosen(parser, "--cells", asked.cells, known_cells)
    if min(asked.threads, asked.seeds) < 1 or asked.first < 0:
        parser.error("--threads and --seeds are whole numbers from 1, --first is one from 0")
    seeds = range(asked.first, asked.first + asked.seeds)
    outcomes = []
    with using_threads(asked.threads):
        for name in names:
            experiment = EXPERIMENTS[name]
            for cell in cells:
                setting, trials = experiment.settings[cell], []
                for seed in seeds:
                    trial = experiment.train(setting, seed, asked.torch)
                    trials.append(trial)
                    print(
                        f"{name}, {cell}, seed {seed}: {'' if trial.solved else 'NOT '}solved, "
                        f"{trial.sequences} sequences, {experiment.measure} {trial.error:.2g}, "
                        f"{trial.seconds:.1f} s",
                        file=sys.stderr,
                        flush=True,
                    )
                outcomes.append((experiment, setting, trials))
    known = surroundings(asked.threads)
    layers = "torch's own layers" if asked.torch else "this package's layers"
    lines = [
        machine_line(known),
        versions_line(known),
        f"{layers}; {_named(seeds)}: median (least to most)",
    ]
    text = "\n".join(f"- {line}" for line in lines) + "\n\n" + as_markdown(outcomes) + "\n"
    record = {**known, "by_torch": asked.torch, "experiments": as_record(outcomes)}
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "long_lags.md").write_text(text)
    (asked.out / "long_lags.json").write_text(json.dumps(record, indent=1) + "\n")
    (asked.out / "trials.csv").write_text(as_csv(outcomes))
    print(text)


def _named(seeds: range) -> str:
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"


def _chosen(
    parser: argparse.ArgumentParser, option: str, asked: str | None, known: list[str]
) -> list[str]:
    chosen = known if asked is None else asked.split(",")
    for name in chosen:
        if name not in known:
            parser.error(f"{option}: {name!r} is not known; known are {', '.join(known)}")
    return chosen


if __name__ == "__main__":
    main()
