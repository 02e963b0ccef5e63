"""Panels of one sequence walked through, for papers, from what `throughtime.flow.walk` recorded.

Each takes a walk or the content of a `walk.json`, draws on an axis (a new figure's without one) and
gives it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from throughtime.report.axis import BLUE, COLOURS, ORANGE, axis, known, labelled
from throughtime.report.recorded_walk import Walk, read_walk

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES = (6.0, 3.6)


class Recorded(Protocol):
    """A sequence walked through."""

    def as_dict(self) -> dict[str, Any]:
        """Give its figures as they stand in `walk.json`."""
        ...


Source = Recorded | Mapping[str, Any]


def plot_unrolled(walk: Source, ax: Axes | None = None) -> Axes:
    """Draw the gradient of the last loss by each state, step by step: |dE_s/dS_k| of each layer."""
    found, ax = _read(walk), axis(ax, _INCHES)
    for place, layer in enumerate(found.by_state):
        colour = COLOURS[place % len(COLOURS)]
        ax.plot(range(found.steps), known(layer), color=colour, label=f"layer {place}")
    if any(value for layer in found.by_state for value in layer if value is not None):
        ax.set_yscale("log", nonpositive="mask")
    ax.legend(frameon=False)
    return labelled(ax, "Back from the last loss", "step k", "|dE_s / dS_k|")


def plot_weight_gradient(walk: Source, ax: Axes | None = None, weight: int | str = 0) -> Axes:
    """Draw how a weight's gradient builds up from the last step back, and what windows leave out.

    Args:
        walk: What was recorded.
        ax: Where to draw.
        weight: The name of a recorded weight, or its place among them.

    Raises:
        ValueError: There is no such weight.
    """
    found, ax = _read(walk), axis(ax, _INCHES)
    names = [one.name for one in found.weights]
    known_one = weight in names if isinstance(weight, str) else -len(names) <= weight < len(names)
    if not known_one:
        raise ValueError(f"the weights that were recorded are {', '.join(names)}; got {weight!r}")
    chosen = found.weights[names.index(weight) if isinstance(weight, str) else weight]
    terms = range(1, found.steps + 1)
    ax.plot(terms, known(chosen.left), color=ORANGE, label="left out, |g - g_k2| / |g|")
    whole = chosen.norm[-1] or 1.0
    share = [None if value is None else value / whole for value in chosen.norm]
    ax.plot(terms, known(share), color=BLUE, label="come to, |g_k2| / |g|")
    ax.set_ylim(bottom=0.0)
    ax.legend(frameon=False)
    return labelled(ax, f"The gradient of {chosen.name}", "terms, k2", "share of the whole")


def plot_credit(walk: Source, ax: Axes | None = None, step: int = -1) -> Axes:
    """Draw the credit lens: the share of each input in the gradient of the loss of a step.

    Raises:
        ValueError: There is no such step.
    """
    found, ax = _read(walk), axis(ax, _INCHES)
    if not -found.steps <= step < found.steps:
        raise ValueError(f"there are {found.steps} steps; got {step}")
    at = step % found.steps
    sizes = [value or 0.0 for value in found.by_input[at][: at + 1]]
    total = sum(sizes) or 1.0
    ax.vlines(range(at + 1), 0.0, [size / total for size in sizes], color=BLUE)
    ax.set_ylim(bottom=0.0)
    title = f"What the loss of {found.labels[at]} hears"
    return labelled(ax, title, "input step t", "share of |dE_s / dx_t|")


def _read(walk: Source) -> Walk:
    found = read_walk(dict(walk) if isinstance(walk, Mapping) else walk.as_dict())
    if found is None:
        raise ValueError("no step was recorded")
    return found
