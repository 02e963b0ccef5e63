"""The language a^n b^n."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from throughtime.data.tasks.strings import Strings
from throughtime.data.tasks.task import whole


@dataclass(frozen=True)
class Counting(Strings):
    """Strings S a^n b^n T: count, then count down (Gers & Schmidhuber 2001).

    n is uniform from 1 to the largest that T has room for. While there are a's, a further a and the
    first b are legal; from the first b on, one symbol is.

    Args:
        T: Symbols of the longest string, 2 n + 2; at least 4.
    """

    T: int = 22
    name = "counting"
    alphabet = "SabT"
    mark = 0.0

    def __post_init__(self) -> None:
        whole("T", self.T, 4)

    def string(self, generator: torch.Generator | None = None) -> str:
        """Draw a string."""
        n = int(torch.randint(1, (self.T - 2) // 2 + 1, (), generator=generator))
        return "S" + "a" * n + "b" * n + "T"

    def legal(self, string: str) -> list[str]:
        """Give what may follow each symbol of a string but the last; see `Strings`."""
        n = string.count("a")
        if n == 0 or string != "S" + "a" * n + "b" * n + "T":
            raise ValueError(f"{string!r} is none of the strings SabT, SaabbT, ...")
        return ["a"] + ["ab"] * n + ["b"] * (n - 1) + ["T"]
