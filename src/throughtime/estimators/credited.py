"""Which steps of some sequences the loss of their class hears, as it is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from throughtime.flow.figures import numbers

MOST = 12
"""Sequences that are recorded."""
_STRETCHES = 160
"""Stretches of neighbouring steps that a sequence is recorded in, at most."""


@dataclass(frozen=True)
class Credited:
    """A sequence, and what the loss of its class hears.

    Attributes:
        name: What it is called.
        label: Its class.
        told: What it is told to be.
        sizes: |dE/dx_t|, [T].
        level: What is drawn beneath: the mean of the inputs over their columns, [T].
    """

    name: str
    label: Any
    told: Any
    sizes: npt.NDArray[np.float64]
    level: npt.NDArray[np.float64]

    def as_dict(self) -> dict[str, Any]:
        """Give plain figures, summed (levels averaged) over stretches of equally many steps."""
        T = len(self.sizes)
        stretch = -(-T // _STRETCHES)
        starts = np.arange(0, T, stretch)
        whole = float(self.sizes.sum())
        shares = np.add.reduceat(self.sizes, starts) / (whole if whole > 0 else 1.0)
        counts = np.diff([*starts.tolist(), T])
        return {
            "name": self.name,
            "label": str(self.label),
            "told": str(self.told),
            "steps": T,
            "stretch": stretch,
            "share": numbers(shares.tolist(), digits=4),
            "level": numbers((np.add.reduceat(self.level, starts) / counts).tolist(), digits=4),
        }


def as_record(credited: Sequence[Credited], step: float, unit: str) -> dict[str, Any]:
    """Give what `credit.json` holds.

    Args:
        credited: The sequences.
        step: How far steps are apart.
        unit: In what.
    """
    return {"step": step, "unit": unit, "sequences": [one.as_dict() for one in credited]}
