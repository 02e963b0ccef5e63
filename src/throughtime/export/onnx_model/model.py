"""A model as an ONNX graph, for whole sequences or for one step a call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from throughtime.export.described import Described, Model, describe, refuse_directions
from throughtime.export.errors import ExportError
from throughtime.export.onnx_model import operators, scan
from throughtime.export.onnx_model.border import read, scaled, unscaled
from throughtime.export.onnx_model.graph import Graph, imported
from throughtime.export.onnx_model.step import Layer, input_product, step

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

OPSET = 13
"""The version of ONNX's operators: that of ONNX 1.8 (2020), so that older runtimes take it."""
IR_VERSION = 7
"""The version of its file format, of the same year."""


def to_onnx(model: Model, *, streaming: bool = False, lengths: bool = False) -> ModelProto:
    """Write a model as an ONNX graph, in evaluation mode, in float32.

    Inputs are `input`, [T, B, I] ([B, T, I] for a model with `batch_first`; [B, I] if streaming),
    and a `state_s`, [layers * directions, B, H], for each state s of the cell. Outputs are `output`
    and a `next_s` for each state. T and B are free. All are float32; a forecaster's `input` and
    `output` are float64, in the units of its columns and of its target, and the output at a step is
    the forecast of the next one.

    Layers whose cell is one of ONNX's own run as its RNN, GRU or LSTM; any other as a Scan over its
    equations.

    Args:
        model: A `Recurrent`, `RNN`, `GRU`, `LSTM`, `Network` or `SeriesModel`.
        streaming: Whether the graph is one step, of elementary operators alone.
        lengths: Whether to have an input `sequence_lens`, int32 [B]: the valid steps of each row,
            0 to T, beyond which outputs are zero (before a readout) and the state stands still.

    Returns:
        The model, checked by `onnx.checker`; `onnx.save(model, path)` writes it.

    Raises:
        ExportError: The model cannot be exported, or not in this form.
        ImportError: ONNX is not installed.
    """
    onnx = imported()
    described = describe(model)
    if streaming:
        refuse_directions(described, "a streaming graph")
        if lengths:
            raise ExportError("one step has no lengths; leave out lengths, or streaming")
    _refuse_size(described)
    graph = Graph()
    states = [f"state_{name}" for name in described.cell.states]
    x = "input" if described.scaling is None else scaled(graph, described.scaling, "input")
    if streaming:
        h, after = _one_step(graph, described, x, states)
    else:
        h, after = _sequence(graph, described, x, states, "sequence_lens" if lengths else "")
    y = h if described.readout is None else read(graph, described.readout, h)
    if described.scaling is not None:
        y = unscaled(graph, described.scaling, y)
    graph.rename(y, "output")
    for name, value in zip(described.cell.states, after, strict=True):
        graph.rename(value, f"next_{name}")

    kind = "FLOAT" if described.scaling is None else "DOUBLE"
    places: list[int | str] = ["batch"]
    if not streaming:
        places = ["batch", "time"] if described.batch_first else ["time", "batch"]
    shapes: list[list[int | str]] = [
        [len(described.layers) * described.directions, "batch", w] for w in described.widths
    ]
    inputs = [
        graph.value("input", kind, [*places, described.input_size]),
        *(graph.value(s, "FLOAT", shape) for s, shape in zip(states, shapes, strict=True)),
    ]
    if lengths:
        inputs.append(graph.value("sequence_lens", "INT32", ["batch"]))
    outputs = [
        graph.value("output", kind, [*places, described.output_size]),
        *(
            graph.value(f"next_{s}", "FLOAT", shape)
            for s, shape in zip(described.cell.states, shapes, strict=True)
        ),
    ]
    return _model(onnx, graph.finished(described.cell.name, inputs, outputs, True), described)


def _sequence(
    graph: Graph, described: Described, x: str, states: list[str], lengths: str
) -> tuple[str, list[str]]:
    """Add all layers over time; outputs [T, B, directions * H], [B, T, ·] with batch_first."""
    if described.batch_first:
        x = graph.apply("Transpose", x, perm=[1, 0, 2])
    operator = operators.operator_of(described)
    after = []
    for layer, own in enumerate(_by_layer(graph, described, states)):
        if operator is None:
            x, new = scan.over_time(graph, described, layer, x, own, lengths)
        else:
            x, new = operators.over_time(graph, operator, described, layer, x, own, lengths)
        after.append(new)
    if described.batch_first:
        x = graph.apply("Transpose", x, perm=[1, 0, 2])
    return x, _together(graph, after)


def _one_step(
    graph: Graph, described: Described, x: str, states: list[str]
) -> tuple[str, list[str]]:
    """Add one step of all layers; outputs [B, H]."""
    first = graph.whole([0])
    after = []
    for (weights,), own in zip(described.layers, _by_layer(graph, described, states), strict=True):
        layer = Layer(described.cell, weights, described.taken)
        before = [graph.apply("Squeeze", state, first) for state in own]
        new = step(graph, layer, input_product(graph, layer, x), before)
        x = new[0]
        after.append([graph.apply("Unsqueeze", state, first) for state in new])
    return x, _together(graph, after)


def _by_layer(graph: Graph, described: Described, states: list[str]) -> list[list[str]]:
    """Cut states [layers * directions, B, ·] into those of each layer, [directions, B, ·]."""
    count = len(described.layers)
    if count == 1:
        return [states]
    cut = [graph.apply_for(count, "Split", state, axis=0) for state in states]
    return [[*own] for own in zip(*cut, strict=True)]


def _together(graph: Graph, after: list[list[str]]) -> list[str]:
    if len(after) == 1:
        return after[0]
    return [graph.apply("Concat", *layers, axis=0) for layers in zip(*after, strict=True)]


def _refuse_size(described: Described) -> None:
    numbers = sum(
        tensor.numel()
        for layer in described.layers
        for weights in layer
        for tensor in (weights.W, weights.U, weights.P)
        if tensor is not None
    )
    if numbers >= 2**29 - 2**20:
        raise ExportError(
            f"the weights are {numbers:,} numbers, {numbers / 2**28:.1f} GB; an ONNX file holds "
            "2 GB at most"
        )


def _model(onnx: Any, graph: GraphProto, described: Described) -> ModelProto:
    from throughtime import __version__

    model: ModelProto = onnx.helper.make_model(
        graph,
        producer_name="throughtime",
        producer_version=__version__,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    notes = {"cell": described.cell.name}
    if described.columns:
        notes |= {"columns": json.dumps(described.columns), "target": described.columns[0]}
    onnx.helper.set_model_props(model, notes)
    onnx.checker.check_model(model, full_check=True)
    return model
