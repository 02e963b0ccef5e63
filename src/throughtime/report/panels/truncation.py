"""What truncation discards: the share of the gradient lost by windows of so many steps."""

from __future__ import annotations

from typing import Any

from throughtime.report.numerals import MISSING, fixed, percent, short
from throughtime.report.recorded_flow import Flow, Truncation
from throughtime.report.tables import Cell, Table
from throughtime.report.wording import capital, shown

_LAYERS = 6
_WINDOWS = 200
_LEAST = 1e-5


def truncation_table(flow: Flow) -> Table | None:
    """Give what windows of 1, 2, 5, 10, ... steps discard, of all weights and of each layer's."""
    curves = _curves(flow)
    if not curves:
        return None
    wanted = sorted({k2 for _, curve in curves for k2 in curve.k2} & _ROUND)
    head = ["Window", *(title for name, _ in curves for title in (name, "cosine"))]
    rows = []
    for k2 in wanted:
        cells = []
        for _, curve in curves:
            place = curve.k2.index(k2) if k2 in curve.k2 else None
            share = curve.share[place] if place is not None else None
            cosine = curve.cosine[place] if place is not None else None
            cells += [Cell(MISSING if share is None else _per_cent(share)), Cell(fixed(cosine, 3))]
        rows.append((short(k2), cells))
    return Table(
        "Discarded by truncation, and the cosine between what is left and the whole",
        head,
        rows,
        "Share of the gradient of the weights, by its norm. Longer windows than the last discard "
        "nothing.",
    )


def truncation_data(flow: Flow) -> dict[str, Any] | None:
    """Give the curve of all weights for the script, or that of the first layer that has one."""
    curves = _curves(flow)
    if not curves:
        return None
    name, curve = curves[0]
    told = [place for place, share in enumerate(curve.share) if share is None or share >= _LEAST]
    count = min(len(curve.k2), max(told, default=0) + 2)  # beyond, all is as at the last one
    stride = -(-count // _WINDOWS)
    chosen = sorted({*range(0, count, stride), count - 1})
    return {
        "of": "the gradient" if name == _ALL else f"the gradient of {name.lower()}",
        "k2": [curve.k2[place] for place in chosen],
        "share": [
            None if (share := curve.share[place]) is None else _per_cent(share) for place in chosen
        ],
        "cosine": [
            None if (cosine := curve.cosine[place]) is None else fixed(cosine, 3)
            for place in chosen
        ],
    }


def _per_cent(share: float) -> str:
    return percent(share) if share == 0 or share >= _LEAST else "less than 0.001 %"


_ALL = "All weights"
_ROUND = {m * 10.0**e for e in range(7) for m in (1, 2, 5)}


def _curves(flow: Flow) -> list[tuple[str, Truncation]]:
    found = [(_ALL, flow.truncation)] if flow.truncation is not None else []
    if len(flow.layers) > 1 or not found:
        found += [
            (capital(shown(layer.name, 40)), layer.truncation)
            for layer in flow.layers[:_LAYERS]
            if layer.truncation is not None
        ]
    return found
