"""The published figure: weekly CO2 at Mauna Loa forecast 24 weeks ahead, from 8 moments.

    pip install statsmodels
    python benchmarks/co2.py [--seeds 5] [--refit] [--validate]

The series is statsmodels' "co2", 1958 to 2001, its 59 gaps filled in between their neighbours. The
last 192 weeks are forecast 24 at a time, each part from all weeks before it; the network has
learned from the weeks before the first of them alone, or, with --refit, anew before each. Prints
the mean absolute scaled error, the continuous ranked probability score and the coverage of the
intervals, beside persistence and the seasonal-naive forecast, whose season is 52 weeks.

The settings were chosen with --validate: the same on the 192 weeks before.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from markdown_table import markdown_table
from throughtime.cli.machine import processor, versions
from throughtime.estimators import Forecaster

HORIZON, WINDOWS = 24, 8
SETTINGS = {"target": "co2", "difference": 1, "learning_rate": 0.005}
TRIED = (
    {},
    {"difference": 0},
    {"difference": 52},
    {"output": "student_t"},
    {"output": "quantiles"},
    {"output": "point"},
    {"hidden": 16},
    {"window": 104},
)
"""What was compared with these settings."""


def main() -> None:
    """Backtest once a seed, and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--refit", action="store_true")
    parser.add_argument("--validate", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # windows of 50 steps, 64 side by side, gain nothing from more
    from statsmodels.datasets import co2

    weekly = co2.load_pandas().data.interpolate()
    named = ", ".join(f"{n} {v}" for n, v in versions("torch", "numpy", "statsmodels").items())
    print(f"{processor()}, 1 thread, {named}; {len(weekly)} weeks to {weekly.index[-1].date()}")
    data = weekly.iloc[: -HORIZON * WINDOWS] if arguments.validate else weekly
    for tried in TRIED if arguments.validate else ({},):
        rows: dict[str, list[list[float]]] = {}
        seconds = []
        for seed in range(arguments.seeds):
            started = time.perf_counter()
            forecaster = Forecaster(**{**SETTINGS, **tried}, seed=seed)
            found = forecaster.backtest(
                data, horizon=HORIZON, windows=WINDOWS, refit=arguments.refit
            )
            seconds.append(time.perf_counter() - started)
            for name, score in found.scores().items():
                coverage = score["coverage"]
                rows.setdefault(name, []).append(
                    [score["mase"], score["mae"], score["crps"], coverage["80"], coverage["95"]]
                )
        print(f"\n{tried or 'the settings'}, median of {arguments.seeds} seeds (least - most)")
        print(
            markdown_table(
                ["", "MASE", "MAE, ppm", "CRPS, ppm", "in 80 %", "in 95 %"],
                [
                    [name, *map(said, zip(*scores, strict=True), [".3f"] * 3 + [".1%"] * 2)]
                    for name, scores in rows.items()
                ],
            )
        )
        print(f"{statistics.median(seconds):.1f} s a seed")


def said(values: tuple[float, ...], form: str) -> str:
    """Write the median, and the range where there is one."""
    middle = format(statistics.median(values), form)
    if min(values) == max(values):
        return middle
    return f"{middle} ({min(values):{form}} - {max(values):{form}})"


if __name__ == "__main__":
    main()
