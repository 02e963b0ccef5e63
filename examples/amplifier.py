"""Learn a guitar amplifier from what went in and what came out, and play through it as it comes.

    python examples/amplifier.py

The amplifier is one that is known: a high-pass, a tube that bends one side sooner than the other,
a low-pass. An LSTM of 16 units learns it sample by sample from plucked strings and noise, by
truncated backpropagation through time, and is tested on other ones.
"""

import math

import numpy as np
import torch

from throughtime.estimators import SequenceRegressor
from throughtime.estimators.regression_scores import error_to_signal
from throughtime.estimators.streaming import real_time_factor

RATE = 44100


def low_pass(x: torch.Tensor, cutoff: float) -> torch.Tensor:
    """Filter [T] by y_t = a y_{t-1} + (1 - a) x_t, whose response is (1 - a) a^k."""
    a = math.exp(-2 * math.pi * cutoff / RATE)
    taps = min(len(x), math.ceil(-30 / math.log(a)))  # what comes later is below 1e-13
    response = (1 - a) * a ** torch.arange(taps, dtype=x.dtype)
    size = len(x) + taps
    return torch.fft.irfft(torch.fft.rfft(x, size) * torch.fft.rfft(response, size), size)[: len(x)]


def amplifier(x: torch.Tensor) -> torch.Tensor:
    """Send a signal [T] through the amplifier."""
    x = x - low_pass(x, 120.0)
    return low_pass(torch.tanh(5 * x + 0.3) - math.tanh(0.3), 4500.0)


def guitar(seconds: float, seed: int) -> torch.Tensor:
    """Draw plucked strings, two a second, over a little noise, [T]."""
    draw = torch.Generator().manual_seed(seed)
    T = round(seconds * RATE)
    x = 0.02 * low_pass(torch.randn(T, generator=draw, dtype=torch.float64), 3000.0)
    for start in range(0, T, RATE // 2):
        t = torch.arange(T - start, dtype=torch.float64) / RATE
        loudness, pitch = torch.rand(2, generator=draw, dtype=torch.float64).tolist()
        pitch = 82 * 2 ** (2.5 * pitch)
        harmonics = torch.arange(1, min(20, int(8000 / pitch)))[:, None]
        waves = torch.sin(2 * math.pi * pitch * harmonics * t) / harmonics
        pluck = (waves * torch.exp(-(1 + 0.5 * harmonics) * t)).sum(0)
        x[start:] += (0.05 + 0.25 * loudness) * pluck * (1 - torch.exp(-400 * t))
    return x


def learned(
    dry: torch.Tensor, wet: torch.Tensor, epochs: int = 40, hidden: int = 16, seed: int = 0
) -> SequenceRegressor:
    """Learn what makes one signal of the other."""
    regressor = SequenceRegressor(
        per="step",
        cell="lstm",
        hidden=hidden,
        method="tbptt:2048",
        window=11025,  # a quarter of a second, after
        warm_up=1000,  # samples that carry no loss
        batch_size=16,
        learning_rate=0.01,
        epochs=epochs,
        seed=seed,
    )
    return regressor.fit([dry], [wet])


def main(seconds: float = 20.0, epochs: int = 40, hidden: int = 16) -> tuple[float, float]:
    """Learn from so many seconds; give the error-to-signal ratio and the real-time factor."""
    dry, other = guitar(seconds, seed=1), guitar(seconds / 4, seed=2)
    regressor = learned(dry, amplifier(dry), epochs, hidden)
    wet = amplifier(other)
    (played,) = regressor.predict([other])
    ratio = error_to_signal(wet, torch.from_numpy(played))
    took = regressor.outcome_.seconds
    print(f"error-to-signal ratio on other strings: {ratio:.2%} (learned in {took:.0f} s)")

    stream = regressor.stream()  # 128 samples a call, as a sound card gives them
    blocks = [stream(block) for block in other[:RATE].split(128)]
    difference = np.abs(np.concatenate(blocks) - played[:RATE]).max()
    factor = real_time_factor(stream, RATE)
    print(f"block by block the same but for {difference:.0e}, in {factor:.2f} of the time it lasts")
    return ratio, factor


if __name__ == "__main__":
    main()
