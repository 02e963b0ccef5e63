"""The curves of a training for papers, from its history."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from throughtime.report.axis import BLUE, INK, ORANGE, QUIET, axis, known, labelled
from throughtime.report.history import History, read_history

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES = (6.0, 3.6)


def plot_loss(history: History | str | Path, ax: Axes | None = None) -> Axes:
    """Draw the loss by update, the validation loss, and where training was taken up again."""
    found, ax = _read(history), axis(ax, _INCHES)
    ax.plot(found.update, known(found.loss), color=BLUE, lw=1, label="training")
    points = [
        (update, loss)
        for update, loss in zip(found.update, found.validation_loss, strict=True)
        if loss is not None
    ]
    if points:
        ax.plot(*zip(*points, strict=True), color=ORANGE, label="validation")
    return _marked(ax, found, found.loss, "Loss", "loss")


def plot_gradient_norm(history: History | str | Path, ax: Axes | None = None) -> Axes:
    """Draw the gradient's norm before clipping by update, and the updates that were clipped."""
    found, ax = _read(history), axis(ax, _INCHES)
    ax.plot(found.update, known(found.gradient_norm), color=INK, lw=1, label="before clipping")
    clipped = [
        (update, norm)
        for update, norm, acted in zip(
            found.update, found.gradient_norm, found.clipped, strict=True
        )
        if acted and norm is not None
    ]
    if clipped:
        ax.plot(*zip(*clipped, strict=True), color=ORANGE, ls="", marker=".", label="clipped")
    return _marked(ax, found, found.gradient_norm, "Norm of the gradient", "|dE/dW|")


def _marked(
    ax: Axes, found: History, values: Sequence[float | None], title: str, what: str
) -> Axes:
    if any(value is not None and value > 0 for value in values):
        ax.set_yscale("log", nonpositive="mask")
    for update in found.resumed:
        ax.axvline(update, color=QUIET, lw=1, ls=":", label="taken up again")
    for update in found.overflowed:
        ax.axvline(update, color=ORANGE, lw=1, ls="--", label="not a finite number")
    handles, labels = ax.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    ax.legend(once.values(), once.keys(), frameon=False)
    return labelled(ax, title, "update", what)


def _read(history: History | str | Path) -> History:
    return history if isinstance(history, History) else read_history(Path(history))
