"""Log-mel features: how much sound there is in bands as wide as the ear hears them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from throughtime.data.errors import DataError

FLOOR = 1e-6
"""Power added before the logarithm: some 60 dB below a full-scale tone."""


def mel(hertz: float) -> float:
    """Give the pitch of a frequency in mel, 2595 log10(1 + f / 700) (O'Shaughnessy 1987)."""
    return 2595.0 * math.log10(1.0 + hertz / 700.0)


def hertz(pitch: float) -> float:
    """Give the frequency of a pitch in mel: the inverse of `mel`."""
    return float(700.0 * (10.0 ** (pitch / 2595.0) - 1.0))


def mel_matrix(bands: int, points: int, rate: int) -> Tensor:
    """Give triangular filters, evenly spaced in mel from 0 Hz to half the rate.

    Band b rises from edge b to edge b + 1, where it is 1, and falls to edge b + 2; the edges are
    bands + 2 pitches, evenly spaced (Davis & Mermelstein 1980).

    Args:
        bands: Filters.
        points: Points of the Fourier transform.
        rate: Samples a second.

    Returns:
        The weight of each frequency in each band, [points // 2 + 1, bands], float64.
    """
    frequencies = torch.arange(points // 2 + 1, dtype=torch.float64) * rate / points  # [F]
    top = mel(rate / 2)
    edges = torch.tensor(
        [hertz(top * place / (bands + 1)) for place in range(bands + 2)], dtype=torch.float64
    )
    rising = (frequencies[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies[:, None]) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0.0)  # [F, bands]


@dataclass
class LogMel:
    """The logarithm of the power in mel bands, frame by frame.

    It follows scikit-learn's transformers in that `fit` learns nothing and `transform` takes a list
    of waveforms.

    Attributes:
        rate: Samples a second of the waveforms.
        bands: Mel bands: the columns of the features.
        window: Seconds of a frame; it is weighted by a Hann window.
        step: Seconds between the middles of neighbouring frames.

    Raises:
        DataError: A number is out of range, or some band would hold no frequency at all.

    Example:
        >>> import torch
        >>> tuple(LogMel(rate=8000)(torch.randn(4000)).shape)
        (51, 40)
    """

    rate: int
    bands: int = 40
    window: float = 0.032
    step: float = 0.01

    def __post_init__(self) -> None:
        for name, low, high in (("rate", 100, 10_000_000), ("bands", 1, 1000)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise DataError(
                    f"{name} must be a whole number from {low} to {high}, got {value!r}."
                )
        for name in ("window", "step"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 10:
                raise DataError(f"{name} must be above 0 and at most 10 seconds, got {value!r}.")
        if self.samples < 4 or self.hop < 1:
            raise DataError(
                f"a window of {self.window} s and a step of {self.step} s are {self.samples} and "
                f"{self.hop} samples at {self.rate} Hz; at least 4 and 1 are needed."
            )
        empty = int((self._matrix().sum(0) == 0).sum())
        if empty:
            raise DataError(
                f"{empty} of {self.bands} mel bands hold no frequency of a window of {self.window} "
                f"s at {self.rate} Hz; ask for fewer bands or a longer window."
            )

    @property
    def samples(self) -> int:
        """Samples of a frame."""
        return round(self.window * self.rate)

    @property
    def hop(self) -> int:
        """Samples between neighbouring frames."""
        return round(self.step * self.rate)

    @property
    def points(self) -> int:
        """Points of the Fourier transform: the power of two that holds a frame."""
        return int(2 ** math.ceil(math.log2(self.samples)))

    def _matrix(self) -> Tensor:
        return mel_matrix(self.bands, self.points, self.rate)

    def __call__(self, waveform: Tensor) -> Tensor:
        """Give the features of a waveform.

        Frame t is around sample t * hop; beyond its ends the recording is silent. The power
        spectrum is divided by the squared sum of the window, so that a tone of amplitude a has
        power about a^2 / 4 whatever the window is.

        Args:
            waveform: Samples, [T], at least one.

        Returns:
            ln(FLOOR + power in each band), [T // hop + 1, bands], in the waveform's dtype.
        """
        waveform = torch.as_tensor(waveform)
        if waveform.ndim != 1 or len(waveform) == 0 or not waveform.is_floating_point():
            raise DataError(
                "a waveform is a row of one or more floating-point samples, [T]; got "
                f"{tuple(waveform.shape)}, {waveform.dtype}."
            )
        window = torch.hann_window(self.samples, dtype=waveform.dtype)
        spectrum = torch.stft(
            waveform,
            n_fft=self.points,
            hop_length=self.hop,
            win_length=self.samples,
            window=window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )  # [F, frames]
        power = spectrum.abs().square().T / window.sum().square()  # [frames, F]
        return (FLOOR + power @ self._matrix().to(power)).log()  # [frames, bands]

    def fit(self, X: Sequence[Tensor], y: object = None) -> LogMel:
        """Learn nothing: the features of a waveform depend on no other."""
        return self

    def transform(self, X: Sequence[Tensor]) -> list[Tensor]:
        """Give the features of each of some waveforms."""
        return [self(waveform) for waveform in X]

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: object) -> LogMel:
        """Rebuild from what `as_dict` gave; what was read from a file is not trusted.

        Raises:
            DataError: It is not that.
        """
        known = {"rate", "bands", "window", "step"}
        if not isinstance(saved, Mapping) or set(saved) != known:
            raise DataError(f"audio features need {', '.join(sorted(known))}; got {saved!r:.80}.")
        return cls(**saved)
