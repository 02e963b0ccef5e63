"""What a text is made of: its symbols, and the numbers that stand for them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

UNICODE = 1_112_064
"""Characters that Unicode has room for."""


class Vocabulary(ABC):
    """Numbers for the symbols of a text, from 0 up, and back.

    Attributes:
        name: In the registry.
        symbol: What one symbol is called.
    """

    name: ClassVar[str]
    symbol: ClassVar[str]

    @property
    @abstractmethod
    def size(self) -> int:
        """How many symbols there are, V."""

    @abstractmethod
    def encode(self, text: str | bytes) -> Tensor:
        """Give the number of each symbol.

        Returns:
            [T], of the smallest integer type that torch computes with: uint8, else int32.

        Raises:
            DataError: The text is bytes where characters are needed.
        """

    @abstractmethod
    def decoded(self, numbers: Iterable[int]) -> Iterator[str]:
        """Give the text of numbers as they come, in pieces that hold whole characters."""

    def decode(self, numbers: Iterable[int]) -> str:
        """Give the text of numbers."""
        return "".join(self.decoded(int(number) for number in numbers))

    @abstractmethod
    def characters(self, numbers: Tensor) -> int:
        """Count the characters that numbers [T] stand for."""

    @property
    def unknown(self) -> int | None:
        """The number of all symbols that have none of their own; None where there are none."""
        return None

    @property
    def unknown_bits(self) -> float:
        """What it takes to say which of the symbols without a number is meant, in bits."""
        return 0.0

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON, from which `from_dict` makes the same."""

    @classmethod
    @abstractmethod
    def from_dict(cls, saved: dict[str, Any]) -> Vocabulary:
        """Make a vocabulary again.

        Raises:
            ValueError: The values are not those of one.
        """


def numbers_of(values: npt.NDArray[Any], size: int) -> Tensor:
    """Give numbers below some size as a tensor of the smallest type for them."""
    small = values.astype(np.uint8 if size <= 256 else np.int32)
    return torch.from_numpy(small)
