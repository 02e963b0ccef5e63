"""The spectrum fan: the singular values of products of Jacobians by lag, each a line of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass

from throughtime.report.chart import Chart, Line, draw
from throughtime.report.numerals import short
from throughtime.report.recorded_flow import Flow, LayerFlow, Spectrum
from throughtime.report.scale import linear, logarithmic
from throughtime.report.tables import Cell, Table
from throughtime.report.wording import capital, shown

_ROUNDING = 1e-16
"""Singular values below this share of the largest one are rounding."""
_FLOOR = 1e-24
_COLUMNS = 3
_LINES = 48
"""Lines of all fans together: what a page can hold."""


@dataclass(frozen=True)
class SpectrumPanel:
    """A layer's fan, its figures, and what they say."""

    chart: Chart
    table: Table
    said: str


def spectra(flow: Flow, most: int) -> list[SpectrumPanel]:
    """Draw the fan of each layer that has one, up to so many."""
    found = [(layer, layer.spectrum) for layer in flow.layers if layer.spectrum is not None][:most]
    most_lines = max(5, _LINES // max(1, len(found)))
    panels = [
        _panel(place, layer, _thinned(spectrum, most_lines))
        for place, (layer, spectrum) in enumerate(found)
    ]
    return [panel for panel in panels if panel is not None]


def _thinned(spectrum: Spectrum, most: int) -> Spectrum:
    """Give at most so many ranks, evenly chosen, both ends among them."""
    count = len(spectrum.ranks)
    if count <= most:
        return spectrum
    chosen = [round(place * (count - 1) / (most - 1)) for place in range(most)]
    return Spectrum(
        spectrum.lag,
        [spectrum.ranks[rank] for rank in chosen],
        [[row[rank] for rank in chosen] for row in spectrum.values],
    )


def _panel(place: int, layer: LayerFlow, spectrum: Spectrum) -> SpectrumPanel | None:
    tops = [max((v for v in row if v is not None), default=0.0) for row in spectrum.values]
    greatest = max(tops)
    if greatest <= 0:
        return None

    def told(value: float | None, top: float) -> float | None:
        # Told from rounding, and from what has vanished whatever it is.
        kept = value is not None and value > max(top * _ROUNDING, greatest * _FLOOR)
        return value if kept else None

    table = [
        [told(value, top) for value in row] for row, top in zip(spectrum.values, tops, strict=True)
    ]
    name = shown(layer.name, 60)
    ranks = len(spectrum.ranks)
    lines = [
        Line(
            _label(rank, spectrum),
            "fan" if rank else "median",
            [(lag, row[rank]) for lag, row in zip(spectrum.lag, table, strict=True)],
        )
        for rank in reversed(range(ranks))
    ]
    chart = draw(
        f"spectrum-{place}",
        title=f"Singular values by lag: {name}",
        description=_described(spectrum, table),
        x=linear([0.0, *spectrum.lag], margin=0.0),
        y=logarithmic([1.0, *(value for row in table for value in row)], 0.03),
        x_label="lag in steps",
        y_label=f"{capital(name)}: singular values of dS(t+lag)/dS(t), logarithmic",
        lines=lines,
        height=220,
    )
    chosen = sorted({round(at * (ranks - 1) / (_COLUMNS - 1)) for at in range(_COLUMNS)})
    rows = [
        (short(lag), [Cell(short(row[rank])) for rank in chosen])
        for index, (lag, row) in enumerate(zip(spectrum.lag, table, strict=True))
        if index % max(1, len(table) // 8) == 0 or index == len(table) - 1
    ]
    caption = f"{capital(name)}: singular values by rank; a dash: lost in rounding"
    figures = Table(caption, ["Lag", *(short(spectrum.ranks[r]) for r in chosen)], rows)
    return SpectrumPanel(chart, figures, _exponents(layer))


def _label(rank: int, spectrum: Spectrum) -> str:
    if rank == 0:
        return "largest"
    last = len(spectrum.ranks) - 1
    return f"to the {short(spectrum.ranks[last])}th" if rank == last and rank > 1 else ""


def _described(spectrum: Spectrum, table: list[list[float | None]]) -> str:
    first, last = table[0][0], table[-1][0]
    return (
        f"The largest singular value is {short(first)} at lag {short(spectrum.lag[0])} and "
        f"{short(last)} at lag {short(spectrum.lag[-1])}; {len(spectrum.ranks)} ranks are drawn."
    )


def _exponents(layer: LayerFlow) -> str:
    """Say what the Lyapunov exponents are."""
    known = [value for value in layer.exponents if value is not None]
    if not known:
        return ""
    top = known[0]
    factor = math.exp(min(top, 700.0))
    effect = "grow" if top > 0 else "fade"
    said = (
        f"The largest Lyapunov exponent is {short(top)} a step: small changes of the state "
        f"{effect} by a factor of {short(factor)} a step in the long run."
    )
    if len(layer.exponents) > 1:
        said += f" Exponents: {', '.join(short(value) for value in layer.exponents[:8])}"
        said += f" and {len(layer.exponents) - 8} more." if len(layer.exponents) > 8 else "."
    return said
