"""Tell sequences of different lengths apart: rising, falling and steady tones.

    python examples/classify_tones.py

A GRU reads log-mel features of generated recordings of 0.2 to 0.5 seconds. The pitches of the three
classes are drawn from one range, so that no single frame tells them apart: what tells is how the
pitch changes.
"""

import math

import torch

from throughtime.data.audio import LogMel
from throughtime.estimators import SequenceClassifier

RATE = 8000
SLOPES = {"rising": 4.0, "steady": 0.0, "falling": -4.0}  # octaves a second


def tone(slope: float) -> torch.Tensor:
    """Draw a recording: a tone whose pitch changes, under noise, [T]."""
    seconds = torch.arange(int(RATE * (0.2 + 0.3 * float(torch.rand(()))))) / RATE
    start = 400 * 2 ** (1.5 * float(torch.rand(())))
    pitch = start * 2 ** (slope * (seconds - seconds.mean()))
    phase = 2 * math.pi * torch.cumsum(pitch, 0) / RATE
    return 0.3 * torch.sin(phase) + 0.01 * torch.randn(len(seconds))


def main(each: int = 40) -> float:
    """Learn from so many tones a class, and give the accuracy on as many others."""
    torch.manual_seed(0)
    labels = list(SLOPES) * each
    features = LogMel(RATE, bands=32)
    known, other = ([features(tone(SLOPES[label])) for label in labels] for _ in range(2))
    classifier = SequenceClassifier(hidden=24, epochs=25, pooling="mean", offset=0.2)
    classifier.fit(known, labels)
    accuracy = classifier.score(other, labels)
    print(f"{accuracy:.1%} of {len(labels)} other tones are told right")
    for label, probabilities in zip(labels[:3], classifier.predict_proba(other[:3]), strict=True):
        told = ", ".join(
            f"{name} {p:.2f}" for name, p in zip(classifier.classes_, probabilities, strict=True)
        )
        print(f"{label}: {told}")
    return accuracy


if __name__ == "__main__":
    main()
