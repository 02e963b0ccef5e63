"""The error surface as a picture: the loss in contours, and where gradient descent went."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughtime.report.axis import axis
from throughtime.report.wording import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from throughtime.flow.surface import Descent, Surface

_DECADES = 3  # what lies below is as dark as can be: one deep place must not pale the rest
_LOOKS = (("#d55e00", "o"), ("#56b4e9", "s"), ("#cc79a7", "^"), ("#009e73", "D"))


def plot_surface(
    surface: Surface, descents: Sequence[Descent] = (), ax: Axes | None = None
) -> Axes:
    """Draw the loss over a plane of weights, dark where it is low.

    Args:
        surface: What was computed. Where the loss is not finite nothing is drawn.
        descents: Paths over it; steps that leave the picture are cut at its edge.
        ax: The axis to draw on; a new figure's if None. The figure is `ax.figure`, and no global
            state of matplotlib is touched.

    Returns:
        The axis.
    """
    import numpy as np

    ax = axis(ax, (6.4, 5.0))
    grid = np.ma.masked_invalid(np.array(surface.loss))
    known = grid.compressed()
    positive = len(known) and known.min() > 0 and known.max() > 100 * known.min()
    shown_grid = np.ma.log10(grid) if positive else grid
    least = max(shown_grid.min(), shown_grid.max() - _DECADES) if positive else None
    image = ax.pcolormesh(
        surface.x, surface.y, shown_grid, cmap="cividis", shading="nearest", vmin=least
    )
    if len(known) and known.max() > known.min():
        ax.contour(
            surface.x, surface.y, shown_grid, levels=10, colors="white", linewidths=0.5, alpha=0.6
        )
    bar = ax.get_figure(root=True).colorbar(image, ax=ax)  # type: ignore[union-attr]
    bar.set_label("loss, power of ten" if positive else "loss")
    ax.set_xlabel(shown(surface.names[0], 60), parse_math=False)
    ax.set_ylabel(shown(surface.names[1], 60), parse_math=False)
    limits = ax.get_xlim(), ax.get_ylim()
    for place, descent in enumerate(descents):
        colour, marker = _LOOKS[place % len(_LOOKS)]
        known_places = [
            (x, y)
            for x, y in zip(descent.x, descent.y, strict=True)
            if math.isfinite(x) and math.isfinite(y)
        ]
        ax.plot(
            [x for x, _ in known_places],
            [y for _, y in known_places],
            color=colour, marker=marker, ms=3.5, lw=1.2, label=shown(descent.label, 40),
        )  # fmt: skip
    if descents:
        ax.legend(loc="upper right", fontsize=9)
    ax.set_xlim(limits[0])
    ax.set_ylim(limits[1])
    return ax
