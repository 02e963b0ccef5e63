"""Recordings: WAV and FLAC files, folders of labelled ones, log-mel features."""

from throughtime.data.audio.dataset import HELD_OUT, RecordingsDataset, load_recordings
from throughtime.data.audio.labelled import LabelledSequences, holds_recordings, read_labelled
from throughtime.data.audio.log_mel import LogMel
from throughtime.data.audio.recording import (
    Recording,
    read_recording,
    read_recordings,
    sound_files,
)

__all__ = [
    "HELD_OUT",
    "LabelledSequences",
    "LogMel",
    "Recording",
    "RecordingsDataset",
    "holds_recordings",
    "load_recordings",
    "read_labelled",
    "read_recording",
    "read_recordings",
    "sound_files",
]
