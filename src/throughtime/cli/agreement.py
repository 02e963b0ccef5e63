"""How far apart two computations of the same numbers are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Difference:
    """The largest of the differences of several tensors, each relative to its largest number.

    Attributes:
        name: The tensor that differs most.
        relative: By how much; infinite where a shape is another or a number is no number.
    """

    name: str
    relative: float


def difference(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> Difference:
    """Compare tensors by name.

    Args:
        found: What was computed.
        expected: What is right; a tensor that is missing in `found` differs infinitely.
    """
    all_of_them = [
        Difference(name, _relative(found.get(name), right)) for name, right in expected.items()
    ]
    return max(all_of_them, key=lambda one: one.relative, default=Difference("nothing", 0.0))


def _relative(found: Tensor | None, expected: Tensor) -> float:
    if found is None or found.shape != expected.shape:
        return math.inf
    if not expected.numel():
        return 0.0
    # In double precision: the comparison is to add no rounding of its own.
    right = expected.detach().double()
    largest = float(right.abs().max()) or 1.0  # where all is zero, the difference itself
    relative = float((found.detach().double() - right).abs().max()) / largest
    return relative if math.isfinite(relative) else math.inf
