"""All layers of a model, along whole sequences or for one step."""

from __future__ import annotations

from throughtime.export.described import Described
from throughtime.export.onnx_model import operators, scan
from throughtime.export.onnx_model.graph import Graph
from throughtime.export.onnx_model.step import Layer, input_product, step


def over_time(
    graph: Graph, described: Described, x: str, states: list[str], lengths: str
) -> tuple[str, list[str]]:
    """Add all layers over time.

    Args:
        graph: What to add them to.
        described: The model.
        x: Inputs, [T, B, I], [B, T, I] with batch_first.
        states: The states before the first step, [layers * directions, B, ·] each.
        lengths: Valid steps of each row, int32 [B]; "" for all.

    Returns:
        The outputs, [T, B, directions * H], [B, T, ·] with batch_first; the states after each row's
        last step.
    """
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


def one_step(
    graph: Graph, described: Described, x: str, states: list[str]
) -> tuple[str, list[str]]:
    """Add one step of all layers, from inputs [B, I]; outputs [B, H], and the states after it."""
    first = graph.whole([0])
    after = []
    for (weights,), own in zip(described.layers, _by_layer(graph, described, states), strict=True):
        layer = Layer(described.cell, weights, described.taken)
        before = [graph.apply("Squeeze", state, first) for state in own]
        new = step(graph, layer, input_product(graph, layer, x), before)
        x = new[0]
        after.append([graph.apply("Unsqueeze", state, first) for state in new])
    return x, _together(graph, after)


def zeros(graph: Graph, x: str, places: int, width: int) -> str:
    """Add a state of zeros, [places, B, width], for inputs [T, B, ·]."""
    B = graph.apply("Gather", graph.apply("Shape", x), graph.whole([1]), axis=0)
    shape = graph.apply("Concat", graph.whole([places]), B, graph.whole([width]), axis=0)
    return graph.apply("Expand", graph.constant(0.0), shape)


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
