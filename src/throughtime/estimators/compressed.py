"""What a general compressor takes for a text: what a language model is measured beside."""

from __future__ import annotations

import lzma

REMEMBERED = 8_000_000
"""Bytes of what was read before that xz looks back on, and that it is given."""


def xz_bits(text: str | bytes, before: str | bytes) -> float:
    """Give the bits that xz takes for a text once it has read what comes before.

    Args:
        text: What is written.
        before: What it follows.
    """
    known = _as_bytes(before)[-REMEMBERED:]
    together = len(lzma.compress(known + _as_bytes(text), preset=9))
    return 8.0 * (together - len(lzma.compress(known, preset=9)))


def _as_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
