"""What lies around the layers: scaling of the inputs, readout, the output in its own units."""

from __future__ import annotations

from collections.abc import Callable

import torch

from throughtime.data import Scaling
from throughtime.export.errors import ExportError
from throughtime.export.onnx_model.graph import Graph
from throughtime.export.onnx_model.step import linear
from throughtime.nn.one_step import Readout

ACTIVATIONS: dict[str, tuple[str, dict[str, int]] | None] = {
    "identity": None,
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "softplus": ("Softplus", {}),
    "exp": ("Exp", {}),
    "softmax": ("Softmax", {"axis": -1}),
    "log_softmax": ("LogSoftmax", {"axis": -1}),
}
"""The operator of each output activation of a network."""


def read(graph: Graph, readout: Readout, h: str) -> str:
    """Add `g(V h + v)` over the last dimension.

    Raises:
        ExportError: The activation has no counterpart in ONNX.
    """
    if readout.activation not in ACTIVATIONS:
        raise ExportError(
            f"output activation {readout.activation!r} has no counterpart in ONNX here; known are "
            f"{', '.join(ACTIVATIONS)}"
        )
    y = h if readout.V is None else linear(graph, h, readout.V, readout.v)
    found = ACTIVATIONS[readout.activation]
    return y if found is None else graph.apply(found[0], y, **found[1])


def scaled(graph: Graph, scaling: Scaling, x: str) -> str:
    """Add `(x - center) / scale`, in float64 as it was fitted, and the cast to float32."""
    x = transformed(graph, scaling.transform, x, scaling.columns)
    centered = graph.apply("Sub", x, _double(graph, *scaling.center))
    scaled = graph.apply("Div", centered, _double(graph, *scaling.scale))
    return graph.apply("Cast", scaled, to=graph.element("FLOAT"))


def unscaled(graph: Graph, scaling: Scaling, y: str) -> str:
    """Add the way back of outputs, from float32 to their own units in float64."""
    wide = graph.apply("Cast", y, to=graph.element("DOUBLE"))
    found = graph.apply("Mul", wide, _double(graph, *scaling.scale))
    found = graph.apply("Add", found, _double(graph, *scaling.center))
    return inverted(graph, scaling.transform, found, scaling.columns)


def transformed(graph: Graph, transform: str, values: str, columns: int) -> str:
    """Add the transform of the first of some columns, the target.

    Raises:
        ExportError: It has no counterpart in ONNX.
    """

    def forward(target: str) -> str:
        if transform == "sqrt":
            return graph.apply("Sqrt", target)
        if transform == "log1p":
            return graph.apply("Log", graph.apply("Add", target, _double(graph, 1.0)))
        raise _unknown(transform)

    return values if transform == "none" else _first_column(graph, values, columns, forward)


def inverted(graph: Graph, transform: str, values: str, columns: int) -> str:
    """Add the way back of the first of some columns, likewise."""

    def inverse(target: str) -> str:
        if transform == "sqrt":
            target = graph.apply("Max", target, _double(graph, 0.0))
            return graph.apply("Mul", target, target)
        if transform == "log1p":
            return graph.apply("Sub", graph.apply("Exp", target), _double(graph, 1.0))
        raise _unknown(transform)

    return values if transform == "none" else _first_column(graph, values, columns, inverse)


def _first_column(graph: Graph, values: str, columns: int, function: Callable[[str], str]) -> str:
    """Put the first of some columns, the target, through a function; the others stay."""
    if columns == 1:
        return function(values)
    sizes = graph.whole([1, columns - 1])
    target, others = graph.apply_for(2, "Split", values, sizes, axis=-1)
    return graph.apply("Concat", function(target), others, axis=-1)


def _double(graph: Graph, *values: float) -> str:
    return graph.constant(torch.tensor(values, dtype=torch.float64), "number")


def _unknown(transform: str) -> ExportError:
    return ExportError(f"the transform {transform!r} of the target has no counterpart in ONNX here")
