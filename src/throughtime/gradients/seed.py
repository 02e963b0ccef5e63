"""Seeds of methods that draw, checked when the method is made."""

from __future__ import annotations


def whole_seed(seed: object, least: int = -(2**63), most: int = 2**64 - 1) -> int:
    """Give a seed.

    Args:
        seed: What was given for one.
        least: The least that whoever draws takes; torch's generators by default.
        most: The largest, likewise.

    Raises:
        ValueError: It is no whole number, or beyond these.
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValueError(f"seed is a whole number; got {seed!r}")
    if not least <= seed <= most:
        raise ValueError(f"seed is a whole number from {least} to {most}; got {seed!r}")
    return seed
