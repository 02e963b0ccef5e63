"""A table of sizes as a small picture: logarithmic, in a palette that the colour-blind can read."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

PALETTE = "cividis"  # Nunez, Anderton & Renslow 2018
_DECADES = 6.0
"""Sizes that are further below the greatest one look like the least."""


@dataclass(frozen=True)
class Raster:
    """A picture as a data URI, a pixel a cell, row 0 at the bottom; and what its colours mean."""

    image: str
    low: float
    high: float
    key: str


def raster(table: Sequence[Sequence[float | None]]) -> Raster | None:
    """Paint a table; cells without a positive number are clear. None where there are no others."""
    positive = [value for row in table for value in row if value is not None and value > 0]
    if not positive:
        return None
    top = math.log10(max(positive))
    bottom = max(math.log10(min(positive)), top - _DECADES)
    logarithms = [
        [math.log10(value) if value is not None and value > 0 else math.nan for value in row]
        for row in table
    ]
    ramp = [[place / 63 for place in range(64)]]
    return Raster(_png(logarithms, bottom, top), 10.0**bottom, 10.0**top, _png(ramp, 0.0, 1.0))


def _png(values: Sequence[Sequence[float]], low: float, high: float) -> str:
    import numpy as np
    from matplotlib import colormaps
    from matplotlib.image import imsave

    palette = colormaps[PALETTE].with_extremes(bad=(0.0, 0.0, 0.0, 0.0))
    file = io.BytesIO()
    imsave(
        file,
        np.ma.masked_invalid(np.asarray(values, dtype=float)),
        vmin=low,
        vmax=high if high > low else low + 1.0,
        cmap=palette,
        origin="lower",
        format="png",
        # Equal pages for equal runs, whatever version drew them.
        metadata=cast("dict[str, str]", {"Software": None}),
    )
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
