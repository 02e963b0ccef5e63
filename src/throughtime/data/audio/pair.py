"""Two recordings of equal length and rate: what went into a device, and what came out of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from throughtime.data.audio.recording import Recording, read_recording
from throughtime.data.errors import DataError
from throughtime.data.faults import Fault, refuse

SETTINGS: dict[str, Any] = {
    "per": "step", "cell": "lstm", "hidden": 16, "method": "tbptt:2048", "window": 11025,
    "warm_up": 1000, "batch_size": 16, "learning_rate": 0.01, "epochs": 40,
}  # fmt: skip
"""What a `SequenceRegressor` learns pairs well with; docs/amplifier.md tells how well."""
HELD_OUT = 0.2
"""The share of a pair, its last, that is held out."""


@dataclass(frozen=True)
class RecordingPair:
    """What went into a device and what came out, sample by sample.

    Attributes:
        dry: The input. [T]
        wet: The output. [T]
        rate: Samples a second, of both.
        files: Where they were read, input and output.
    """

    dry: Tensor  # [T]
    wet: Tensor  # [T]
    rate: int
    files: tuple[Path, Path]

    @property
    def source(self) -> str:
        """Both files, for messages."""
        return f"{self.files[0]} and {self.files[1]}"

    @property
    def seconds(self) -> float:
        """How long they last."""
        return len(self.dry) / self.rate

    def parted(self, share: float) -> tuple[RecordingPair, RecordingPair]:
        """Give what comes first, and the last share of it.

        Raises:
            DataError: One of the two would be empty, or its output silent.
        """
        T = len(self.dry)
        cut = T - round(share * T)
        if not 0 < cut < T:
            raise DataError(
                f"a share of {share:g} cannot be held out of {T} samples: {cut} would be left.\n"
                "To mend: give another share, or longer recordings."
            )
        first, last = (
            replace(self, dry=self.dry[part], wet=self.wet[part])
            for part in (slice(0, cut), slice(cut, T))
        )
        for part, where in ((first, "before"), (last, "after")):
            if not bool((part.wet != part.wet[0]).any()):
                raise DataError(
                    f"{self.files[1]}: silence {where} {cut / self.rate:.3g} s, where what is held "
                    "out begins.\nTo mend: give another share to hold out, or cut the silence off "
                    "both recordings."
                )
        return first, last

    def digest(self) -> str:
        """Give the SHA-256 of both waveforms and their rate."""
        found = hashlib.sha256(f"{self.rate} {len(self.dry)} ".encode())
        for waveform in (self.dry, self.wet):
            found.update(waveform.contiguous().to(torch.float32).numpy().tobytes())
        return found.hexdigest()


def read_pair(dry: str | Path, wet: str | Path) -> RecordingPair:
    """Read the recordings of what went into a device and of what came out.

    Args:
        dry: The input, a WAV or FLAC file of one channel.
        wet: The output, of the same rate and length.

    Returns:
        Both.

    Raises:
        DataError: A file cannot be read, has several channels or nothing but silence; rates or
            lengths differ. All that is wrong is named at once. Or `soundfile` is not installed.
    """
    paths = Path(dry), Path(wet)
    read = [read_recording(path) for path in paths]
    faults = [one for one in read if isinstance(one, Fault)]
    recordings = [one for one in read if isinstance(one, Recording)]
    for recording in recordings:
        faults += _faults_of(recording)
    if len(recordings) == 2:
        faults += _differences(*recordings)
    if faults:
        refuse(f"{dry} and {wet}", faults)
    given, made = recordings
    return RecordingPair(given.waveform, made.waveform, given.rate, paths)


def read_input(path: str | Path, rate: int | None) -> Recording:
    """Read one recording as the input of a device that was learned from a pair.

    Args:
        path: A WAV or FLAC file of one channel.
        rate: The rate that it must have; None for any.

    Raises:
        DataError: It cannot be used; all that is wrong is named.
    """
    read = read_recording(Path(path))
    if isinstance(read, Fault):
        refuse(str(path), [read])
    faults = [fault for fault in _faults_of(read) if "channels" in fault.what]
    if rate is not None and read.rate != rate:
        faults.append(
            Fault(
                0,
                f"sample rate {read.rate} Hz; the network was trained at {rate} Hz",
                _resampled(rate),
                file=read.file.name,
            )
        )
    if faults:
        refuse(str(path), faults)
    return read


def _faults_of(recording: Recording) -> list[Fault]:
    name, faults = recording.file.name, []
    if recording.channels > 1:
        faults.append(
            Fault(
                0,
                f"{recording.channels} channels; one was expected: their mean is not what went "
                "through the device",
                "export one channel (with ffmpeg: ffmpeg -i IN.wav -af pan='mono|c0=c0' OUT.wav).",
                file=name,
            )
        )
    if not float(recording.waveform.max() - recording.waveform.min()):
        level = float(recording.waveform[0])
        faults.append(
            Fault(
                0,
                f"silence: all {len(recording.waveform)} samples are {level:g}",
                "record again; check which input and output were recorded.",
                file=name,
            )
        )
    return faults


def _differences(dry: Recording, wet: Recording) -> list[Fault]:
    name, faults = wet.file.name, []
    if dry.rate != wet.rate:
        faults.append(
            Fault(
                0,
                f"sample rate {wet.rate} Hz; {dry.file.name} has {dry.rate} Hz",
                _resampled(dry.rate),
                file=name,
            )
        )
    if len(dry.waveform) != len(wet.waveform):
        faults.append(
            Fault(
                0,
                f"{len(wet.waveform)} samples; {dry.file.name} has {len(dry.waveform)}",
                "align the two recordings and cut them to one length: each sample of the output "
                "belongs to the sample of the input that it was made of.",
                file=name,
            )
        )
    return faults


def _resampled(rate: int) -> str:
    return (
        f"record both at one rate, or resample one of them to {rate} Hz (with ffmpeg: "
        f"ffmpeg -i IN.wav -ar {rate} OUT.wav)."
    )
