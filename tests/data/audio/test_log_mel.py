import math

import pytest
import torch

from throughtime.data import DataError
from throughtime.data.audio import LogMel
from throughtime.data.audio.log_mel import FLOOR, hertz, mel, mel_matrix


def plainly(waveform: torch.Tensor, features: LogMel) -> torch.Tensor:
    """The features by the definition of the Fourier transform, a frame and frequency at a time."""
    W, N, rate = features.samples, features.points, features.rate
    window = [0.5 - 0.5 * math.cos(2 * math.pi * n / W) for n in range(W)]
    edges = [
        700 * (10 ** (2595 * math.log10(1 + rate / 2 / 700) * b / (features.bands + 1) / 2595) - 1)
        for b in range(features.bands + 2)
    ]
    frames = []
    for frame in range(len(waveform) // features.hop + 1):
        first = frame * features.hop - W // 2
        bands = [0.0] * features.bands
        for k in range(N // 2 + 1):
            real = imaginary = 0.0
            for n in range(W):
                if 0 <= first + n < len(waveform):
                    weighed = window[n] * float(waveform[first + n])
                    real += weighed * math.cos(2 * math.pi * k * n / N)
                    imaginary -= weighed * math.sin(2 * math.pi * k * n / N)
            power = (real**2 + imaginary**2) / sum(window) ** 2
            frequency = k * rate / N
            for b in range(features.bands):
                low, middle, high = edges[b : b + 3]
                if low < frequency <= middle:
                    bands[b] += power * (frequency - low) / (middle - low)
                elif middle < frequency < high:
                    bands[b] += power * (high - frequency) / (high - middle)
        frames.append([math.log(FLOOR + band) for band in bands])
    return torch.tensor(frames, dtype=torch.float64)


@pytest.mark.parametrize("window", [0.016, 0.032])  # a power of two of samples, and padded to one
def test_features_are_those_of_the_definition(window: float) -> None:
    features = LogMel(rate=1000, bands=5, window=window, step=0.01)
    waveform = torch.randn(73, dtype=torch.float64)
    found = features(waveform)
    assert found.shape == (8, 5)
    torch.testing.assert_close(found, plainly(waveform, features), rtol=0, atol=1e-9)


def test_the_definition_tells_another_window_apart() -> None:
    waveform = torch.randn(73, dtype=torch.float64)
    other = plainly(waveform, LogMel(rate=1000, bands=5, window=0.016))
    found = LogMel(rate=1000, bands=5, window=0.02)(waveform)
    assert float((found - other).abs().max()) > 0.1


def test_filters_overlap_to_one_between_their_peaks() -> None:
    matrix = mel_matrix(bands=10, points=512, rate=8000)
    frequencies = torch.arange(257) * 8000 / 512
    first, last = (hertz(mel(4000) * place / 11) for place in (1, 10))
    inside = (frequencies >= first) & (frequencies <= last)
    torch.testing.assert_close(
        matrix[inside].sum(1), torch.ones(int(inside.sum()), dtype=torch.float64)
    )
    assert float(matrix.min()) == 0


def test_a_tone_stands_in_the_band_of_its_pitch_with_its_power() -> None:
    features = LogMel(rate=8000)
    samples = torch.arange(4000, dtype=torch.float64) / 8000
    found = features(0.5 * torch.sin(2 * torch.pi * 1000 * samples))[25].exp()
    peak = int(found.argmax())
    edges = [hertz(mel(4000) * place / 41) for place in range(42)]
    assert edges[peak] < 1000 < edges[peak + 2]
    # a quarter of the squared amplitude at its middle; the window's lobe spreads beside it
    assert 0.25 * 0.5**2 / 2 < float(found.sum()) < 0.25 * 0.5**2 * 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rate": 8000.5}, "rate must be a whole number"),
        ({"rate": 8000, "bands": 0}, "bands"),
        ({"rate": 8000, "bands": 200}, "hold no frequency"),
        ({"rate": 8000, "window": 0}, "window must be above 0"),
        ({"rate": 8000, "step": 1e-9}, "0 samples"),
    ],
)
def test_impossible_features_are_refused(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(DataError, match=said):
        LogMel(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("saved", [None, {}, {"rate": 8000}, {"rate": [], "bands": 1}])
def test_what_is_read_from_a_file_is_not_trusted(saved: object) -> None:
    with pytest.raises(DataError):
        LogMel.from_dict(saved)
    kept = LogMel(rate=8000, bands=20)
    assert LogMel.from_dict(kept.as_dict()) == kept


def test_no_waveform_is_refused() -> None:
    with pytest.raises(DataError, match="waveform"):
        LogMel(rate=8000)(torch.zeros(0))
