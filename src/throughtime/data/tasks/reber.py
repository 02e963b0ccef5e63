"""The embedded Reber grammar."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from throughtime.data.tasks.strings import Strings
from throughtime.data.tasks.task import whole

# From each state, where each symbol leads; the last state has none.
_GRAMMAR: tuple[dict[str, int], ...] = (
    {"B": 1},
    {"T": 2, "P": 3},
    {"S": 2, "X": 4},
    {"T": 3, "V": 5},
    {"X": 3, "S": 6},
    {"P": 4, "V": 6},
    {"E": 7},
    {},
)


@dataclass(frozen=True)
class EmbeddedReber(Strings):
    """Strings of the embedded Reber grammar (Reber 1967; Cleeremans et al. 1989; Fahlman 1991).

    A string is B, then T or P, then a string of the Reber grammar, then the same T or P as before,
    then E. At each fork of the grammar both ways are equally likely. The last T or P is the one
    symbol that has to be remembered, over the whole inner string.

    Args:
        T: Symbols of the longest string, at least 9; longer ones are drawn again. Before that the
            mean is 12, and 6 in 1000 have more than 25.
    """

    T: int = 40
    name = "embedded_reber"
    alphabet = "BTPSXVE"
    mark = 0.0

    def __post_init__(self) -> None:
        whole("T", self.T, 9)

    def string(self, generator: torch.Generator | None = None) -> str:
        """Draw a string of at most T symbols."""
        while True:
            side = "TP"[int(torch.randint(2, (), generator=generator))]
            string = f"B{side}{self._inner(generator)}{side}E"
            if len(string) <= self.T:
                return string

    def _inner(self, generator: torch.Generator | None) -> str:
        string, state = "", 0
        while ways := list(_GRAMMAR[state].items()):
            way = 0 if len(ways) == 1 else int(torch.randint(2, (), generator=generator))
            string, state = string + ways[way][0], ways[way][1]
        return string

    def legal(self, string: str) -> list[str]:
        """Give what may follow each symbol of a string but the last; see `Strings`."""
        found: list[str] = []
        side, place = "", 0
        for symbol in string:
            ways = _ways(side, place)
            if symbol not in ways:
                raise ValueError(
                    f"{string!r} is no string of the embedded Reber grammar: after "
                    f"{''.join(string[: len(found)])!r} comes {symbol!r} for one of "
                    f"{', '.join(ways) or 'nothing'}"
                )
            if place == 1:
                side = symbol
            place = ways[symbol]
            found.append("".join(_ways(side, place)))
        if _ways(side, place):
            raise ValueError(
                f"{string!r} is no string of the embedded Reber grammar: it ends where one of "
                f"{', '.join(_ways(side, place))} must follow"
            )
        return found[:-1]


def _ways(side: str, place: int) -> dict[str, int]:
    """Where each symbol leads: from places 0 and 1, the inner grammar's, and the two after it."""
    if place == 0:
        return {"B": 1}
    if place == 1:
        return {"T": 2, "P": 2}
    inner = place - 2
    if inner < len(_GRAMMAR) - 1:
        return {symbol: state + 2 for symbol, state in _GRAMMAR[inner].items()}
    if inner == len(_GRAMMAR) - 1:
        return {side: place + 1}
    return {"E": place + 1} if inner == len(_GRAMMAR) else {}
