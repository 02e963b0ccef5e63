"""An axis to draw on, and the colours of all pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET = "#1d1f23", "#5d6269"
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#aa4499"  # after Okabe & Ito
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, INK, QUIET)


def axis(ax: Axes | None, inches: tuple[float, float]) -> Axes:
    """Give an axis as it is, or that of a new figure; no global state of matplotlib is touched."""
    if ax is not None:
        return ax
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=inches, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure.add_subplot()
