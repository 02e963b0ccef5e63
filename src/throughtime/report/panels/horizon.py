"""The horizon over the training: how far back the gradient reached, update by update."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from throughtime.report.chart import Chart, Line, draw
from throughtime.report.numerals import percent, short
from throughtime.report.panels.by_lag import lag_scales
from throughtime.report.recorded_flow import Flow, Snapshot
from throughtime.report.scale import linear
from throughtime.report.tables import Cell, Table
from throughtime.report.wording import capital, shown

_NUMBERS = 6000
"""Numbers of all curves together."""
_SNAPSHOTS = 40
_ROWS = 9
_LOOKS = ("first", "second", "third", "fourth", "fifth", "sixth")


def with_the_end(flow: Flow, update: float | None) -> Flow:
    """Put the trained network among the looks along the training, at the update it is from.

    Args:
        flow: What was measured.
        update: Which that is; None if it is not known.
    """
    if not flow.over_training or update is None or not flow.layers:
        return flow
    layers = [(layer.lag, layer.median, layer.horizon) for layer in flow.layers]
    before = [one for one in flow.over_training if one.update < update]
    after = [one for one in flow.over_training if one.update > update]
    return replace(flow, over_training=[*before, Snapshot(update, layers, kept=True), *after])


def horizon_chart(flow: Flow, most: int) -> Chart | None:
    """Draw each layer's horizon by update; None where fewer than two snapshots were taken."""
    taken = flow.over_training
    names = _names(flow, most)
    if len(taken) < 2 or not names:
        return None
    by_layer = [
        [(one.update, _horizon(one, place)) for one in taken] for place in range(len(names))
    ]
    reached = [lag for column in by_layer for _, lag in column]
    if not any(lag is not None for lag in reached):
        return None
    share = percent(flow.fraction)
    return draw(
        "horizon",
        title="Horizon by update",
        description=" ".join(
            f"{name}: {short(column[0][1])} steps at the start, {short(column[-1][1])} at the end."
            for name, column in zip(names, by_layer, strict=True)
        ),
        x=linear([one.update for one in taken], margin=0.0),
        y=linear([0.0, *reached]),
        x_label="update",
        y_label=f"Steps until the gradient has fallen to {share}",
        lines=[
            Line(name, look, column, dots=len(taken) <= 60)
            for name, look, column in zip(names, _LOOKS, by_layer, strict=False)
        ],
        height=180,
    )


def horizon_table(flow: Flow, most: int) -> Table | None:
    """Give the horizons at a few updates from first to last; None without snapshots."""
    taken, names = flow.over_training, _names(flow, most)
    if len(taken) < 2 or not names:
        return None
    return Table(
        f"Steps to {percent(flow.fraction)}; a dash: not within the lags looked at",
        ["Update", *names],
        [
            (
                short(taken[row].update),
                [Cell(short(_horizon(taken[row], place))) for place in range(len(names))],
            )
            for row in _evenly(len(taken), _ROWS)
        ],
    )


def horizon_data(flow: Flow, most: int, detail: float) -> dict[str, Any] | None:
    """Give the curves by lag at each update for the script; None without snapshots.

    Args:
        flow: What was measured.
        most: How many layers are drawn.
        detail: The share of all numbers that the page has room for.
    """
    scales, names = lag_scales(flow, most), _names(flow, most)
    if len(flow.over_training) < 2 or scales is None or not names:
        return None
    every = flow.over_training
    chosen = {*_evenly(len(every), _SNAPSHOTS), *(row for row, one in enumerate(every) if one.kept)}
    taken = [every[row] for row in sorted(chosen)]
    points = max(8, int(_NUMBERS * detail) // (len(taken) * len(names)))
    x, y = scales
    return {
        "share": percent(flow.fraction),
        "x": [x.low, x.high],
        "y": [y.low, y.high],
        "update": [one.update for one in taken],
        "kept": next((place for place, one in enumerate(taken) if one.kept), None),
        "layers": [
            {"name": name, **_curves(taken, place, points)} for place, name in enumerate(names)
        ],
    }


def _curves(taken: Sequence[Snapshot], place: int, points: int) -> dict[str, Any]:
    """Give a layer's median by lag at each update, at lags that all share."""
    recorded = [one.layers[place] for one in taken if place < len(one.layers)]
    lags = max((lag for lag, _, _ in recorded), key=len, default=[])
    chosen = [lags[row] for row in _evenly(len(lags), points)]
    curves = []
    for lag, median, horizon in recorded:
        norms = dict(zip(lag, median, strict=True))
        # Two figures are more than a line shows.
        drawn = [None if (norm := norms.get(at)) is None else float(f"{norm:.2g}") for at in chosen]
        curves.append({"median": drawn, "horizon": horizon})
    return {"lag": chosen, "curves": curves}


def _names(flow: Flow, most: int) -> list[str]:
    return [capital(shown(layer.name, 40)) for layer in flow.layers if len(layer.lag)][:most]


def _horizon(one: Snapshot, place: int) -> float | None:
    return one.layers[place][2] if place < len(one.layers) else None


def _evenly(count: int, most: int) -> Sequence[int]:
    if count <= most:
        return range(count)
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]
