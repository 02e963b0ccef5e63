"""Text: read from files, and turned into the numbers of a vocabulary."""

from __future__ import annotations

from typing import Any

from throughtime.data.text.byte_values import ByteValues
from throughtime.data.text.characters import Characters
from throughtime.data.text.dataset import HELD_OUT, TextDataset, last_share, load_text
from throughtime.data.text.reading import STANDARD_INPUT, Text, read_text
from throughtime.data.text.tokens import Tokens
from throughtime.data.text.vocabulary import Vocabulary

__all__ = [
    "HELD_OUT",
    "STANDARD_INPUT",
    "ByteValues",
    "Characters",
    "Text",
    "TextDataset",
    "Tokens",
    "Vocabulary",
    "last_share",
    "load_text",
    "read_text",
    "vocabularies",
    "vocabulary_of",
]

vocabularies: dict[str, type[Vocabulary]] = {
    kind.name: kind for kind in (Characters, ByteValues, Tokens)
}
"""The kinds of symbols, by name."""


def vocabulary_of(saved: dict[str, Any]) -> Vocabulary:
    """Make a vocabulary from what its `as_dict` gave.

    Raises:
        ValueError: It is none; or DataError, its tokenizer needs a package that is missing.
        KeyError, TypeError: Something in it is missing, or of another type.
    """
    name = saved["name"]
    if name not in vocabularies:
        raise ValueError(f"unknown vocabulary {name!r}; known are {', '.join(vocabularies)}")
    return vocabularies[name].from_dict(saved)
