"""A text as its characters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from throughtime.data.errors import DataError
from throughtime.data.text.vocabulary import UNICODE, Vocabulary, numbers_of

REPLACEMENT = "\ufffd"


class Characters(Vocabulary):
    """The characters of a text to learn from, in the order of their code points, from 1 up.

    Number 0 stands for every character that the text did not have. To say which of them is meant
    takes `log2` of their number more bits: so a model of this vocabulary is one of all texts, and
    what it makes of a new character is a price, not infinite.

    Args:
        symbols: The characters.

    Raises:
        ValueError: They are not several different ones in order.

    Example:
        >>> vocabulary = Characters.of("banana")
        >>> vocabulary.encode("nab!").tolist()
        [3, 1, 2, 0]
    """

    name, symbol = "characters", "character"

    def __init__(self, symbols: str) -> None:
        self.symbols = symbols
        self._codes = _codes(symbols)
        if not symbols or (self._codes[1:] <= self._codes[:-1]).any():
            raise ValueError("a vocabulary is of different characters, in the order of their codes")

    @classmethod
    def of(cls, text: str) -> Characters:
        """Make the vocabulary of a text."""
        return cls("".join(sorted(set(text))))

    @property
    def size(self) -> int:
        """The characters and the one number of all others."""
        return len(self.symbols) + 1

    @property
    def unknown(self) -> int:
        """The number of all other characters."""
        return 0

    @property
    def unknown_bits(self) -> float:
        """What it takes to name one of all other characters."""
        return math.log2(max(UNICODE - len(self.symbols), 1))

    def encode(self, text: str | bytes) -> Tensor:
        """Give the number of each character, [T]."""
        if isinstance(text, bytes):
            raise DataError(
                "bytes came where characters are needed; decode them, or take the vocabulary "
                "'bytes'"
            )
        codes = _codes(text)
        places = np.searchsorted(self._codes, codes).clip(max=len(self._codes) - 1)
        return numbers_of(np.where(self._codes[places] == codes, places + 1, 0), self.size)

    def decoded(self, numbers: Iterable[int]) -> Iterator[str]:
        """Give a character a number; the replacement character for 0."""
        for number in numbers:
            yield self.symbols[number - 1] if number else REPLACEMENT

    def characters(self, numbers: Tensor) -> int:
        """Count characters: one a number."""
        return len(numbers)

    def unseen(self, text: str) -> str:
        """Give the characters of a text that have no number of their own, each once."""
        return "".join(sorted(set(text) - set(self.symbols)))

    def as_dict(self) -> dict[str, Any]:
        """Give the code points: a character of its own may be no text that JSON can hold."""
        return {"name": self.name, "codes": self._codes.tolist()}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Characters:
        """Make the vocabulary again."""
        codes = saved["codes"]
        if not isinstance(codes, list) or not all(type(code) is int for code in codes):
            raise ValueError("the codes of characters are a list of whole numbers")
        return cls("".join(map(chr, codes)))


def _codes(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))
