from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from tests.data.audio.tones import RATE, write_tone, write_tones
from throughtime.data import DataError
from throughtime.data.audio import LogMel, holds_recordings, read_labelled, read_recording
from throughtime.data.audio.recording import LONGEST, Recording
from throughtime.data.faults import Fault


def test_a_flat_folder_and_one_folder_a_label_are_the_same(tmp_path: Path) -> None:
    flat = read_labelled(write_tones(tmp_path / "flat", each=2))
    for file in (tmp_path / "flat").iterdir():
        label, _, rest = file.name.partition("_")
        (tmp_path / "deep" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "deep" / label / rest).write_bytes(file.read_bytes())
    deep = read_labelled(tmp_path / "deep")
    assert flat.labels == deep.labels == ("high", "high", "low", "low", "mid", "mid")
    assert deep.files[0] == "high/0.wav"
    assert all(torch.equal(a, b) for a, b in zip(flat.sequences, deep.sequences, strict=True))
    assert flat.features == LogMel(RATE)
    assert flat.sequences[0].shape == (round(0.1 * RATE) // flat.features.hop + 1, 40)


def test_wav_and_flac_are_read_alike_and_channels_averaged(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    stereo = np.round(draw.uniform(-0.5, 0.5, (500, 2)) * 2**15) / 2**15
    waveforms = []
    for name in ("a.wav", "a.flac"):
        soundfile.write(tmp_path / name, stereo, RATE)
        recording = read_recording(tmp_path / name)
        assert isinstance(recording, Recording)
        assert recording.rate == RATE
        waveforms.append(recording.waveform)
    assert torch.equal(*waveforms)
    torch.testing.assert_close(waveforms[0], torch.from_numpy(stereo.mean(1)).float())


def test_other_files_are_passed_over(tmp_path: Path) -> None:
    write_tones(tmp_path, each=2)
    for name in ("README.md", ".hidden_1.wav", "list.csv"):
        (tmp_path / name).write_text("text")
    assert len(read_labelled(tmp_path)) == 6
    assert holds_recordings(tmp_path)
    assert not holds_recordings(tmp_path / "README.md")
    assert not holds_recordings(tmp_path / "missing")


def _spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _truncate(folder: Path) -> None:
    _spoil(folder / "low_1.wav")


def _truncate_flac(folder: Path) -> None:
    path = folder / "low_9.flac"
    soundfile.write(path, np.random.default_rng(0).uniform(-1, 1, 30000), RATE)
    path.write_bytes(path.read_bytes()[:20000])


def _corrupt(folder: Path) -> None:
    (folder / "low_1.wav").write_bytes(b"RIFF" + bytes(100))


def _header_alone(folder: Path) -> None:
    path = folder / "low_1.wav"
    path.write_bytes(path.read_bytes()[:30])


def _empty_file(folder: Path) -> None:
    (folder / "low_1.wav").write_bytes(b"")


def _no_samples(folder: Path) -> None:
    soundfile.write(folder / "low_1.wav", np.zeros(0), RATE)


def _other_rate(folder: Path) -> None:
    soundfile.write(folder / "low_1.wav", np.zeros(1600), 16000)


def _text(folder: Path) -> None:
    (folder / "low_1.wav").write_text("this is no sound")


def _mp3(folder: Path) -> None:
    (folder / "low_9.mp3").write_bytes(b"ID3")


def _unlabelled(folder: Path) -> None:
    write_tone(folder / "nothing.wav", 300)


def _one_of_a_class(folder: Path) -> None:
    write_tone(folder / "rare_0.wav", 300)


def _both_layouts(folder: Path) -> None:
    write_tone(folder / "other" / "0.wav", 300)


def _nan(folder: Path) -> None:
    samples = np.zeros(800)
    samples[7] = np.nan
    soundfile.write(folder / "low_1.wav", samples, RATE, subtype="FLOAT")


def _too_long(folder: Path) -> None:
    soundfile.write(folder / "low_1.wav", np.zeros(round((LONGEST + 1) * 100)), 100)


def _folder_as_file(folder: Path) -> None:
    (folder / "low_1.wav").unlink()
    (folder / "low_1.wav").symlink_to(folder / "not there")


FAULTS: dict[Callable[[Path], None], list[str]] = {
    _truncate: ["low_1.wav: truncated", "of samples are there", "copy or export"],
    _truncate_flac: ["low_9.flac: "],
    _corrupt: ["low_1.wav: neither WAV nor FLAC, or damaged", "export"],
    _header_alone: ["low_1.wav: "],
    _empty_file: ["low_1.wav: the file is empty, 0 bytes"],
    _no_samples: ["low_1.wav: 0 samples"],
    _other_rate: ["low_1.wav: sample rate 16000 Hz; the others have 8000 Hz", "-ar 8000"],
    _text: ["low_1.wav: neither WAV nor FLAC"],
    _mp3: ["low_9.mp3: '.mp3' is neither WAV nor FLAC", "convert"],
    _unlabelled: ["nothing.wav: no label", "underscore"],
    _one_of_a_class: ["label 'rare': 1 file", "two recordings or more"],
    _both_layouts: ["recordings beside folders of recordings"],
    _nan: ["low_1.wav: sample 8 is nan"],
    _too_long: ["low_1.wav: 60100 samples at 100 Hz by its header are 601 seconds"],
    _folder_as_file: ["low_1.wav: "],
}


@pytest.mark.parametrize("spoil", FAULTS)
def test_a_fault_is_named_with_its_file_and_its_mend(
    spoil: Callable[[Path], None], tmp_path: Path
) -> None:
    write_tones(tmp_path, each=3)
    read_labelled(tmp_path)
    spoil(tmp_path)
    with pytest.raises(DataError) as raised:
        read_labelled(tmp_path)
    message = str(raised.value)
    for part in (str(tmp_path), "To mend: ", *FAULTS[spoil]):
        assert part in message


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    write_tones(tmp_path, each=3)
    for spoil in (_mp3, _unlabelled, _other_rate, _one_of_a_class):
        spoil(tmp_path)
    _truncate_flac(tmp_path)
    with pytest.raises(DataError, match="5 faults"):
        read_labelled(tmp_path)


@pytest.mark.parametrize("labels", [[], ["low"]])
def test_fewer_than_two_labels_are_refused(labels: list[str], tmp_path: Path) -> None:
    write_tones(tmp_path, each=2, pitches=dict.fromkeys(labels, 300.0))
    with pytest.raises(DataError, match="To mend"):
        read_labelled(tmp_path)


def test_a_folder_that_cannot_be_listed_is_one_of_the_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for label in ("low", "mid"):
        for number in range(2):
            write_tone(tmp_path / label / f"{number}.wav", 300)
    _spoil(tmp_path / "mid" / "1.wav")
    (tmp_path / "secret").mkdir()
    listed = Path.iterdir

    def refuse(folder: Path) -> Iterator[Path]:  # the tests may run as one who may read all
        if folder.name == "secret":
            raise PermissionError(13, "Permission denied")
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match="2 faults") as raised:
        read_labelled(tmp_path)
    for part in ("secret/: the folder cannot be read: Permission denied", "mid/1.wav: truncated"):
        assert part in str(raised.value)


def test_the_only_label_is_named_beside_other_faults(tmp_path: Path) -> None:
    write_tones(tmp_path, each=2, pitches={"low": 300.0})
    _truncate(tmp_path)
    with pytest.raises(DataError, match="2 faults") as raised:
        read_labelled(tmp_path)
    assert "label 'low': the only label" in str(raised.value)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read as a folder"):
        read_labelled(tmp_path / "missing")


def test_labels_that_were_not_trained_are_refused(tmp_path: Path) -> None:
    write_tones(tmp_path, each=1)
    data = read_labelled(tmp_path, LogMel(RATE), known=["low", "mid", "high"])
    assert len(data) == 3
    with pytest.raises(DataError, match="label 'mid': 1 file"):
        read_labelled(tmp_path, LogMel(RATE), known=["low", "high"])
    with pytest.raises(DataError, match="the network was trained at 16000 Hz"):
        read_labelled(tmp_path, LogMel(16000), known=["low", "mid", "high"])


def test_groups_and_files_by_expression(tmp_path: Path) -> None:
    data = read_labelled(write_tones(tmp_path, each=3))
    assert data.groups("_([0-9]+)") == ["0", "1", "2"] * 3
    assert data.groups("^[a-z]+")[0] == "high"
    assert data.matching("_[01]") == [0, 1, 3, 4, 6, 7]
    for wrong, said in (("(", "no regular expression"), ("_[012]", "9 of the 9"), ("x", "0 of")):
        with pytest.raises(DataError, match=said):
            data.matching(wrong)
    with pytest.raises(DataError, match="no match of the group pattern"):
        data.groups("_([01])")


def test_a_device_is_no_recording() -> None:
    assert isinstance(read_recording(Path("/dev/null")), Fault)
