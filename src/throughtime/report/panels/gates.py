"""How the gates stand: how much of the time near an end of their range, and which units always."""

from __future__ import annotations

from dataclasses import dataclass

from throughtime.report.numerals import MINUS, fixed, percent
from throughtime.report.recorded_flow import Flow, Gate
from throughtime.report.wording import capital, shown

_GATES = 12
_UNITS = 12
_ENDS = {"sigmoid": ("closed", "open"), "tanh": (f"near {MINUS}1", "near 1"), "relu": ("zero", "")}


@dataclass(frozen=True)
class GateRow:
    """A gate in words and figures.

    For its bar `low` and `high` are shares in per cent, and `place` is where the mean lies.
    """

    name: str
    operation: str
    mean: str
    place: float
    low: float
    high: float
    at_low: str
    at_high: str
    stuck: str


@dataclass(frozen=True)
class GatesPanel:
    """The gates of one layer."""

    caption: str
    rows: list[GateRow]
    left: int


def gates_by_layer(flow: Flow, most: int) -> list[GatesPanel]:
    """Give the gates of each layer that has some, up to so many layers."""
    return [
        GatesPanel(
            capital(shown(layer.name, 60)),
            [_row(gate) for gate in layer.gates[:_GATES]],
            max(0, len(layer.gates) - _GATES),
        )
        for layer in [layer for layer in flow.layers if layer.gates][:most]
    ]


def _row(gate: Gate) -> GateRow:
    low_end, high_end = _ENDS.get(gate.operation, ("at the lower end", "at the upper end"))
    return GateRow(
        name=shown(gate.name, 40),
        operation=shown(gate.operation, 20),
        mean=fixed(gate.mean, 3),
        place=_place(gate),
        low=_per_cent(gate.low),
        high=_per_cent(gate.high),
        at_low=f"{percent(gate.low)} {low_end}" if gate.low is not None else "",
        at_high=f"{percent(gate.high)} {high_end}" if gate.high is not None else "",
        stuck=_stuck(gate, low_end, high_end),
    )


def _place(gate: Gate) -> float:
    """Give where the mean lies between the ends, in per cent; a ReLU has no upper end."""
    if gate.mean is None or gate.operation == "relu":
        return -10.0
    return _per_cent((gate.mean + 1) / 2 if gate.operation == "tanh" else gate.mean)


def _stuck(gate: Gate, low_end: str, high_end: str) -> str:
    ends = [
        (list(gate.stuck_low), "dead" if gate.operation == "relu" else f"always {low_end}"),
        (list(gate.stuck_high), f"always {high_end}"),
    ]
    said = []
    for units, how in ends:
        if units:
            listed = ", ".join(str(int(unit)) for unit in units[:_UNITS])
            more = f" and {len(units) - _UNITS} more" if len(units) > _UNITS else ""
            said.append(f"{how}: {'unit' if len(units) == 1 else 'units'} {listed}{more}")
    return "; ".join(said) or "none"


def _per_cent(share: float | None) -> float:
    return 0.0 if share is None else round(100 * min(max(share, 0.0), 1.0), 2)
