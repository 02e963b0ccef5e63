"""What is recorded of a held-out signal: where its excerpts lie, and its power by frequency."""

import math

import numpy as np
import pytest
import torch

from throughtime.estimators.played import FEWEST, played_as_recorded
from throughtime.estimators.regression_scores import error_to_signal
from throughtime.estimators.third_octaves import third_octaves

RATE = 8000


def tone(frequency: float, samples: int = 16000, rate: int = RATE) -> torch.Tensor:
    return torch.sin(2 * math.pi * frequency * torch.arange(samples, dtype=torch.float64) / rate)


def test_the_power_of_tones_is_in_their_bands() -> None:
    middles, (bands,) = third_octaves([tone(1000.0) + 0.1 * tone(250.0)], RATE)
    found = dict(zip(middles, bands, strict=True))
    # Half the squared amplitude; a Hann window spreads a tone over frequencies of its own band.
    assert found[1000.0] == pytest.approx(0.5, rel=1e-3)
    assert found[250.0] == pytest.approx(0.005, rel=1e-2)
    assert found[500.0] < 1e-9  # the control: nothing is there
    assert 1000.0 * 2 ** (1 / 3) in found
    assert max(middles) * 2 ** (1 / 6) <= RATE / 2


def test_all_bands_together_are_the_mean_square() -> None:
    noise = torch.randn(60000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    middles, (bands,) = third_octaves([noise], RATE)
    low, high = min(middles) * 2 ** (-1 / 6), max(middles) * 2 ** (1 / 6)
    # White noise has the same power at each frequency; some per cent by chance.
    assert sum(bands) == pytest.approx((high - low) / (RATE / 2), rel=0.05)


@pytest.mark.parametrize("samples", [64, 100, 1000, 8192, 20000])
def test_short_signals_have_fewer_bands(samples: int) -> None:
    middles, (one, two) = third_octaves([tone(1000.0, samples), tone(500.0, samples)], RATE)
    assert len(middles) == len(one) == len(two) > 1
    assert third_octaves([tone(1000.0, 63)], RATE) == ([], [[]])


def test_excerpts_lie_where_the_signal_is_loudest_and_where_it_is_missed() -> None:
    wet = 0.01 * tone(300.0, 4000)
    wet[1000:1300] *= 100
    played = wet.clone()
    played[3000:3200] += 0.5
    found = played_as_recorded(wet.float(), played.numpy(), RATE, 5000)
    loudest, worst = found["excerpts"]
    assert (loudest["of"], worst["of"]) == (["loudest"], ["worst"])
    assert 6000 <= loudest["start"] <= 6000 + 300 - FEWEST
    assert 8200 - FEWEST <= worst["start"] <= 8000
    assert len(loudest["target"]) == len(loudest["played"]) == FEWEST
    place = worst["start"] - 5000
    np.testing.assert_allclose(worst["played"], played[place : place + FEWEST], rtol=1e-4)
    part = slice(place, place + FEWEST)
    expected = error_to_signal(wet[part], played[part])
    assert worst["error_to_signal"] == pytest.approx(expected, rel=1e-5)
    assert loudest["error_to_signal"] == pytest.approx(0, abs=1e-12)


def test_one_excerpt_where_both_are_the_same_and_none_too_short() -> None:
    wet = tone(300.0, 100).float()
    found = played_as_recorded(wet, 0.9 * wet.numpy().astype(float), RATE, 0)
    (one,) = found["excerpts"]
    assert one["of"] == ["loudest", "worst"]
    assert len(one["target"]) == 100
    shares = found["spectrum"]
    assert sum(shares["error"]) == pytest.approx(0.01 * sum(shares["target"]), rel=1e-3)
