"""The published figure: a guitar amplifier learned sample by sample by an LSTM of 16 units.

    python benchmarks/amplifier.py [--seeds 3]

Amplifier, signals and settings are those of `examples/amplifier.py`: 20 seconds at 44.1 kHz are
learned from, 5 seconds of other strings tested on. Prints error-to-signal ratio and seconds of
training of each seed, their medians, and what is reached without memory or without bending: the
input itself at its best level, and the best linear filter. Then the time that streaming takes, as a
share of the time that the signal lasts, on one thread.
"""

from __future__ import annotations

import argparse
import runpy
import statistics
from pathlib import Path

import torch
from torch import Tensor

from markdown_table import markdown_table
from throughtime.cli.machine import processor, versions
from throughtime.estimators import SequenceRegressor
from throughtime.estimators.regression_scores import error_to_signal
from throughtime.estimators.streaming import real_time_factor

EXAMPLE = runpy.run_path(str(Path(__file__).parents[1] / "examples" / "amplifier.py"))
RATE: int = EXAMPLE["RATE"]
TAPS = 512
BLOCKS = (1, 32, 128, 512)


def linear(dry: Tensor, wet: Tensor, taps: int) -> Tensor:
    """Fit a causal filter by least squares, sum_k w_k x_{t-k}, [taps]; one tap is a level."""
    size = 2 * len(dry)
    spectrum = torch.fft.rfft(dry, size)
    own = torch.fft.irfft(spectrum.abs() ** 2, size)[:taps]
    crossed = torch.fft.irfft(spectrum.conj() * torch.fft.rfft(wet, size), size)[:taps]
    lags = (torch.arange(taps)[:, None] - torch.arange(taps)).abs()
    return torch.linalg.solve(own[lags], crossed)


def through(filter: Tensor, x: Tensor) -> Tensor:
    """Send a signal through a filter."""
    size = len(x) + len(filter)
    return torch.fft.irfft(torch.fft.rfft(x, size) * torch.fft.rfft(filter, size), size)[: len(x)]


def main() -> None:
    """Train once a seed, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    named = ", ".join(f"{name} {number}" for name, number in versions("torch", "numpy").items())
    print(f"{processor()}, {torch.get_num_threads()} thread, {named}\n", flush=True)

    dry, other = EXAMPLE["guitar"](20.0, seed=1), EXAMPLE["guitar"](5.0, seed=2)
    wet, expected = EXAMPLE["amplifier"](dry), EXAMPLE["amplifier"](other)
    rows = []
    for name, taps in (("the input at its best level", 1), (f"linear filter, {TAPS} taps", TAPS)):
        ratio = error_to_signal(expected, through(linear(dry, wet, taps), other))
        rows.append([name, f"{ratio:.4f}", ""])
    ratios, seconds = [], []
    for seed in range(arguments.seeds):
        regressor: SequenceRegressor = EXAMPLE["learned"](dry, wet, seed=seed)
        ratios.append(error_to_signal(expected, torch.from_numpy(regressor.predict([other])[0])))
        seconds.append(regressor.outcome_.seconds)
        rows.append([f"LSTM of 16 units, seed {seed}", f"{ratios[-1]:.5f}", f"{seconds[-1]:.0f} s"])
    median = [f"{statistics.median(ratios):.5f}", f"{statistics.median(seconds):.0f} s"]
    rows.append(["LSTM of 16 units, median", *median])
    print(markdown_table(["what", "error-to-signal ratio", "learned in"], rows), "\n")

    stream = regressor.stream()
    shares = [[f"{block}", f"{real_time_factor(stream, RATE, block):.3f}"] for block in BLOCKS]
    print(markdown_table(["samples a call", "share of the signal's time"], shares))


if __name__ == "__main__":
    main()
