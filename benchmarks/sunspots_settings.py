"""How the settings for the sunspots were chosen: by rolling-origin validation inside 1700-1920.

    python benchmarks/sunspots_settings.py [--processes 2] [--seeds 5]

Each candidate is trained on 1700-1820, on 1700-1855 and on 1700-1885, and forecasts the 35 years
that follow one step ahead; no year after 1920 is looked at. Its score is the average relative
variance, the median over seeds (100 and up, which the published figures do not use), averaged over
the three folds. Epochs are read off along the way, each with its two neighbours; the lowest is
chosen.
"""

import argparse
import itertools
import statistics
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

import torch

from throughtime.data import Dataset, Member, Split, sunspots
from throughtime.estimators import SeriesModel, Settings, compare
from throughtime.train import Row

FIRST_YEAR = 1700
ORIGINS = (1820, 1855, 1885)
HORIZON = 35
READ_AT = tuple(range(100, 601, 50))
CANDIDATES = [
    {"transform": transform, "hidden": hidden, "window": window, "learning_rate": rate}
    for transform, hidden, window, rate in itertools.product(
        ("none", "sqrt"), (4, 8, 16), (15, 30, 60), (0.003, 0.01)
    )
]


def fold(origin: int) -> Dataset:
    """Give the series up to 35 years after an origin, with everything before as training years."""
    whole = sunspots()
    known = origin - FIRST_YEAR + 1
    series = replace(
        whole.series,
        values=whole.series.values[: known + HORIZON],
        times=whole.series.times[: known + HORIZON],
    )
    split = Split(range(known), range(known, known), {"ahead": range(known, known + HORIZON)})
    return replace(whole, members=(Member(series, split),))


class Reader:
    """A callback that scores the forecaster at some epochs."""

    def __init__(self, forecaster: SeriesModel, dataset: Dataset) -> None:
        self.forecaster = forecaster
        self.dataset = dataset
        self.scores: dict[int, float] = {}

    def after_update(self, row: Row, steps: int) -> None:
        """Do nothing."""

    def after_epoch(self, row: Row) -> None:
        """Score."""
        if row.epoch in READ_AT:
            forecasts, _ = self.forecaster.predict(self.dataset.series)
            score = compare(self.dataset, [forecasts]).scores()["model"]["ahead"]
            self.scores[row.epoch] = score["arv"] if score else float("nan")


def run(candidate: dict[str, Any], origin: int, seed: int) -> dict[int, float]:
    """Train once; give the score at each epoch that is read."""
    torch.set_num_threads(1)
    dataset = fold(origin)
    settings = Settings(
        cell="gru", epochs=READ_AT[-1], stride=4, patience=None, seed=seed, **candidate
    )
    forecaster = SeriesModel.for_dataset(dataset, settings)
    reader = Reader(forecaster, dataset)
    forecaster.fit(dataset, [reader])
    return reader.scores


def main() -> None:
    """Train all candidates and print their scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--transform", choices=("none", "sqrt"), help="only these candidates")
    arguments = parser.parse_args()
    seeds = range(100, 100 + arguments.seeds)
    best: tuple[float, str] = (float("inf"), "")
    print(
        "transform hidden window rate  | "
        + " ".join(f"{epochs:>5}" for epochs in READ_AT)
        + "  epochs"
    )
    with ProcessPoolExecutor(arguments.processes) as pool:
        for candidate in CANDIDATES:
            if arguments.transform not in (None, candidate["transform"]):
                continue
            jobs = list(itertools.product([candidate], ORIGINS, seeds))
            scores = list(pool.map(run, *zip(*jobs, strict=True)))
            means = {
                epochs: statistics.mean(
                    statistics.median(
                        score[epochs]
                        for score, (_, of, _) in zip(scores, jobs, strict=True)
                        if of == origin
                    )
                    for origin in ORIGINS
                )
                for epochs in READ_AT
            }
            # The lowest of many noisy readings flatters itself; its neighbours are counted in.
            smooth, at = min(
                (statistics.mean((means[before], means[epochs], means[after])), epochs)
                for before, epochs, after in zip(READ_AT, READ_AT[1:], READ_AT[2:], strict=False)
            )
            best = min(best, (smooth, f"{candidate} epochs {at}"))
            name = "{transform:>9} {hidden:>6} {window:>6} {learning_rate:<5}".format(**candidate)
            readings = " ".join(f"{mean:.3f}" for mean in means.values())
            print(f"{name} | {readings} | {smooth:.4f} at {at}", flush=True)
    print(f"chosen: {best[1]}, {best[0]:.4f} with its neighbours")


if __name__ == "__main__":
    main()
