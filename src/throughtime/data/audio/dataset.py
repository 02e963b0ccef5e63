"""Labelled recordings of which some are held out, and where they come from."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from throughtime.data.audio.labelled import LabelledSequences, read_labelled
from throughtime.data.errors import DataError
from throughtime.data.groups import held_out

HELD_OUT = 0.2
"""The share of the recordings of each label that is held out."""


@dataclass(frozen=True)
class RecordingsDataset:
    """Recordings of which some are learned from, and the others are held out.

    Attributes:
        data: All of them.
        known: Which may be learned from.
        held: Which are held out.
        groups: The group of each; None for no groups.
        origin: What `load_recordings` takes to read them again.
    """

    data: LabelledSequences
    known: tuple[int, ...]
    held: tuple[int, ...]
    groups: tuple[str, ...] | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)

    @property
    def known_groups(self) -> list[str] | None:
        """The group of each recording that may be learned from; None for no groups."""
        return None if self.groups is None else [self.groups[i] for i in self.known]

    @property
    def commonest(self) -> str:
        """The commonest label of what may be learned from."""
        return Counter(self.data.labels[i] for i in self.known).most_common(1)[0][0]

    def digest(self) -> str:
        """Give the SHA-256 of all features, labels and groups, and of which are held out."""
        data = self.data
        found = hashlib.sha256(repr((data.labels, self.known, self.held, self.groups)).encode())
        for sequence in data.sequences:
            found.update(f"{tuple(sequence.shape)} ".encode())
            found.update(sequence.contiguous().to(torch.float32).numpy().tobytes())
        return found.hexdigest()


def load_recordings(
    source: str,
    group: str | None = None,
    test_files: str | None = None,
    test: float | None = None,
    seed: int = 0,
) -> RecordingsDataset:
    """Read a folder of labelled recordings and hold some out.

    Args:
        source: The folder; see `read_labelled`.
        group: A regular expression that finds the group of a file; groups are never parted.
        test_files: A regular expression for the names of the files to hold out.
        test: The share to hold out of each label, or of all in whole groups; a fifth if left out.
            Either this or `test_files`.
        seed: Of the choice.

    Raises:
        DataError: The folder cannot be used, every fault of every file is named; or it cannot be
            parted so.
    """
    data = read_labelled(source)
    groups = None if group is None else data.groups(group)
    if test_files is None:
        known, held = held_out(data.labels, groups, HELD_OUT if test is None else test, seed)
    else:
        held = data.matching(test_files)
        known = sorted(set(range(len(data))) - set(held))
        _check_parts(data, known, held, groups)
    origin = {
        "source": str(Path(source).absolute()),
        "group": group,
        "test_files": test_files,
        "test": test,
        "seed": seed,
    }
    kept = None if groups is None else tuple(groups)
    return RecordingsDataset(data, tuple(known), tuple(held), kept, origin)


def _check_parts(
    data: LabelledSequences, known: list[int], held: list[int], groups: list[str] | None
) -> None:
    """Refuse files to hold out whose labels are not learned, or whose groups are."""
    unknown = sorted({data.labels[i] for i in held} - {data.labels[i] for i in known})
    if unknown:
        raise DataError(
            f"all files of label(s) {', '.join(unknown)} would be tested on and none learned "
            "from.\nTo mend: give --test-files an expression that leaves some."
        )
    if groups is not None:
        both = sorted({groups[i] for i in known} & {groups[i] for i in held})
        if both:
            raise DataError(
                f"group(s) {', '.join(both[:5])} would be learned from and tested on.\nTo mend: "
                "leave --group out, or give --test-files whole groups."
            )
