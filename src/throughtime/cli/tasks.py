"""What is to be learned from a source, and which options of `train` mean something for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from throughtime.cli.errors import UsageError

SERIES, TEXT, RECORDINGS, PAIR = "series", "text", "recordings", "pair"
OPTIONS: dict[str, tuple[str, ...]] = {
    SERIES: (
        "target", "time", "series", "transform", "output", "difference", "known", "calendar",
        "window", "windows_per_epoch",
    ),
    TEXT: (
        "vocabulary", "encoding", "pattern", "embedding", "dropout", "weight_dropout", "window",
        "rows",
    ),
    RECORDINGS: ("group", "test_files", "pooling", "bidirectional", "dropout"),
    PAIR: ("target", "window", "warm_up", "rows"),
}  # fmt: skip
"""The options that not every task takes."""
ENDINGS = (".txt", ".text", ".md", ".rst", ".tex")
"""Of files that are taken for text without being told."""


def task_of(source: str, task: str | None, pattern: str | None, target: str | None) -> str:
    """Give the task that was asked for, or the one that a source is for.

    Args:
        source: What was named: a series or its file; "-", a text file or a folder of them; a folder
            of recordings.
        task: What was asked for; None to infer it.
        pattern: Which files of a folder are text, if that was said.
        target: What is to be answered with, if that was said: of a recording another one.

    Raises:
        UsageError: There is no such task; or a folder holds neither recordings nor text.
    """
    from throughtime.data.audio import holds_recordings
    from throughtime.data.audio.recording import SUFFIXES

    if task is not None and task not in OPTIONS:
        raise UsageError(f"unknown task {task!r}; known are {', '.join(OPTIONS)}")
    if task is not None:
        return task
    path = Path(source)
    if holds_recordings(path):
        return RECORDINGS
    if path.suffix.lower() in SUFFIXES and target is not None:
        return PAIR
    if path.suffix.lower() in SUFFIXES and path.is_file():
        raise UsageError(
            f"{source} is one recording; name with --target the recording that is to be made of "
            "it, or give the folder of all that are to be told apart (LABEL_*.wav, or LABEL/*.wav)"
        )
    if path.is_dir() and pattern is None and not any(path.rglob("*.txt")):
        raise UsageError(
            f"{source} holds neither recordings nor text that can be read without being told more. "
            "To mend: give a folder of WAV or FLAC files (LABEL_*.wav, or LABEL/*.wav), or of .txt "
            "files; name files of another ending with --pattern '*.md'"
        )
    is_text = source == "-" or path.suffix.lower() in ENDINGS or path.is_dir()
    return TEXT if is_text else SERIES


def refuse_strange(given: Mapping[str, Any], task: str) -> None:
    """Refuse options that would be ignored in silence.

    Args:
        given: Values by option; None for one that was not given.
        task: What is to be learned.

    Raises:
        UsageError: Some belong to other tasks alone.
    """
    strange = {name for names in OPTIONS.values() for name in names} - set(OPTIONS[task])
    asked = [
        f"--{name.replace('_', '-')}"
        for name, value in given.items()
        if name in strange and value is not None
    ]
    if asked:
        means, it = ("means", "it") if len(asked) == 1 else ("mean", "them")
        article = "" if task == RECORDINGS else "a "
        raise UsageError(f"{', '.join(asked)} {means} nothing for {article}{task}; leave {it} out")
