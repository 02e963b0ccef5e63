"""One recording: a WAV or FLAC file as a waveform, or what is wrong with it."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from throughtime.data.audio.log_mel import LogMel
from throughtime.data.errors import DataError
from throughtime.data.faults import Fault

SUFFIXES = (".wav", ".flac")
LONGEST = 600.0
"""Seconds of a recording that is taken whole; a longer one is cut by who knows where."""

_IEEE_FLOAT = 3
"""The format tag of such samples in a WAV file."""
_EXTRA = "To mend: pip install 'throughtime[audio]'."


@dataclass(frozen=True)
class Recording:
    """A waveform and its rate.

    Attributes:
        file: Where it was read.
        waveform: Amplitudes between -1 and 1, float32; channels are averaged. [T]
        rate: Samples a second.
        channels: How many the file has.
    """

    file: Path
    waveform: Tensor  # [T]
    rate: int
    channels: int = 1

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.waveform) / self.rate


def read_recording(path: Path) -> Recording | Fault:
    """Read a WAV or FLAC file, mixed down to one channel.

    Args:
        path: The file.

    Returns:
        The recording; or what is wrong with the file, for a message that names the faults of many.

    Raises:
        DataError: `soundfile` is not installed.
    """
    soundfile = _soundfile()
    name = path.name

    def fault(what: str, mend: str) -> Fault:
        return Fault(0, what, mend, file=name)

    try:
        if not path.is_file():
            kind = "a folder without WAV or FLAC files" if path.is_dir() else "a device, or a pipe"
            return fault(kind if path.exists() else "not there", "give WAV or FLAC files.")
        size = path.stat().st_size
        if size == 0:
            return fault("the file is empty, 0 bytes", "record or export the file again.")
        with soundfile.SoundFile(str(path)) as file:
            told, rate = int(file.frames), int(file.samplerate)
            if told == 0:
                return fault("0 samples: there is no sound", "remove recordings without sound.")
            if told > LONGEST * rate:
                return fault(
                    f"{told} samples at {rate} Hz by its header are {told / rate:.0f} seconds",
                    f"cut recordings into pieces of at most {LONGEST:.0f} seconds.",
                )
            frames = torch.from_numpy(file.read(dtype="float32", always_2d=True))  # [T, channels]
        missing = _missing_samples(path, size)
    except OSError as error:
        return fault(
            f"cannot be read: {error.strerror or error}", "check the permissions of the file."
        )
    except (soundfile.SoundFileError, RuntimeError, ValueError, TypeError) as error:
        reason = str(getattr(error, "error_string", error)).strip(" .")
        return fault(
            f"neither WAV nor FLAC, or damaged: {reason}",
            "export the file again as WAV (PCM) or FLAC; remove files that are no recordings.",
        )
    if missing or len(frames) < told:
        lost = missing or f"{len(frames)} of {told} samples are there"
        return fault(f"truncated: {lost}", "copy or export truncated files again.")
    waveform = frames.mean(1)
    broken = (~waveform.isfinite()).nonzero()
    if len(broken):
        place = int(broken[0])
        return fault(
            f"sample {place + 1} is {float(waveform[place])}, no number",
            "export the file again with finite samples.",
        )
    return Recording(path, waveform, rate, frames.shape[1])


def as_wav(waveform: Any, rate: int) -> bytes:
    """Give a WAV file of one channel, 32-bit floats.

    The same samples give the same bytes; libsndfile writes the time of day beside such samples.

    Args:
        waveform: Amplitudes; those beyond 1 are kept. [T]
        rate: Samples a second.
    """
    samples = np.asarray(waveform, "<f4").tobytes()
    form = struct.pack("<HHIIHH", _IEEE_FLOAT, 1, rate, 4 * rate, 4, 32)
    fact = struct.pack("<I", len(samples) // 4)
    chunks = b"WAVE"
    for name, content in ((b"fmt ", form), (b"fact", fact), (b"data", samples)):
        chunks += name + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def _missing_samples(path: Path, size: int) -> str:
    """Say how much a WAV file is shorter than its header tells; "" for a whole one.

    libsndfile reads a truncated WAV as a shorter one, in silence: the chunks of the file say more.
    """
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            return ""
        while len(chunk := file.read(8)) == 8:
            told = int.from_bytes(chunk[4:], "little")
            if chunk[:4] == b"data":
                there = size - file.tell()
                endless = told in (0, 0xFFFFFFFF)  # written by a pipe that could not go back
                if told > there and not endless:
                    return f"{there} of {told} bytes of samples are there"
                return ""
            file.seek(told + told % 2, 1)
    return ""


def _soundfile() -> Any:
    """Import soundfile when the first recording is read, and not before."""
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: the package without its libsndfile
        raise DataError(
            f"WAV and FLAC files are read by the package soundfile, which cannot be loaded "
            f"({error}).\n{_EXTRA}"
        ) from None
    return soundfile


def sound_files(paths: Sequence[Path]) -> list[Path]:
    """Put the WAV and FLAC files of folders, and of the folders in them, in the folders' place.

    Args:
        paths: Files and folders. A folder that has none stays as it is.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(
            file
            for pattern in ("*.*", "*/*.*")
            for file in path.glob(pattern)
            if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
        )
        found += inside if path.is_dir() and inside else [path]
    return found


def read_recordings(
    paths: Sequence[Path], features: LogMel | None = None, beside: Path | None = None
) -> tuple[list[Tensor], LogMel, list[Fault]]:
    """Read files and give their features, so that no waveform is kept.

    Args:
        paths: At least one.
        features: What to compute, at the rate that all files must have; by default `LogMel` at the
            rate that most files have.
        beside: Names in faults are relative to it.

    Returns:
        The features of each file that could be read, [T_i, bands]; what they are; and the faults of
        all files, empty if all could be used.

    Raises:
        DataError: `soundfile` is not installed, or no feature can be computed at the rate.
    """
    found: dict[Path, tuple[int, Tensor]] = {}
    faults: list[Fault] = []
    kinds: dict[int, LogMel] = {} if features is None else {features.rate: features}
    for path in paths:
        name = str(path) if beside is None else path.relative_to(beside).as_posix()
        recording = read_recording(path)
        if isinstance(recording, Fault):
            faults.append(replace(recording, file=name))
            continue
        rate = recording.rate
        if rate not in kinds and features is None:
            try:
                kinds[rate] = LogMel(rate)
            except DataError as error:
                mend = "give recordings of 8000 Hz or more."
                faults.append(Fault(0, f"sample rate {rate} Hz: {error}", mend, file=name))
                continue
        computed = kinds[rate](recording.waveform) if rate in kinds else torch.empty(0)
        found[path] = (rate, computed)
    if features is None:
        rates = Counter(rate for rate, _ in found.values())
        usual = rates.most_common(1)[0][0] if rates else 8000
        features = kinds.get(usual) or LogMel(usual)
        expected = f"the others have {usual} Hz"
    else:
        expected = f"the network was trained at {features.rate} Hz"
    for path, (rate, _) in found.items():
        if rate != features.rate:
            name = str(path) if beside is None else path.relative_to(beside).as_posix()
            faults.append(Fault(0, f"sample rate {rate} Hz; {expected}",
                                f"resample such files to {features.rate} Hz (with ffmpeg: "
                                f"ffmpeg -i IN.wav -ar {features.rate} OUT.wav).",
                                file=name))  # fmt: skip
    return [computed for _, computed in found.values()], features, faults
