"""The published figure: spoken digits told by a GRU of 64 units on log-mel features.

    python benchmarks/spoken_digits.py FOLDER [--seeds 5] [--one-direction]

FOLDER holds recordings of the Free Spoken Digit Dataset, `digit_speaker_index.wav`. Trained on
indices 5 to 14, tested on 0 to 4. Prints accuracy and seconds of each seed, and the medians; the
seconds are those of reading, features, training and testing. The settings are the ones that
`throughtime train` takes for recordings; `spoken_digits_settings.py` tells how they were chosen.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from throughtime.cli.machine import processor, use_threads, versions
from throughtime.data.audio import LabelledSequences, read_labelled
from throughtime.estimators import SequenceClassifier


def of_indices(data: LabelledSequences, indices: Sequence[int]) -> list[int]:
    """Find the recordings with some indices."""
    groups = data.groups("_([0-9]+)[.]wav$")
    return [place for place, group in enumerate(groups) if int(group) in indices]


def main() -> None:
    """Train once a seed, and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--one-direction", action="store_true", help="64 units, forward alone")
    arguments = parser.parse_args()
    use_threads(SequenceClassifier.hidden, SequenceClassifier.batch_size)
    named = ", ".join(f"{name} {number}" for name, number in versions("torch", "numpy").items())
    print(f"{processor()}, {torch.get_num_threads()} thread(s), {named}")
    accuracies, seconds = [], []
    for seed in range(arguments.seeds):
        started = time.perf_counter()
        data = read_labelled(arguments.folder)
        settings = {**data.settings, "bidirectional": not arguments.one_direction}
        classifier = SequenceClassifier(seed=seed, **settings)
        classifier.fit(*data.part(of_indices(data, range(5, 15))))
        accuracies.append(classifier.score(*data.part(of_indices(data, range(5)))))
        seconds.append(time.perf_counter() - started)
        print(f"seed {seed}: {accuracies[-1]:.1%}  {seconds[-1]:.1f} s", flush=True)
    print(f"median: {statistics.median(accuracies):.1%}  {statistics.median(seconds):.1f} s")


if __name__ == "__main__":
    main()
