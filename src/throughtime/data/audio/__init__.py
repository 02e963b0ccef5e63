"""Recordings: WAV and FLAC files, folders of labelled ones, pairs, log-mel features."""

from throughtime.data.audio.dataset import HELD_OUT, RecordingsDataset, load_recordings
from throughtime.data.audio.labelled import LabelledSequences, holds_recordings, read_labelled
from throughtime.data.audio.log_mel import LogMel
from throughtime.data.audio.pair import RecordingPair, read_input, read_pair
from throughtime.data.audio.recording import (
    Recording,
    as_wav,
    read_recording,
    read_recordings,
    sound_files,
)

__all__ = [
    "HELD_OUT",
    "LabelledSequences",
    "LogMel",
    "Recording",
    "RecordingPair",
    "RecordingsDataset",
    "as_wav",
    "holds_recordings",
    "load_recordings",
    "read_input",
    "read_labelled",
    "read_pair",
    "read_recording",
    "read_recordings",
    "sound_files",
]
