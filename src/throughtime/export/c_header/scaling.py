"""Scaling in C, in float64 as it was fitted."""

from __future__ import annotations

from throughtime.data import Scaling
from throughtime.export.c_header import numbers
from throughtime.export.c_header.numbers import double
from throughtime.export.errors import ExportError

TRANSFORMS = {
    "none": ("{0}", "{0}"),
    "sqrt": ("sqrt({0})", "{0} > 0.0 ? {0} * {0} : 0.0"),
    "log1p": ("log1p({0})", "expm1({0})"),
}
"""What is done to the first column, the target, before it is scaled, and behind its way back."""

_FEW = 4
"""Columns that are written one by one; more are numbers in an array."""


def constants(scaling: Scaling, name: str, what: str) -> str:
    """Write the numbers of a scaling of many columns as arrays.

    Args:
        scaling: Of inputs or of outputs.
        name: What the names of arrays begin with.
        what: Of which of the two, for the names.
    """
    if not _by_loop(scaling):
        return ""
    return "\n".join(
        f"static const double {name}_{what}_{part}[{scaling.columns}] = {{\n"
        f"{numbers.rows([double(value) for value in getattr(scaling, part)], columns=4)}\n}};\n"
        for part in ("center", "scale")
    )


def inwards(scaling: Scaling, name: str, given: str = "input") -> list[str]:
    """Write the scaling of what is given into x.

    Args:
        scaling: Of inputs.
        name: What the names of arrays begin with.
        given: The array that is scaled.

    Raises:
        ExportError: The transform of the target has no counterpart in C.
    """
    forward = forward_of(scaling.transform)
    lines = [f"    float x[{scaling.columns}];"]
    if _by_loop(scaling):
        value = f"({given}[i] - {name}_input_center[i]) / {name}_input_scale[i]"
        return [*lines, *_loop(scaling.columns, f"x[i] = (float)({value});")]
    for place, (center, scale) in enumerate(zip(scaling.center, scaling.scale, strict=True)):
        value = f"{given}[{place}]" if place else forward.format(f"{given}[0]")
        lines.append(f"    x[{place}] = (float)(({value} - {_signed(center)}) / {double(scale)});")
    return lines


def outwards(scaling: Scaling, name: str) -> list[str]:
    """Write the way from y, the scaled outputs, to `output` in their own units.

    Raises:
        ExportError: The transform of the target has no counterpart in C.
    """
    inverse = inverse_of(scaling.transform)
    if _by_loop(scaling):
        value = f"(double)y[i] * {name}_output_scale[i] + {name}_output_center[i]"
        return _loop(scaling.columns, f"output[i] = {value};")
    lines = []
    for place, (center, scale) in enumerate(zip(scaling.center, scaling.scale, strict=True)):
        lines.append(
            f"    output[{place}] = (double)y[{place}] * {double(scale)} + {_signed(center)};"
        )
    if scaling.transform != "none":
        lines.append(f"    output[0] = {inverse.format('output[0]')};")
    return lines


def forward_of(transform: str) -> str:
    """Give what a transform does to {0}, in C.

    Raises:
        ExportError: It has no counterpart.
    """
    return _transform(transform)[0]


def inverse_of(transform: str) -> str:
    """Give the way back, likewise."""
    return _transform(transform)[1]


def _transform(name: str) -> tuple[str, str]:
    if name not in TRANSFORMS:
        raise ExportError(
            f"the transform {name!r} of the target has no counterpart in C here; "
            f"known are {', '.join(TRANSFORMS)}"
        )
    return TRANSFORMS[name]


def _by_loop(scaling: Scaling) -> bool:
    return scaling.columns > _FEW and scaling.transform == "none"


def _loop(columns: int, statement: str) -> list[str]:
    return [f"    for (int i = 0; i < {columns}; ++i) {{", f"        {statement}", "    }"]


def _signed(value: float) -> str:
    return f"({double(value)})" if value < 0 else double(value)
