"""One answer a sequence: what is made of the last layer's outputs along it."""

from __future__ import annotations

import torch

from throughtime.export.described import Described
from throughtime.export.onnx_model.graph import Graph
from throughtime.export.onnx_model.scan import steps_of

_LOWEST = torch.finfo(torch.float32).min


def over_time(graph: Graph, described: Described, h: str, last: str, lengths: str) -> str:
    """Add what is read out of whole sequences, [B, directions * H].

    Args:
        graph: What to add it to.
        described: The model.
        h: The last layer's outputs, [T, B, directions * H], zero beyond a row's length.
        last: The first state of all layers and directions after each row's last step,
            [layers * directions, B, H].
        lengths: Valid steps of each row, int32 [B]; "" for all.
    """
    if described.pooling == "mean":
        return _mean(graph, h, lengths)
    if described.pooling == "max":
        if lengths:
            steps = graph.apply("Unsqueeze", steps_of(graph, h), graph.whole([1]))  # [T, 1]
            inside = graph.apply("Less", steps, lengths)  # [T, B]
            inside = graph.apply("Unsqueeze", inside, graph.whole([2]))  # [T, B, 1]
            h = graph.apply("Where", inside, h, graph.constant(_LOWEST))
        return graph.apply("ReduceMax", h, axes=[0], keepdims=0)
    D, places = described.directions, len(described.layers) * described.directions
    top = graph.whole([*range(places - D, places)])
    states = graph.apply("Gather", last, top, axis=0)  # [directions, B, H]
    if D == 1:
        return graph.apply("Squeeze", states, graph.whole([0]))
    turned = graph.apply("Transpose", states, perm=[1, 0, 2])
    return graph.apply("Reshape", turned, graph.whole([0, described.read_size]))


def _mean(graph: Graph, h: str, lengths: str) -> str:
    if not lengths:
        return graph.apply("ReduceMean", h, axes=[0], keepdims=0)
    total = graph.apply("ReduceSum", h, graph.whole([0]), keepdims=0)
    count = graph.apply("Cast", lengths, to=graph.element("FLOAT"))
    count = graph.apply("Max", count, graph.constant(1.0))  # of a row without a step
    return graph.apply("Div", total, graph.apply("Unsqueeze", count, graph.whole([1])))


def one_step(
    graph: Graph, described: Described, h: str, pooled: str, steps: str
) -> tuple[str, str, str]:
    """Add what is read out after a step, of this step and all before.

    Args:
        graph: What to add it to.
        described: The model; its pooling is "mean" or "max".
        h: The last layer's outputs, [B, H].
        pooled: What is pooled so far, [B, H]: the sum, or the largest.
        steps: How many steps there were, int64 [B].

    Returns:
        What is read out, [B, H]; what is pooled now; how many steps there are now.
    """
    now = graph.apply("Add", steps, graph.whole([1]))
    if described.pooling == "mean":
        total = graph.apply("Add", pooled, h)
        count = graph.apply("Cast", now, to=graph.element("FLOAT"))
        count = graph.apply("Unsqueeze", count, graph.whole([1]))
        return graph.apply("Div", total, count), total, now
    began = graph.apply(
        "Unsqueeze", graph.apply("Greater", steps, graph.whole([0])), graph.whole([1])
    )
    largest = graph.apply("Where", began, graph.apply("Max", pooled, h), h)
    return largest, largest, now
