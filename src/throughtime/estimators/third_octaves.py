"""Power of signals by thirds of an octave."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

POINTS = 8192
"""Points of a frame, at most: at 44.1 kHz frequencies are 5.4 Hz apart."""
_FEWEST = 64
_BINS = 2
"""Frequencies that a band holds, at least: below there are none."""


def third_octaves(signals: Sequence[Tensor], rate: float) -> tuple[list[float], list[list[float]]]:
    """Give the power of signals in bands of a third of an octave, 1000 Hz in the middle of one.

    The mean over frames that overlap by half, weighted by a Hann window (Welch 1967). A band that
    half the rate cuts is left out, and so are those that would hold fewer than two frequencies.

    Args:
        signals: [T] each, of one length.
        rate: Samples a second.

    Returns:
        The middles of the bands, in Hz; and for each signal its power in each, mean squares of
        samples. Both are empty where the signals have fewer than 64 samples.
    """
    T = len(signals[0])
    if T < _FEWEST:
        return [], [[] for _ in signals]
    points = min(POINTS, 2 ** (T.bit_length() - 1))
    window = torch.hann_window(points, dtype=torch.float64)
    frequencies = torch.fft.rfftfreq(points, 1 / rate, dtype=torch.float64)
    numbers = torch.round(3 * torch.log2(frequencies.clamp(min=1e-9) / 1000)).long()  # of a band
    spectra = []
    for signal in signals:
        frames = signal.double().unfold(0, points, points // 2) * window
        power = torch.fft.rfft(frames).abs().square().mean(0)  # [F]
        # Both halves of the spectrum count; Parseval's theorem makes mean squares of it.
        spectra.append(2 * power / (points * window.square().sum()))
    middles, found = [], [[] for _ in signals]  # type: tuple[list[float], list[list[float]]]
    for number in sorted(set(numbers[1:].tolist())):
        within = numbers == number
        middle = 1000 * 2 ** (number / 3)
        if int(within.sum()) < _BINS or middle * 2 ** (1 / 6) > rate / 2:
            continue
        middles.append(middle)
        for bands, spectrum in zip(found, spectra, strict=True):
            bands.append(float(spectrum[within].sum()))
    return middles, found
