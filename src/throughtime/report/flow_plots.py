"""Panels of gradient flow for papers, from the figures that `throughtime.flow` recorded.

Each takes what `tt.flow` gives or the content of a `flow.json`, draws on an axis (a new figure's
without one) and gives it back; `ax.figure.savefig(...)` writes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from throughtime.report.axis import BLUE, COLOURS, INK, ORANGE, QUIET, axis, known, labelled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES = (6.0, 3.6)
_DECADES = 12  # below this share of the greatest value, 1e-12, a gradient is only said to be gone


class Recorded(Protocol):
    """A measured flow."""

    def as_dict(self) -> dict[str, Any]:
        """Give its figures as they stand in `flow.json`."""
        ...


Source = Recorded | Mapping[str, Any]


def plot_triangle(flow: Source, ax: Axes | None = None, layer: int = -1) -> Axes:
    """Draw |dE_s/dS_t| by loss step s (down) and state step t (across), the mean over rows."""
    from matplotlib.colors import LogNorm

    found = _layer(flow, layer)
    triangle = found["triangle"]
    ax = axis(ax, (5.2, 4.2))
    table = [known(row) for row in triangle["mean"]]
    largest = max((v for row in table for v in row if v > 0), default=1.0)
    norm = LogNorm(largest * 10.0**-_DECADES, largest, clip=True)
    mesh = ax.pcolormesh(triangle["steps"], triangle["losses"], table, norm=norm, cmap="viridis")
    if len(triangle["losses"]) > 1:
        ax.invert_yaxis()
    ax.figure.colorbar(mesh, ax=ax, label="|dE_s / dS_t|")
    return labelled(ax, f"{found['name']}: gradient of each loss", "state step t", "loss step s")


def plot_by_lag(flow: Source, ax: Axes | None = None) -> Axes:
    """Draw the gradient by lag: of each layer the median, and the 10 % to 90 % range."""
    figures, ax = _figures(flow), axis(ax, _INCHES)
    floor = 10.0**-_DECADES
    for layer, colour in zip(figures["layers"], _colours(figures["layers"]), strict=True):
        lags = layer["lag"]
        lower, upper = ([max(v, floor) for v in known(layer[name])] for name in ("lower", "upper"))
        ax.fill_between(lags, lower, upper, color=colour, alpha=0.2, lw=0)
        ax.plot(
            lags, [max(v, floor) for v in known(layer["median"])], c=colour, label=layer["name"]
        )
        if layer["horizon"] is not None:
            ax.axvline(layer["horizon"], color=colour, lw=1, ls=":")
    ax.axhline(figures["fraction"], color=QUIET, lw=1, ls="--")
    ax.set_yscale("log")
    ax.legend(frameon=False)
    return labelled(ax, "Gradient by lag", "lag s - t", "relative to lag 0")


def plot_discarded(flow: Source, ax: Axes | None = None) -> Axes:
    """Draw the share of the weights' gradient that windows of k2 steps discard, and the cosine."""
    found, ax = _figures(flow)["discarded"], axis(ax, _INCHES)
    if found is not None:
        ax.plot(found["k2"], known(found["share"]), color=ORANGE, label="share discarded")
        ax.plot(found["k2"], known(found["cosine"]), color=BLUE, label="cosine to the full one")
        ax.legend(frameon=False)
    return labelled(
        ax, "What truncation discards", "window k2 in steps", "of the weights' gradient"
    )


def plot_jacobian(flow: Source, ax: Axes | None = None, layer: int = -1) -> Axes:
    """Draw the largest singular value of dS_t/dS_{t-1} by step, a line a row of the batch."""
    found, ax = _layer(flow, layer), axis(ax, _INCHES)
    jacobian = found["jacobian"]
    if jacobian is not None:
        for row, values in zip(jacobian["rows"], jacobian["largest"], strict=True):
            ax.plot(jacobian["steps"], known(values), lw=1, label=f"row {row}")
        ax.axhline(1.0, color=QUIET, lw=1, ls="--")
        ax.legend(frameon=False)
    title = f"{found['name']}: the most that a step stretches"
    return labelled(ax, title, "step t", "largest singular value")


def plot_singular_values(flow: Source, ax: Axes | None = None, layer: int = -1) -> Axes:
    """Draw the fan of the singular values of products of Jacobians, by lag."""
    found, ax = _layer(flow, layer), axis(ax, _INCHES)
    jacobian = found["jacobian"]
    if jacobian is not None:
        floor = 1e-16 * max((row[0] or 0.0 for row in jacobian["singular_values"]), default=1.0)
        for place in reversed(range(len(jacobian["ranks"]))):
            values = [row[place] for row in jacobian["singular_values"]]
            kept = [v if v is not None and v > floor else math.nan for v in values]
            shade = 1.0 - 0.8 * place / max(len(jacobian["ranks"]) - 1, 1)
            ax.plot(jacobian["lag"], kept, color=BLUE, alpha=shade, lw=1.2)
        ax.axhline(1.0, color=QUIET, lw=1, ls="--")
        ax.set_yscale("log")
    title = f"{found['name']}: singular values of dS_s/dS_t"
    return labelled(ax, title, "lag s - t", "singular values")


def plot_lyapunov(flow: Source, ax: Axes | None = None) -> Axes:
    """Draw the Lyapunov spectrum of each layer."""
    layers, ax = _figures(flow)["layers"], axis(ax, _INCHES)
    for layer, colour in zip(layers, _colours(layers), strict=True):
        if layer["lyapunov"] is not None:
            exponents = known(layer["lyapunov"]["exponents"])
            ranks = range(1, len(exponents) + 1)
            ax.plot(ranks, exponents, "o-", ms=3, lw=1, color=colour, label=layer["name"])
    ax.axhline(0.0, color=QUIET, lw=1, ls="--")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False)
    return labelled(ax, "Lyapunov exponents", "rank", "exponent a step")


def plot_paths(flow: Source, ax: Axes | None = None, layer: int = -1) -> Axes:
    """Draw the whole gradient by lag beside what came by the carry path alone."""
    found, ax = _layer(flow, layer), axis(ax, _INCHES)
    floor = 10.0**-_DECADES
    lines = (
        ("all ways", found["lag"], found["median"], INK),
        ("the carry path alone", found["paths"]["lag"], found["paths"]["carry"], BLUE),
    )
    for label, lags, values, colour in lines:
        kept = [v if v > floor else math.nan for v in known(values)]
        ax.plot(lags, kept, color=colour, label=label)
    ax.set_yscale("log")
    ax.legend(frameon=False)
    return labelled(ax, f"{found['name']}: ways back", "lag s - t", "relative to lag 0")


def plot_gates(flow: Source, ax: Axes | None = None, layer: int = -1) -> Axes:
    """Draw the share of each gate's values near its lower end, between, and near its upper end."""
    found = _layer(flow, layer)
    gates = found["gates"]
    ax = axis(ax, (_INCHES[0], 1.2 + 0.4 * len(gates)))
    names = [f"{gate['name']} ({gate['operation']})" for gate in gates]
    low = [gate["low"] for gate in gates]
    high = [gate["high"] or 0.0 for gate in gates]
    between = [1.0 - lower - upper for lower, upper in zip(low, high, strict=True)]
    left = [0.0] * len(gates)
    parts = (
        ("lower end: closed, dead", low, ORANGE),
        ("between", between, "#d9dbde"),
        ("upper end: open", high, BLUE),
    )
    for label, shares, colour in parts:
        ax.barh(names, shares, left=left, color=colour, label=label)
        left = [start + share for start, share in zip(left, shares, strict=True)]
    ax.invert_yaxis()
    ax.set_xlim(0.0, 1.0)
    ax.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.25))
    return labelled(ax, f"{found['name']}: gates", "share of values", "")


def _figures(flow: Source) -> Mapping[str, Any]:
    return flow if isinstance(flow, Mapping) else flow.as_dict()


def _layer(flow: Source, layer: int) -> Mapping[str, Any]:
    layers: Sequence[Mapping[str, Any]] = _figures(flow)["layers"]
    if not -len(layers) <= layer < len(layers):
        raise ValueError(f"there are {len(layers)} layers, 0 being next to the input; got {layer}")
    return layers[layer]


def _colours(layers: Sequence[object]) -> list[str]:
    return [COLOURS[place % len(COLOURS)] for place in range(len(layers))]
