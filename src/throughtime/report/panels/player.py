"""The gradient of each weight as it builds up term by term, from the last step back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from throughtime.report.numerals import short
from throughtime.report.recorded_walk import Walk
from throughtime.report.wording import shown

_WEIGHTS = 16
_WINDOWS = (1, 2, 5, 10, 20, 50)


@dataclass(frozen=True)
class WeightRow:
    """A weight: its gradient's norm by windows, and with all terms, as text and as a bar."""

    name: str
    by_window: list[str]
    whole: str
    bar: float


@dataclass(frozen=True)
class PlayerPanel:
    """The weights' gradients, with so many terms and with all; and the figures of every step."""

    windows: list[int]
    rows: list[WeightRow]
    left: int
    data: dict[str, Any]


def player(walk: Walk) -> PlayerPanel | None:
    """Give the panel of the weights' gradients; None where none was recorded."""
    weights = walk.weights[:_WEIGHTS]
    if not weights:
        return None
    windows = [window for window in _WINDOWS if window < walk.steps]
    rows = []
    for weight in weights:
        greatest = max((norm for norm in weight.norm if norm is not None), default=0.0)
        whole = weight.norm[-1]
        rows.append(
            WeightRow(
                shown(weight.name, 60),
                [short(weight.norm[window - 1]) for window in windows],
                short(whole),
                round(100 * whole / greatest, 1) if whole and greatest else 0.0,
            )
        )
    data = {
        "steps": walk.steps,
        "norm": [[_figures(norm) for norm in weight.norm] for weight in weights],
    }
    return PlayerPanel(windows, rows, len(walk.weights) - len(rows), data)


def _figures(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")
