"""The gradient triangle: how much of each step's loss reaches each state before it."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from throughtime.report.chart import Chart, draw
from throughtime.report.numerals import short
from throughtime.report.panels.entry import Entry, entry_of
from throughtime.report.panels.raster import Raster, raster
from throughtime.report.recorded_flow import Column, Flow, LayerFlow, Triangle
from throughtime.report.scale import Scale, linear
from throughtime.report.wording import capital, shown

_CELLS = 4500
"""Cells of all triangles together."""
_SIDE = 64
_LAYERS = 6


@dataclass(frozen=True)
class TrianglePanel:
    """A layer's triangle: its picture, what its colours mean, and its figures for the script."""

    key: str
    chart: Chart
    colours: Raster
    low: str
    high: str
    note: str
    data: dict[str, Any]


def triangles(flow: Flow, detail: float = 1.0) -> list[TrianglePanel]:
    """Draw the triangle of each layer that has one, up to the sixth.

    Args:
        flow: What was measured.
        detail: The share of the cells that the page has room for.
    """
    layers = [layer for layer in flow.layers if layer.triangle is not None][:_LAYERS]
    side = min(_SIDE, int(math.sqrt(2 * _CELLS * detail / max(1, len(layers)))))
    entry = entry_of(flow)
    panels = [_panel(place, layer, side, entry) for place, layer in enumerate(layers)]
    return [panel for panel in panels if panel is not None]


def _panel(place: int, layer: LayerFlow, side: int, entry: Entry) -> TrianglePanel | None:
    assert layer.triangle is not None
    recorded = layer.triangle
    triangle = thinned(recorded, side)
    painted = raster(_causal(triangle, triangle.median))
    if painted is None:
        return None
    losses, steps = triangle.losses, triangle.steps
    every = recorded.every and len(losses) == len(recorded.losses)
    note = (
        f"Every {entry.at} and state step is shown."
        if every
        else f"{len(losses)} {entry.at}s and {len(steps)} state steps are shown, evenly chosen."
        + (" flow.json has more." if len(losses) < len(recorded.losses) else "")
    )
    key = f"triangle-{place}"
    chart = draw(
        key,
        title=f"Gradient triangle: {shown(layer.name, 80)}",
        description=(
            f"The norm of the gradient of {entry.source}, {entry.at}s {short(losses[0])} to "
            f"{short(losses[-1])}, by the state at steps {short(steps[0])} to {short(steps[-1])}, "
            f"from {short(painted.low)} to {short(painted.high)}."
        ),
        x=Scale(-0.5, len(steps) - 0.5),
        y=Scale(-0.5, len(losses) - 0.5),
        x_label="state step t",
        y_label=f"{capital(shown(layer.name, 60))}: {entry.at} s, upward",
        lines=[],
        x_ticks=_ticks(steps),
        y_ticks=_ticks(losses),
        image=painted.image,
        height=max(40, min(320, 20 * len(losses))),
    )
    data = {
        "at": capital(entry.at),
        "later": entry.later,
        "losses": losses,
        "steps": steps,
        # The figures that are shown, with nothing for t > s; of one row there are no quantiles.
        **{
            name: [
                [_figures(value) for value in row[: _reach(triangle, loss)]]
                for loss, row in zip(losses, table, strict=True)
            ]
            for name, table in (
                ("median", triangle.median),
                ("lower", triangle.lower),
                ("upper", triangle.upper),
            )
            if name == "median" or table != triangle.median
        },
    }
    return TrianglePanel(key, chart, painted, short(painted.low), short(painted.high), note, data)


def thinned(triangle: Triangle, side: int) -> Triangle:
    """Give at most so many rows and columns of a triangle, evenly chosen, both ends among them."""
    rows, columns = (_evenly(len(axis), side) for axis in (triangle.losses, triangle.steps))

    def table(values: Sequence[Column]) -> list[Column]:
        return [[values[row][column] for column in columns] for row in rows]

    return Triangle(
        [triangle.losses[row] for row in rows],
        [triangle.steps[column] for column in columns],
        table(triangle.median),
        table(triangle.lower),
        table(triangle.upper),
        triangle.every,
    )


def _evenly(count: int, most: int) -> list[int]:
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]


def _reach(triangle: Triangle, loss: float) -> int:
    """Give how many of the state steps are not after a loss."""
    return sum(1 for step in triangle.steps if step <= loss)


def _causal(triangle: Triangle, table: Sequence[Column]) -> list[Column]:
    """Clear what no loss can reach."""
    return [
        [value if step <= loss else None for step, value in zip(triangle.steps, row, strict=True)]
        for loss, row in zip(triangle.losses, table, strict=True)
    ]


def _figures(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


def _ticks(steps: Sequence[float]) -> list[tuple[float, str]]:
    """Give ticks at round steps, placed among cells that may be unevenly far apart."""
    if len(steps) == 1:
        return [(0.0, short(steps[0]))]
    wanted = linear(steps, margin=0.0).ticks(6)
    return [(_place(value, steps), label) for value, label in wanted if value == int(value)]


def _place(value: float, steps: Sequence[float]) -> float:
    right = min(max(bisect_left(steps, value), 1), len(steps) - 1)
    before, after = steps[right - 1], steps[right]
    return right - 1 + (value - before) / (after - before)
