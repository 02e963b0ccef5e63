"""The ways back through a step: carried by the state itself, or through the recurrent weights."""

from __future__ import annotations

from dataclasses import dataclass

from throughtime.report.chart import Chart, Line, draw
from throughtime.report.numerals import short
from throughtime.report.recorded_flow import Flow, LayerFlow, Paths
from throughtime.report.scale import linear
from throughtime.report.tables import Cell, Table
from throughtime.report.wording import capital, shown

_COLUMNS = 120
_WAYS = 12


@dataclass(frozen=True)
class PathsPanel:
    """A layer's ways: the carry path by lag, and the share of each way through a step."""

    chart: Chart | None
    table: Table
    said: str


def ways_back(flow: Flow, most: int, detail: float = 1.0) -> list[PathsPanel]:
    """Give the panel of each layer whose ways were measured, up to so many.

    Args:
        flow: What was measured.
        most: How many layers are drawn.
        detail: The share of the points that the page has room for.
    """
    columns = max(10, int(_COLUMNS * detail))
    found = [(layer, layer.paths) for layer in flow.layers if layer.paths is not None][:most]
    return [_panel(place, layer, paths, columns) for place, (layer, paths) in enumerate(found)]


def _panel(place: int, layer: LayerFlow, paths: Paths, columns: int) -> PathsPanel:
    name = shown(layer.name, 60)
    points = list(zip(paths.lag, paths.share, strict=True))
    known = [share for _, share in points if share is not None]
    chart = None
    if len(known) > 1:
        chart = draw(
            f"paths-{place}",
            title=f"Share of the carry path by lag: {name}",
            description=f"From {short(known[0])} to {short(known[-1])}; "
            f"least {short(min(known))}, greatest {short(max(known))}.",
            x=linear(paths.lag, margin=0.0),
            y=linear([0.0, 1.0, *known]),
            x_label="lag in steps",
            y_label=f"{capital(name)}: share of the gradient that the state carried itself",
            lines=[Line("carry path", "median", points)],
            height=160,
            columns=columns,
        )
    rows = [
        ("The state itself" if way == "carry" else f"Through U of {shown(way, 30)}", short(share))
        for way, share in list(paths.step.items())[:_WAYS]
    ]
    rows += [
        (f"Kept of {shown(state, 30)} a step, mean", short(kept))
        for state, kept in list(paths.kept.items())[:_WAYS]
    ]
    table = Table(
        f"{capital(name)}: ways back through one step, mean shares",
        ["Way", "Share"],
        [(way, [Cell(share)]) for way, share in rows],
    )
    return PathsPanel(chart, table, _said(paths))


def _said(paths: Paths) -> str:
    if not paths.kept or not any(paths.kept.values()):
        return "The cell carries no state over a step: all of the gradient goes through U."
    return (
        "The carry path goes from state to state without passing U. Shares of ways that work "
        "against each other are below 0 or above 1."
    )
