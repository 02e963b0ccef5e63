"""Faults in a file or folder, gathered so that one message names them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from throughtime.data.errors import DataError

SHOWN = 10
"""Faults written out in full; the rest are counted."""

_WIDEST_VALUE = 40


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
    if len(value) > _WIDEST_VALUE:
        value = value[: _WIDEST_VALUE - 3] + "..."
    return repr(value)


def listed(names: Iterable[str], shown: int = 20) -> str:
    """Names as a list for a message, the first `shown` in full and the others counted."""
    names = list(names)
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest} more" if rest > 0 else "")


def refuse(name: str, faults: list[Fault]) -> NoReturn:
    """Raise one error that names the faults of a file or folder, in the order of files and lines.

    Args:
        name: The file or folder.
        faults: What is wrong with it; at least one.

    Raises:
        DataError: Always. It shows the first ten faults, counts the others, and says how to mend
            each kind of fault that was found, shown or not.
    """
    faults = sorted(faults, key=lambda fault: (fault.file, fault.line))
    count = f"{len(faults)} faults" if len(faults) > 1 else "1 fault"
    message = [f"{name}: {count}"]
    message += [f"  {fault.place}: {fault.what}" for fault in faults[:SHOWN]]
    if len(faults) > SHOWN:
        message.append(f"  ... and {len(faults) - SHOWN} more")
    message += [f"To mend: {mend}" for mend in dict.fromkeys(fault.mend for fault in faults)]
    raise DataError("\n".join(message))
