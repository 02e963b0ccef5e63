"""What `credit.json` holds of the steps that losses hear, read with nothing taken for granted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from throughtime.report.numerals import number
from throughtime.report.recorded_flow import Column, beside, column, objects

MOST = 24
"""Sequences that are read: what a page can show."""
_STRETCHES = 200


@dataclass(frozen=True)
class Heard:
    """A sequence: the share of each stretch of `stretch` steps in what the loss of `label` hears.

    `level` is what is drawn beneath, one number a stretch; `told` is the class it is told to be.
    """

    name: str
    label: str
    told: str
    steps: int
    stretch: int
    share: Sequence[float]
    level: Column


@dataclass(frozen=True)
class Credit:
    """The sequences; steps are `step` apart, in `unit`."""

    step: float
    unit: str
    sequences: Sequence[Heard]


def read_credit(found: dict[str, Any]) -> Credit | None:
    """Read the object that `credit.json` is; None where it holds no sequence that can be shown."""
    listed = [_heard(one) for one in objects(found.get("sequences"))[:MOST]]
    sequences = [one for one in listed if one is not None]
    step = number(found.get("step"))
    if not sequences:
        return None
    return Credit(step if step and step > 0 else 1.0, str(found.get("unit", "")), sequences)


def _heard(found: dict[str, Any]) -> Heard | None:
    shares = [max(share or 0.0, 0.0) for share in column(found.get("share"))[:_STRETCHES]]
    stretch = number(found.get("stretch"))
    if not sum(shares) > 0:
        return None
    whole = int(stretch) if stretch and stretch >= 1 else 1
    steps = number(found.get("steps"))
    return Heard(
        name=str(found.get("name", "")),
        label=str(found.get("label", "")),
        told=str(found.get("told", "")),
        steps=int(steps) if steps and steps >= 1 else whole * len(shares),
        stretch=whole,
        share=shares,
        level=beside(found.get("level"), len(shares)),
    )
