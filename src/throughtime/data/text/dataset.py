"""A text whose last share is held out, and where it comes from."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from throughtime.data.errors import DataError
from throughtime.data.text.reading import STANDARD_INPUT, Text, read_text

HELD_OUT = 0.1
"""The share of a text, its last, that is held out."""


@dataclass(frozen=True)
class TextDataset:
    """A text of which the first part is learned, and the last is held out.

    Attributes:
        text: The whole.
        known: What may be learned from.
        held: What comes after.
        origin: What `load_text` takes to read it again.
    """

    text: Text
    known: str | bytes
    held: str | bytes
    origin: Mapping[str, Any] = field(default_factory=dict)

    def digest(self) -> str:
        """Give the SHA-256 of all that is learned from, and of what is held out."""
        found = hashlib.sha256(f"{len(self.known)} ".encode())
        content = self.text.content
        found.update(
            content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        )
        return found.hexdigest()


def load_text(
    source: str,
    encoding: str | None = "utf-8",
    pattern: str | None = None,
    test: float = HELD_OUT,
) -> TextDataset:
    """Read a text and hold out its last share.

    Args:
        source: The path of a file or folder; "-" for standard input.
        encoding: Of the characters; None for bytes as they are.
        pattern: Which files of a folder; those of `read_text` if None.
        test: The share to hold out.

    Raises:
        DataError: The text cannot be read, or is too short for two symbols to be held out.
    """
    text = read_text(source, encoding, **({} if pattern is None else {"pattern": pattern}))
    place = last_share(text.content, test)
    if len(text) - place < 2:
        raise DataError(
            f"{text.source} has {len(text)} characters, of which {len(text) - place} would be held "
            "out; 2 or more are needed.\nTo mend: give a longer text, or a larger --test-share."
        )
    origin = {
        "source": source if source == STANDARD_INPUT else str(Path(source).absolute()),
        "encoding": encoding,
        "pattern": pattern,
        "test": test,
    }
    return TextDataset(text, text.content[:place], text.content[place:], origin)


def last_share(text: str | bytes, share: float) -> int:
    """Give where the last share of a text begins; 0.1 of 90 is 9, whatever binary fractions say."""
    return len(text) - math.floor(share * len(text) + 1e-9)
