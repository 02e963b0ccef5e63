"""Numbers as C writes them: every float32 comes back as the same bits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor


def single(value: float) -> str:
    """Write a float32: `0.1f`, the fewest digits that read back as it."""
    with np.errstate(over="ignore"):  # too large a number is infinite, as it is in torch
        found = np.float32(value)
    if not np.isfinite(found):
        return _special(float(found))
    return f"{found!s}f"


def double(value: float) -> str:
    """Write a float64."""
    return repr(float(value)) if math.isfinite(value) else _special(value)


def array(name: str, values: Tensor, comment: str) -> str:
    """Write a constant array of float32, flat."""
    numbers = [single(value) for value in values.flatten().tolist()]
    return (
        f"/* {comment} */\nstatic const float {name}[{len(numbers)}] = {{\n{rows(numbers)}\n}};\n"
    )


def rows(numbers: Sequence[str], columns: int = 8) -> str:
    """Lay numbers out in lines of so many."""
    lines = (numbers[start : start + columns] for start in range(0, len(numbers), columns))
    return ",\n".join("    " + ", ".join(line) for line in lines)


def _special(value: float) -> str:
    return "NAN" if math.isnan(value) else "INFINITY" if value > 0 else "-INFINITY"
