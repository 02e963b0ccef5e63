from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from throughtime.data import DataError
from throughtime.data.audio import as_wav, read_input, read_pair

RATE = 8000
NOISE = np.random.default_rng(0).normal(0, 0.1, 400)


def written(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


def test_a_pair_is_read_as_it_is(tmp_path: Path) -> None:
    pair = read_pair(written(tmp_path / "dry.wav", NOISE), written(tmp_path / "wet.wav", NOISE**2))
    torch.testing.assert_close(pair.dry, torch.from_numpy(NOISE).float())
    torch.testing.assert_close(pair.wet, torch.from_numpy(NOISE**2).float())
    assert (pair.rate, pair.seconds) == (RATE, 0.05)
    first, last = pair.parted(0.25)
    assert (len(first.dry), len(last.wet)) == (300, 100)
    assert torch.equal(torch.cat([first.wet, last.wet]), pair.wet)
    assert len({pair.digest(), first.digest(), last.digest()}) == 3
    with pytest.raises(DataError, match="400 would be left"):
        pair.parted(1e-4)


def test_all_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    dry = written(tmp_path / "dry.wav", np.stack([NOISE, NOISE], 1))
    wet = written(tmp_path / "wet.wav", np.zeros(390), 16000)
    with pytest.raises(DataError) as refused:
        read_pair(dry, wet)
    said = str(refused.value)
    assert "4 faults" in said
    assert "dry.wav: 2 channels; one was expected" in said
    assert "wet.wav: silence: all 390 samples are 0" in said
    assert "wet.wav: sample rate 16000 Hz; dry.wav has 8000 Hz" in said
    assert "wet.wav: 390 samples; dry.wav has 400" in said
    with pytest.raises(DataError, match=r"none\.wav: not there"):
        read_pair(tmp_path / "none.wav", wet)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    (tmp_path / "out.wav").write_bytes(as_wav(3 * NOISE, RATE))
    samples, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    np.testing.assert_array_equal(samples, (3 * NOISE).astype(np.float32))
    assert rate == RATE
    assert soundfile.info(tmp_path / "out.wav").subtype == "FLOAT"
    assert torch.equal(read_input(tmp_path / "out.wav", RATE).waveform, torch.from_numpy(samples))


def test_an_input_has_the_rate_that_was_learned(tmp_path: Path) -> None:
    quiet = written(tmp_path / "quiet.wav", np.zeros(100))
    assert len(read_input(quiet, RATE).waveform) == 100  # silence may be played
    both = written(tmp_path / "both.wav", np.zeros((100, 2)), 44100)
    with pytest.raises(DataError, match=r"(?s)2 faults.*2 channels.*44100 Hz; the network"):
        read_input(both, RATE)
    with pytest.raises(DataError, match="not there"):
        read_input(tmp_path / "none.wav", None)
