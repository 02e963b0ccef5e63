"""A text as the tokens of a tokenizer of the `tokenizers` library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from throughtime.data.errors import DataError
from throughtime.data.text.vocabulary import Vocabulary, numbers_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MISSING = (
    "a tokenizer needs the package tokenizers; to mend: pip install 'throughtime[text]', or take "
    "the vocabulary 'characters' or 'bytes'"
)


class Tokens(Vocabulary):
    """The tokens of a tokenizer; none that it would add by itself at the start or the end.

    Args:
        tokenizer: A trained `tokenizers.Tokenizer`.

    Raises:
        ValueError: It has no tokens.
    """

    name, symbol = "tokens", "token"

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        if not self.size:
            raise ValueError("the tokenizer has no tokens; train it first")

    @classmethod
    def read(cls, path: str | Path) -> Tokens:
        """Read a tokenizer from the JSON file that `Tokenizer.save` writes.

        Raises:
            DataError: The package is missing, the file cannot be read, or holds no tokenizer.
        """
        try:
            return cls(_from_json(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            if isinstance(error, DataError):
                raise
            reason = getattr(error, "strerror", None) or error
            raise DataError(
                f"{path} is no tokenizer: {reason}.\nTo mend: give the tokenizer.json that "
                "`tokenizers.Tokenizer.save` writes."
            ) from error

    @property
    def size(self) -> int:
        """The largest number of a token, and 1: some tokenizers leave numbers out."""
        return max(self.tokenizer.get_vocab().values(), default=-1) + 1

    def encode(self, text: str | bytes) -> Tensor:
        """Give the number of each token, [T]."""
        if isinstance(text, bytes):
            raise DataError("bytes came where a tokenizer needs characters; decode them")
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        return numbers_of(np.array(encoding.ids, dtype=np.int64), self.size)

    def decoded(self, numbers: Iterable[int]) -> Iterator[str]:
        """Give text as soon as no later token can change it."""
        from tokenizers.decoders import DecodeStream

        stream = DecodeStream(skip_special_tokens=False)
        for number in numbers:
            if piece := stream.step(self.tokenizer, number):
                yield piece

    def characters(self, numbers: Tensor) -> int:
        """Count the characters of the text that the tokens stand for."""
        return len(self.tokenizer.decode(numbers.tolist(), skip_special_tokens=False))

    def as_dict(self) -> dict[str, Any]:
        """Give the tokenizer as its own JSON."""
        return {"name": self.name, "tokenizer": self.tokenizer.to_str()}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Tokens:
        """Make the vocabulary again."""
        return cls(_from_json(saved["tokenizer"]))


def _from_json(text: str) -> Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise DataError(MISSING) from error
    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # the library raises nothing more special
        raise ValueError(str(error)) from error
