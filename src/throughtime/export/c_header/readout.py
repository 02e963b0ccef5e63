"""What follows the layers, in C: the readout and its activation."""

from __future__ import annotations

from throughtime.export.c_header.program import OPERATIONS
from throughtime.export.errors import ExportError

ELEMENTWISE = {
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "softplus": "softplus",
    "exp": "exp",
}
"""Output activations that are operations of equations, by their names there."""

_MAXIMUM = """\
    float largest = {y}[0];
    float sum = 0.0f;
    for (int i = 1; i < {O}; ++i) {{
        largest = {y}[i] > largest ? {y}[i] : largest;
    }}
"""
ROWS = {
    "softmax": _MAXIMUM
    + """\
    for (int i = 0; i < {O}; ++i) {{
        {y}[i] = expf({y}[i] - largest);
        sum += {y}[i];
    }}
    for (int i = 0; i < {O}; ++i) {{
        {y}[i] /= sum;
    }}""",
    "log_softmax": _MAXIMUM
    + """\
    for (int i = 0; i < {O}; ++i) {{
        sum += expf({y}[i] - largest);
    }}
    for (int i = 0; i < {O}; ++i) {{
        {y}[i] -= largest + logf(sum);
    }}""",
}
"""Output activations that look at all outputs at once."""


def activation(name: str, function: str, y: str, O: int) -> list[str]:  # noqa: E741
    """Write an output activation, in place.

    Args:
        name: What the names of functions begin with.
        function: The activation's name.
        y: The array that holds the outputs.
        O: Outputs.

    Raises:
        ExportError: It has no counterpart in C.
    """
    if function == "identity":
        return []
    if function in ROWS:
        return ROWS[function].format(y=y, O=O).splitlines()
    if function not in ELEMENTWISE:
        known = ", ".join(("identity", *ELEMENTWISE, *ROWS))
        raise ExportError(
            f"output activation {function!r} has no counterpart in C here; known are {known}"
        )
    value = OPERATIONS[ELEMENTWISE[function]].format(f"{y}[i]", name=name)
    return [f"    for (int i = 0; i < {O}; ++i) {{", f"        {y}[i] = {value};", "    }"]
