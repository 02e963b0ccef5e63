"""Whether the level of a series drifts: whether what comes last lies where the rest has been."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

_LAST = 4
"""The last quarter is held against the rest."""
_FAR = 1.0
"""Standard deviations of the rest between the two means, from which on a level drifts."""


def drift(values: Tensor) -> float:
    """Give how far the last quarter lies from the rest: between their means, over its deviation.

    Args:
        values: The target, floating point, at least 8. [T]

    Returns:
        At least 0; 0 of a constant.
    """
    cut = len(values) - len(values) // _LAST
    before, last = values[:cut].double(), values[cut:].double()
    off = float((last.mean() - before.mean()).abs())
    return off / max(float(before.std(correction=0)), 1e-12 * float(values.abs().max()) + 1e-300)


def suited_difference(targets: Iterable[Tensor]) -> int:
    """Choose over how many rows changes are to be learned: 1 where the level drifts, else 0.

    A network that has learned levels does not know those beyond them.

    Args:
        targets: Of each series what may be learned from, transformed as it will be. [T] each

    Returns:
        1 if at least half of the series drift.
    """
    found = [drift(values) for values in targets if len(values) >= 2 * _LAST]
    drifting = sum(far > _FAR for far in found)
    return int(drifting > 0 and 2 * drifting >= len(found))
