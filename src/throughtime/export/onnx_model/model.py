"""A model as an ONNX graph, for whole sequences or for one step a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from throughtime.export.described import Described, refuse_directions
from throughtime.export.errors import ExportError
from throughtime.export.models import Model, describe
from throughtime.export.onnx_model import changes, pooling
from throughtime.export.onnx_model.border import read, scaled, unscaled
from throughtime.export.onnx_model.graph import Graph, imported
from throughtime.export.onnx_model.layers import one_step, over_time, zeros
from throughtime.export.onnx_model.symbols import columns_of

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, ValueInfoProto

OPSET = 13
"""The version of ONNX's operators: that of ONNX 1.8 (2020), so that older runtimes take it."""
IR_VERSION = 7
"""The version of its file format, of the same year."""


def to_onnx(
    model: Model,
    *,
    streaming: bool = False,
    lengths: bool = False,
    notes: Mapping[str, str] | None = None,
) -> ModelProto:
    """Write a model as an ONNX graph, in evaluation mode, in float32.

    Inputs are `input`, [T, B, I] ([B, T, I] for a model with `batch_first`; [B, I] if streaming),
    and a `state_s`, [layers * directions, B, H], for each state s of the cell. Outputs are `output`
    and a `next_s` for each state. T and B are free. All are float32, but what has a scaling is
    float64, in the units of the data:

    - `Forecaster`: `input` its columns, `output` at a step the target's forecast for the next. One
      that has learned changes over m rows has an input `before`, [m, B, I], the rows before the
      first of `input`, and an output `next_before`.
    - `LanguageModel`: `input` the numbers of symbols, int64 [T, B] ([B] if streaming), `output` the
      natural logarithms of the probabilities of the next symbol, float32 [T, B, V].
    - `SequenceRegressor` with per="step": `output` [T, B, O].
    - `SequenceClassifier`, and `SequenceRegressor` with per="sequence": `output` is the answer for
      the whole, [B, K] probabilities in float32 or [B, O], and there are no states. If streaming
      it is the answer so far; `pooled`, [B, H], and `steps`, int64 [B], go along with the states
      where the mean or the largest over the steps is read out.

    All states begin with zeros. Layers whose cell is one of ONNX's own run as its RNN, GRU or LSTM;
    any other as a Scan over its equations.

    Args:
        model: A `Recurrent`, `RNN`, `GRU`, `LSTM` or `Network`; a `Forecaster`; a `LanguageModel`,
            `SequenceClassifier` or `SequenceRegressor` that has learned.
        streaming: Whether the graph is one step, of elementary operators alone.
        lengths: Whether to have an input `sequence_lens`, int32 [B]: the valid steps of each row,
            0 to T, beyond which outputs are zero (before a readout) and the state stands still; one
            answer a sequence is of valid steps alone.
        notes: What else to tell with the file, in its `metadata_props`.

    Returns:
        The model, checked by `onnx.checker`; `onnx.save(model, path)` writes it. The vocabulary,
        the classes, or the columns stand in its `metadata_props`.

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
    found = _step(graph, described) if streaming else _sequence(graph, described, lengths)
    inputs, outputs = found
    finished = graph.finished(described.cell.name, inputs, outputs, True)
    return _model(onnx, finished, described, notes or {})


_Ends = tuple[list["ValueInfoProto"], list["ValueInfoProto"]]
"""Inputs and outputs of a graph."""


def _sequence(graph: Graph, described: Described, lengths: bool) -> _Ends:
    """Add whole sequences."""
    given, base = _changes(graph, described, "input")
    x = _read_input(graph, described, given)
    valid = "sequence_lens" if lengths else ""
    states, shapes = _states(described)
    places: list[int | str] = ["batch", "time"] if described.batch_first else ["time", "batch"]
    if described.pooling is not None:
        before = [
            zeros(graph, x, len(described.layers) * described.directions, w)
            for w in described.widths
        ]
        h, after = over_time(graph, described, x, before, valid)
        h = pooling.over_time(graph, described, h, after[0], valid)
        inputs, outputs = [], [_output(graph, described, h, ["batch"])]
    else:
        h, after = over_time(graph, described, x, states, valid)
        inputs = [graph.value(s, "FLOAT", shape) for s, shape in zip(states, shapes, strict=True)]
        outputs = [
            _output(graph, described, h, places, base),
            *_next(graph, described, after),
        ]
    if lengths:
        inputs.append(graph.value("sequence_lens", "INT32", ["batch"]))
    _beside(graph, described, inputs, outputs)
    return [_input(graph, described, places), *inputs], outputs


def _step(graph: Graph, described: Described) -> _Ends:
    """Add one step."""
    states, shapes = _states(described)
    given, base = _changes(graph, described, "input", streaming=True)
    h, after = one_step(graph, described, _read_input(graph, described, given), states)
    counts: list[ValueInfoProto] = []
    counts_after: list[ValueInfoProto] = []
    if described.counted:
        h, pooled, steps = pooling.one_step(graph, described, h, "pooled", "steps")
        graph.rename(pooled, "next_pooled")
        graph.rename(steps, "next_steps")
        sides = ("", counts), ("next_", counts_after)
        for prefix, side in sides:
            side.append(graph.value(f"{prefix}pooled", "FLOAT", ["batch", described.read_size]))
            side.append(graph.value(f"{prefix}steps", "INT64", ["batch"]))
    outputs = [_output(graph, described, h, ["batch"], base), *_next(graph, described, after)]
    inputs = [graph.value(s, "FLOAT", shape) for s, shape in zip(states, shapes, strict=True)]
    _beside(graph, described, inputs, outputs)
    return [_input(graph, described, ["batch"]), *inputs, *counts], [*outputs, *counts_after]


def _states(described: Described) -> tuple[list[str], list[list[int | str]]]:
    """Give the names of the states before, and the shape of each."""
    places = len(described.layers) * described.directions
    names = [f"state_{name}" for name in described.cell.states]
    return names, [[places, "batch", width] for width in described.widths]


def _next(graph: Graph, described: Described, after: list[str]) -> list[ValueInfoProto]:
    names = [f"next_{name}" for name in described.cell.states]
    for name, value in zip(names, after, strict=True):
        graph.rename(value, name)
    _, shapes = _states(described)
    return [graph.value(name, "FLOAT", shape) for name, shape in zip(names, shapes, strict=True)]


def _changes(
    graph: Graph, described: Described, x: str, streaming: bool = False
) -> tuple[str, str | None]:
    """Add the changes that are read of the input, if they are; give these, and what they are of."""
    if described.changes is None:
        return x, None
    if not streaming:
        return changes.changed(graph, described, described.changes, x)
    first = graph.whole([0])
    found = changes.changed(graph, described, described.changes, graph.apply("Unsqueeze", x, first))
    change, base = (graph.apply("Squeeze", value, first) for value in found)
    return change, base


def _beside(
    graph: Graph,
    described: Described,
    inputs: list[ValueInfoProto],
    outputs: list[ValueInfoProto],
) -> None:
    """Declare the rows before, where changes are read."""
    if described.changes is not None:
        inputs.append(changes.values(graph, described, described.changes, changes.BEFORE))
        outputs.append(changes.values(graph, described, described.changes, changes.AFTER))


def _read_input(graph: Graph, described: Described, given: str) -> str:
    """Add what makes of what is given what the layers read, float32 [..., I]."""
    if described.symbols is not None:
        return columns_of(graph, described.symbols, given)
    return given if described.scaling is None else scaled(graph, described.scaling, given)


def _input(graph: Graph, described: Described, places: list[int | str]) -> ValueInfoProto:
    if described.symbols is not None:
        return graph.value("input", "INT64", places)
    kind = "FLOAT" if described.scaling is None else "DOUBLE"
    return graph.value("input", kind, [*places, described.input_size])


def _output(
    graph: Graph,
    described: Described,
    h: str,
    places: list[int | str],
    base: str | None = None,
) -> ValueInfoProto:
    """Add what is made of what is read out, as the output; a change counts from its base."""
    y = h if described.readout is None else read(graph, described.readout, h)
    kind = "FLOAT"
    if described.target_scaling is not None:
        y, kind = unscaled(graph, described.target_scaling, y), "DOUBLE"
    if described.changes is not None and base is not None:
        y = changes.restored(graph, described.changes, y, base)
    graph.rename(y, "output")
    return graph.value("output", kind, [*places, described.output_size])


def _refuse_size(described: Described) -> None:
    tensors = [
        tensor
        for layer in described.layers
        for weights in layer
        for tensor in (weights.W, weights.U, weights.P)
    ]
    if described.symbols is not None:
        tensors.append(described.symbols.table)
    numbers = sum(tensor.numel() for tensor in tensors if tensor is not None)
    if numbers >= 2**29 - 2**20:
        raise ExportError(
            f"the weights are {numbers:,} numbers, {numbers / 2**28:.1f} GB; an ONNX file holds "
            "2 GB at most"
        )


def _model(
    onnx: Any, graph: GraphProto, described: Described, notes: Mapping[str, str]
) -> ModelProto:
    from throughtime import __version__

    model: ModelProto = onnx.helper.make_model(
        graph,
        producer_name="throughtime",
        producer_version=__version__,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    told = {"cell": described.cell.name, **described.notes, **notes}
    onnx.helper.set_model_props(model, told)
    onnx.checker.check_model(model, full_check=True)
    return model
