"""Sizes of memory as people write them."""

from __future__ import annotations

import re

_UNITS = {"": 1} | {
    prefix + suffix: base**power
    for power, prefix in enumerate("kMGT", 1)
    for suffix, base in (("", 1000), ("i", 1024))
}
_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kKMGT]?)(i?)B\s*")


def in_bytes(memory: object) -> int:
    """Read a number of bytes, `67_108_864` or "64MiB".

    Raises:
        ValueError: It is neither, or less than a byte.
    """
    size = 0
    if isinstance(memory, int) and not isinstance(memory, bool):
        size = memory
    elif isinstance(memory, str) and (found := _WRITTEN.fullmatch(memory)):
        number, prefix, binary = found.groups()
        size = int(float(number) * _UNITS.get(prefix.replace("K", "k") + binary, 0))
    if size < 1:
        raise ValueError(
            'memory is a whole number of bytes, or a number with its unit such as "64MB", "512kB" '
            f'or "1.5GiB"; got {memory!r}'
        )
    return size


def in_words(size: float) -> str:
    """Write a number of bytes with three digits and a unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
