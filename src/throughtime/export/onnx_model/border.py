"""What lies around the layers: scaling of the inputs, readout, the output in its own unit."""

from __future__ import annotations

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
    if scaling.transform != "none":
        target, others = x, None
        if len(scaling.center) > 1:
            sizes = graph.whole([1, len(scaling.center) - 1])
            target, others = graph.apply_for(2, "Split", x, sizes, axis=-1)
        if scaling.transform == "sqrt":
            target = graph.apply("Sqrt", target)
        elif scaling.transform == "log1p":
            target = graph.apply("Log", graph.apply("Add", target, _double(graph, 1.0)))
        else:
            raise _unknown(scaling.transform)
        x = target if others is None else graph.apply("Concat", target, others, axis=-1)
    centered = graph.apply("Sub", x, _double(graph, *scaling.center))
    scaled = graph.apply("Div", centered, _double(graph, *scaling.scale))
    return graph.apply("Cast", scaled, to=graph.element("FLOAT"))


def unscaled(graph: Graph, scaling: Scaling, y: str) -> str:
    """Add the way back of the target, from float32 to its own unit in float64."""
    wide = graph.apply("Cast", y, to=graph.element("DOUBLE"))
    found = graph.apply("Mul", wide, _double(graph, scaling.scale[0]))
    found = graph.apply("Add", found, _double(graph, scaling.center[0]))
    if scaling.transform == "sqrt":
        found = graph.apply("Max", found, _double(graph, 0.0))
        return graph.apply("Mul", found, found)
    if scaling.transform == "log1p":
        return graph.apply("Sub", graph.apply("Exp", found), _double(graph, 1.0))
    if scaling.transform != "none":
        raise _unknown(scaling.transform)
    return found


def _double(graph: Graph, *values: float) -> str:
    return graph.constant(torch.tensor(values, dtype=torch.float64), "number")


def _unknown(transform: str) -> ExportError:
    return ExportError(f"the transform {transform!r} of the target has no counterpart in ONNX here")
