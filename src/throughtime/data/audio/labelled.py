"""A folder of labelled recordings as sequences of features, with all of its faults at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from throughtime.data.audio.log_mel import LogMel
from throughtime.data.audio.recording import SUFFIXES, read_recordings
from throughtime.data.errors import DataError
from throughtime.data.faults import Fault, listed, quoted, refuse

_OTHER_SOUND = (".mp3", ".ogg", ".m4a", ".aac", ".wma", ".aif", ".aiff", ".opus")
_LABEL_MEND = (
    "begin every file's name with its label and an underscore (yes_1.wav), or put the files of "
    "each label into a folder of its name."
)


SETTINGS: Mapping[str, Any] = {
    "bidirectional": True,
    "pooling": "mean",
    "dropout": 0.2,
    "stretch": 0.2,
    "noise": 0.2,
    "offset": 0.3,
    "masked_columns": 8,
    "masked_steps": 0.2,
    "label_smoothing": 0.1,
}
"""What suits log-mel features: docs/recordings.md tells how it was chosen."""


@dataclass(frozen=True)
class LabelledSequences:
    """Sequences, each with its label.

    Attributes:
        name: What they are called together, in run folders.
        source: Where they come from, for people.
        files: The file of each, relative to the source.
        sequences: Features, [T_i, I] each.
        labels: The label of each.
        features: What the features are.
        settings: Parameters of an estimator that suit such features.
    """

    name: str
    source: str
    files: tuple[str, ...]
    sequences: tuple[Tensor, ...]
    labels: tuple[str, ...]
    features: LogMel
    settings: Mapping[str, Any] = field(default_factory=lambda: SETTINGS, repr=False)

    def __len__(self) -> int:
        return len(self.files)

    def part(self, places: Iterable[int]) -> tuple[list[Tensor], list[str]]:
        """Give the sequences and labels at some places."""
        places = list(places)
        return [self.sequences[i] for i in places], [self.labels[i] for i in places]

    def groups(self, pattern: str) -> list[str]:
        """Find the group of each file by a regular expression.

        Args:
            pattern: Searched in the file's name; the group is what its first pair of brackets
                finds, or all that it finds without brackets.

        Raises:
            DataError: It is no regular expression, or a file has no match.
        """
        found = [expression(pattern).search(file) for file in self.files]
        missing = [file for file, match in zip(self.files, found, strict=True) if match is None]
        if missing:
            refuse(self.source, [
                Fault(0, f"no match of the group pattern {pattern!r}",
                      "give a pattern that finds a group in every name.", file=file)
                for file in missing
            ])  # fmt: skip
        return [match.group(1 if match.re.groups else 0) or "" for match in found if match]

    def matching(self, pattern: str) -> list[int]:
        """Find the files whose name a regular expression is found in.

        Raises:
            DataError: It is no regular expression, or finds no file or all of them.
        """
        places = [i for i, file in enumerate(self.files) if expression(pattern).search(file)]
        if len(places) in (0, len(self)):
            raise DataError(
                f"{pattern!r} matches {len(places)} of the {len(self)} files of {self.source}, "
                f"such as {listed(self.files, 3)}.\nTo mend: give a regular expression that "
                "matches the files to test on, and no others."
            )
        return places


def expression(pattern: str) -> re.Pattern[str]:
    """Compile a regular expression of the user's.

    Raises:
        DataError: It is none.
    """
    try:
        return re.compile(pattern)
    except re.error as error:
        raise DataError(
            f"{pattern!r} is no regular expression: {error}.\nTo mend: write it as Python's re "
            "does; '_([0-9]+)[.]wav$' finds the number at the end of a name."
        ) from None


def holds_recordings(source: str | Path) -> bool:
    """Whether a path is a folder with sound files in it, or in a folder of it."""
    folder = Path(source)
    try:
        if not folder.is_dir():
            return False
        return any(
            path.suffix.lower() in (*SUFFIXES, *_OTHER_SOUND)
            for pattern in ("*.*", "*/*.*")
            for path in folder.glob(pattern)
        )
    except (OSError, ValueError):
        return False


def read_labelled(
    folder: str | Path, features: LogMel | None = None, known: Sequence[Any] | None = None
) -> LabelledSequences:
    """Read a folder of recordings, `LABEL_*.wav` or `LABEL/*.wav`, as log-mel features.

    Args:
        folder: WAV or FLAC files of one sample rate; those of several channels are averaged. Files
            that are no sound, and hidden ones, are passed over.
        features: What to compute; their rate is that of the files. By default `LogMel` of the rate
            that most files have.
        known: Labels that may occur, of a trained classifier; by default there must be two or
            more, each with two files or more.

    Returns:
        The sequences, in the order of the files' names.

    Raises:
        DataError: The folder cannot be used; the message names every fault of every file.
    """
    folder = Path(folder)
    paths, labels, faults = _found(folder)
    if not paths and not faults:
        raise DataError(f"{folder} holds no WAV or FLAC file.\nTo mend: {_LABEL_MEND}")
    all_labelled = not faults
    sequences, features, wrong = read_recordings(paths, features, folder)
    faults += wrong
    counts = Counter(labels)
    for label, count in sorted(counts.items()):
        if known is not None and label not in known:
            faults.append(Fault(
                0, f"{count} file(s) of a class that the network was not trained with; it knows "
                f"{listed(map(str, known))}", "remove the files, or train with them.",
                file=f"label {quoted(label)}",
            ))  # fmt: skip
        if known is None and count == 1:
            faults.append(Fault(
                0, "1 file: none would be left to test on",
                "give every label two recordings or more.", file=f"label {quoted(label)}",
            ))  # fmt: skip
    if known is None and len(counts) == 1 and all_labelled:
        faults.append(Fault(0, "the only label: there is nothing to tell apart", _LABEL_MEND,
                            file=f"label {quoted(next(iter(counts)))}"))  # fmt: skip
    if faults:
        refuse(str(folder), faults)
    return LabelledSequences(
        name=folder.absolute().name or "recordings",
        source=str(folder),
        files=tuple(path.relative_to(folder).as_posix() for path in paths),
        sequences=tuple(sequences),
        labels=tuple(labels),
        features=features,
    )


def _shown(folder: Path) -> list[Path]:
    """List what is in a folder and not hidden, by name."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _found(folder: Path) -> tuple[list[Path], list[str], list[Fault]]:
    """Find the recordings of a folder, the label of each, and what is wrong with other files."""
    try:
        entries = _shown(folder)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be read as a folder: {error.strerror or error}.\nTo mend: give a "
            "folder of WAV or FLAC files."
        ) from None
    faults: list[Fault] = []
    inside: dict[Path, list[Path]] = {}
    for path in filter(Path.is_dir, entries):
        try:
            inside[path] = [file for file in _shown(path) if not file.is_dir()]
        except OSError as error:
            faults.append(Fault(0, f"the folder cannot be read: {error.strerror or error}",
                                "check the permissions of such folders, or move them elsewhere.",
                                file=f"{path.name}/"))  # fmt: skip
    paths: list[Path] = []
    labels: list[str] = []

    def take(path: Path, label: str) -> None:
        if path.suffix.lower() in SUFFIXES:
            paths.append(path)
            labels.append(label)
        elif path.suffix.lower() in _OTHER_SOUND:
            faults.append(Fault(0, f"{quoted(path.suffix)} is neither WAV nor FLAC",
                                "convert other formats to WAV or FLAC.",
                                file=path.relative_to(folder).as_posix()))  # fmt: skip

    for path in entries:
        if not path.is_dir():
            label, underscore, _ = path.stem.partition("_")
            if path.suffix.lower() in SUFFIXES and not (label and underscore):
                faults.append(Fault(0, "no label: the name has no underscore after one",
                                    _LABEL_MEND, file=path.name))  # fmt: skip
            else:
                take(path, label)
    both = bool(paths) and any(
        p.suffix.lower() in SUFFIXES for found in inside.values() for p in found
    )
    if both:
        faults.append(Fault(0, "recordings beside folders of recordings: which names the label?",
                            _LABEL_MEND, file=paths[0].name))  # fmt: skip
    for name, found in inside.items():
        for path in found:
            take(path, name.name)
    return paths, labels, faults
