"""Faults in a file or folder, gathered so that one message names them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from throughtime.data.errors import DataError

SHOWN = 10
"""Faults written out in full; the rest are counted."""

_WIDEST_VALUE = 40
_WIDEST_NAME = 200


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a file, or in a folder of files.

    Attributes:
        line: The line of the file, counted from 1; 0 for a fault of a whole file.
        what: Column, value and what is wrong with it, as one phrase.
        mend: How to mend faults of this kind.
        file: Which of the files of a folder; "" for the file that is named above all faults.
        unit: What `line` counts: "row" where a file or a frame has no lines.
    """

    line: int
    what: str
    mend: str
    file: str = ""
    unit: str = "line"

    @property
    def place(self) -> str:
        """Where it is, for a message."""
        return ", ".join(filter(None, (self.file, f"{self.unit} {self.line}" if self.line else "")))


def quoted(value: str) -> str:
    """A value from the file as it can stand in a message: quoted, on one line, not too long."""
    return repr(_cut(value, _WIDEST_VALUE))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def listed(names: Iterable[str], shown: int = 20) -> str:
    """Names as a list for a message, the first `shown` in full and the others counted."""
    names = [_cut(name, _WIDEST_NAME) for name in names]
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest} more" if rest > 0 else "")


def refuse(name: str, faults: list[Fault], more: int = 0) -> NoReturn:
    """Raise one error that names the faults of a file or folder, in the order of files and lines.

    Args:
        name: The file or folder.
        faults: What is wrong with it; at least one.
        more: Faults that are known by their number alone.

    Raises:
        DataError: Always. It shows the first ten faults, counts the others, and says how to mend
            each kind of fault that was found, shown or not.
    """
    faults, total = _in_order(faults), len(faults) + more
    count = f"{total} faults" if total > 1 else "1 fault"
    message = [f"{name}: {count}"]
    message += [f"  {fault.place}: {fault.what}" for fault in faults[:SHOWN]]
    if total > SHOWN:
        message.append(f"  ... and {total - SHOWN} more")
    message += [f"To mend: {mend}" for mend in dict.fromkeys(fault.mend for fault in faults)]
    raise DataError("\n".join(message))


class FirstFaults:
    """Faults gathered from something large: those that a message shows are kept, others counted.

    Attributes:
        count: How many there are.
    """

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[Fault] = []

    def add(self, faults: list[Fault], more: int = 0) -> None:
        """Take faults, and the number of others that are of the same kinds and come later."""
        self._kept += faults
        self.count += len(faults) + more
        if len(self._kept) > _GATHERED:
            ordered = _in_order(self._kept)
            of_each_kind = {fault.mend: fault for fault in reversed(ordered)}.values()
            self._kept = _in_order(
                [*ordered[:SHOWN], *(f for f in of_each_kind if f not in ordered[:SHOWN])]
            )

    def refuse(self, name: str) -> None:
        """Raise the error of `refuse`, if there are any."""
        if self._kept:
            refuse(name, self._kept, self.count - len(self._kept))


_GATHERED = 1000


def _in_order(faults: list[Fault]) -> list[Fault]:
    return sorted(faults, key=lambda fault: (fault.file, fault.line))
