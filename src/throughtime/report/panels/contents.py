"""All that the page shows of gradient flow, as its template takes it."""

from __future__ import annotations

from typing import Any

from throughtime.report.panels.by_lag import lag_charts
from throughtime.report.panels.entry import entry_of
from throughtime.report.panels.gates import gates_by_layer
from throughtime.report.panels.horizon import (
    horizon_chart,
    horizon_data,
    horizon_table,
    with_the_end,
)
from throughtime.report.panels.judged import advice, judgements
from throughtime.report.panels.paths import ways_back
from throughtime.report.panels.spectrum import spectra
from throughtime.report.panels.triangle import triangles
from throughtime.report.panels.truncation import truncation_data, truncation_table
from throughtime.report.recorded_flow import Flow
from throughtime.report.tables import lag_table
from throughtime.report.verdict import gradient_reach
from throughtime.report.wording import capital

_LAYERS = 6
"""Layers beyond these are named and left to the file."""


def flow_contents(flow: Flow | None, update: float | None, detail: float) -> dict[str, Any]:
    """Give the panels of what was measured; without a measurement they are all empty.

    Args:
        flow: What `flow.json` holds.
        update: The update that the trained network is from, if it is known.
        detail: The share of points and cells that the page has room for, at most 1.
    """
    flow = with_the_end(flow or Flow(0.01, None, []), update)
    reach = gradient_reach(flow)
    layers = [layer for layer in flow.layers if len(layer.lag)]
    return {
        "entry": entry_of(flow),
        "judged": judgements(flow),
        "advice": advice(flow),
        "triangles": triangles(flow, detail),
        "truncation": truncation_data(flow),
        "truncation_table": truncation_table(flow),
        "reach": f"{capital(reach)}." if reach else None,
        "lags": [
            {"chart": chart, "table": lag_table(layer)}
            for chart, layer in zip(lag_charts(flow, _LAYERS, detail), layers, strict=False)
        ],
        "lags_left": max(0, len(flow.layers) - _LAYERS),
        "horizon": horizon_chart(flow, _LAYERS),
        "horizon_table": horizon_table(flow, _LAYERS),
        "horizon_data": horizon_data(flow, _LAYERS, detail),
        "spectra": spectra(flow, _LAYERS),
        "ways": ways_back(flow, _LAYERS, detail),
        "gates": gates_by_layer(flow, _LAYERS),
    }
