"""The scaling of a forecaster in C, in float64 as it was fitted."""

from __future__ import annotations

from throughtime.data import Scaling
from throughtime.export.c_header.numbers import double
from throughtime.export.errors import ExportError

TRANSFORMS = {
    "none": ("{0}", ["    output[0] = z;"]),
    "sqrt": ("sqrt({0})", ["    output[0] = z > 0.0 ? z * z : 0.0;"]),
    "log1p": ("log1p({0})", ["    output[0] = expm1(z);"]),
}
"""What is done to the target before it is scaled, and to a scaled forecast z behind it."""


def inwards(scaling: Scaling) -> list[str]:
    """Write the scaling of `input` into x.

    Raises:
        ExportError: The transform of the target has no counterpart in C.
    """
    if scaling.transform not in TRANSFORMS:
        raise ExportError(
            f"the transform {scaling.transform!r} of the target has no counterpart in C here; "
            f"known are {', '.join(TRANSFORMS)}"
        )
    lines = [f"    float x[{len(scaling.center)}];"]
    for place, (center, scale) in enumerate(zip(scaling.center, scaling.scale, strict=True)):
        value = f"input[{place}]"
        if place == 0:
            value = TRANSFORMS[scaling.transform][0].format(value)
        lines.append(f"    x[{place}] = (float)(({value} - {_signed(center)}) / {double(scale)});")
    return lines


def outwards(scaling: Scaling) -> list[str]:
    """Write the way from y, the scaled forecast, to `output` in the target's unit."""
    center, scale = _signed(scaling.center[0]), double(scaling.scale[0])
    return [
        f"    const double z = (double)y[0] * {scale} + {center};",
        *TRANSFORMS[scaling.transform][1],
    ]


def _signed(value: float) -> str:
    return f"({double(value)})" if value < 0 else double(value)
