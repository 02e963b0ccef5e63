"""A figure or an axis to draw on, and the colours and words of all pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, BLUE, ORANGE = "#1d1f23", "#5d6269", "#0072b2", "#c24e00"
# Okabe & Ito's, darkened until thin lines are seen on white.
COLOURS = (BLUE, ORANGE, "#00805e", "#a6447c", INK, "#8a6d00", QUIET, "#6a4fb3")


def new_figure(inches: tuple[float, float]) -> Figure:
    """Give a figure of its own; no global state of matplotlib is touched."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=inches, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def axis(ax: Axes | None, inches: tuple[float, float]) -> Axes:
    """Give an axis as it is, or that of a new figure."""
    return new_figure(inches).add_subplot() if ax is None else ax


def known(values: Sequence[float | None]) -> list[float]:
    """Give numbers to draw: a gap where there is none."""
    return [math.nan if value is None else value for value in values]


def labelled(ax: Axes, title: str, x: str, y: str) -> Axes:
    """Write an axis' title and what it measures."""
    ax.set_title(title, loc="left", color=INK)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    return ax
