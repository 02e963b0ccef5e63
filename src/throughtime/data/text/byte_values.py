"""A text as its bytes."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from throughtime.data.text.vocabulary import Vocabulary


class ByteValues(Vocabulary):
    """The 256 values of a byte: any text, in UTF-8 where it is given as characters.

    Example:
        >>> ByteValues().encode("é").tolist()
        [195, 169]
    """

    name, symbol = "bytes", "byte"

    @property
    def size(self) -> int:
        """256, whatever the text."""
        return 256

    def encode(self, text: str | bytes) -> Tensor:
        """Give the bytes, [T]."""
        content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        return torch.from_numpy(np.frombuffer(content, np.uint8).copy())

    def decoded(self, numbers: Iterable[int]) -> Iterator[str]:
        """Give characters as soon as their last byte is there; what is no UTF-8 is replaced."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for number in numbers:
            if piece := decoder.decode(bytes([number])):
                yield piece
        if rest := decoder.decode(b"", final=True):
            yield rest

    def characters(self, numbers: Tensor) -> int:
        """Count the characters of UTF-8: all bytes but those that continue one."""
        return int((numbers & 0xC0 != 0x80).sum())

    def as_dict(self) -> dict[str, Any]:
        """Give the name: there is nothing else to know."""
        return {"name": self.name}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> ByteValues:
        """Make the vocabulary again."""
        return cls()
