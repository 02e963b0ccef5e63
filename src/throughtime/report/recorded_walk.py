"""What `walk.json` holds of one sequence walked through, read with nothing taken for granted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from throughtime.report.numerals import number
from throughtime.report.recorded_flow import Column, beside, column, columns, objects

MOST = 64
"""Steps that are read: what a page can show."""


@dataclass(frozen=True)
class WeightWalk:
    """A weight's gradient with so many terms, and what is left out: one number a window each."""

    name: str
    norm: Column
    left: Column


@dataclass(frozen=True)
class UnitWalk:
    """One unit: what its equations hear, each value by step."""

    layer: int
    unit: int
    before: dict[str, Column]
    inputs: dict[str, Column]
    products: dict[str, Column]
    constants: dict[str, float]
    gradient: dict[str, Column]


@dataclass(frozen=True)
class Walk:
    """T steps of one sequence, and the loss of the last; columns have T numbers."""

    labels: Sequence[str]
    input_labels: Sequence[str]
    cell: str
    inputs: Sequence[Column]
    outputs: Sequence[Column]
    targets: Sequence[Column]
    losses: Column
    states: Sequence[Column]
    by_state: Sequence[Column]
    by_output: float | None
    weights: Sequence[WeightWalk]
    unit: UnitWalk | None
    by_input: Sequence[Column]

    @property
    def steps(self) -> int:
        """How many there are, T."""
        return len(self.losses)


def read_walk(found: dict[str, Any]) -> Walk | None:
    """Read the object that `walk.json` is; None where no step was recorded."""
    losses = column(found.get("losses"))[:MOST]
    T = len(losses)
    if not T:
        return None

    def rows(name: str) -> list[Column]:
        listed = found.get(name)
        return [column(row) for row in listed[:T]] if isinstance(listed, list) else []

    def layers(name: str) -> list[Column]:
        listed = found.get(name)
        return [beside(row, T) for row in listed] if isinstance(listed, list) else []

    return Walk(
        labels=_labels(found.get("labels"), T),
        input_labels=_labels(found.get("input_labels"), T),
        cell=str(found.get("cell", "")),
        inputs=(rows("inputs") + [[]] * T)[:T],
        outputs=(rows("outputs") + [[]] * T)[:T],
        targets=(rows("targets") + [[]] * T)[:T],
        losses=losses,
        states=layers("states"),
        by_state=layers("by_state"),
        by_output=number(found.get("by_output")),
        weights=[
            WeightWalk(
                str(one.get("name", "weight")),
                beside(one.get("norm"), T),
                beside(one.get("left"), T),
            )
            for one in objects(found.get("weights"))
        ],
        unit=_unit(found.get("unit"), T),
        by_input=columns(found.get("by_input"), T, T),
    )


def _labels(found: object, count: int) -> list[str]:
    if isinstance(found, list) and len(found) == count:
        return [str(label) for label in found]
    return [str(step) for step in range(count)]


def _unit(found: object, count: int) -> UnitWalk | None:
    if not isinstance(found, dict):
        return None

    def named(name: str) -> dict[str, Column]:
        given = found.get(name)
        listed = given if isinstance(given, dict) else {}
        return {str(key): beside(values, count) for key, values in listed.items()}

    given = found.get("constants")
    constants = given if isinstance(given, dict) else {}
    return UnitWalk(
        layer=int(number(found.get("layer")) or 0),
        unit=int(number(found.get("unit")) or 0),
        before=named("before"),
        inputs=named("inputs"),
        products=named("products"),
        constants={str(name): number(value) or 0.0 for name, value in constants.items()},
        gradient=named("gradient"),
    )
