"""Recordings that tests make: tones of a pitch a label, with noise."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

PITCHES = {"low": 300.0, "mid": 800.0, "high": 1800.0}
RATE = 8000


def write_tone(path: Path, pitch: float, seconds: float = 0.2, seed: int = 0) -> Path:
    draw = np.random.default_rng(seed)
    samples = np.arange(round(seconds * RATE)) / RATE
    tone = 0.3 * np.sin(2 * np.pi * pitch * (1 + 0.05 * draw.normal()) * samples)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone + 0.02 * draw.normal(size=len(samples)), RATE)
    return path


def write_tones(folder: Path, each: int = 6, pitches: Mapping[str, float] = PITCHES) -> Path:
    for label, pitch in pitches.items():
        for number in range(each):
            seconds = 0.1 + 0.03 * number
            write_tone(folder / f"{label}_{number}.wav", pitch, seconds, seed=number)
    return folder
