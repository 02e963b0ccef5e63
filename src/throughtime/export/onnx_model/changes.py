"""Changes over some rows in ONNX: the rows before come in and go out beside the states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from throughtime.export.described import Changes, Described
from throughtime.export.onnx_model.border import inverted, transformed
from throughtime.export.onnx_model.graph import Graph

if TYPE_CHECKING:
    from onnx import ValueInfoProto

BEFORE, AFTER = "before", "next_before"
_END = 2**62


def values(graph: Graph, described: Described, changes: Changes, name: str) -> ValueInfoProto:
    """Declare the rows before, in the units of the data, [rows, B, I]."""
    return graph.value(name, "DOUBLE", [changes.rows, "batch", described.input_size])


def changed(graph: Graph, described: Described, changes: Changes, x: str) -> tuple[str, str]:
    """Add the way from rows to their changes.

    Args:
        graph: Takes the nodes.
        described: The model.
        changes: Over how many rows, and of which columns.
        x: The rows, float64 [T, B, I].

    Returns:
        The changes, [T, B, I], columns that have none as they are; and for each row the level from
        which the change of the next one counts, [T, B, 1].
    """
    wide = graph.apply("Concat", BEFORE, x, axis=0)  # [rows + T, B, I]
    graph.rename(_rows(graph, wide, -changes.rows, _END), AFTER)
    levels = transformed(graph, changes.transform, wide, described.input_size)
    counted = [float(place < changes.columns) for place in range(described.input_size)]
    mask = graph.constant(torch.tensor(counted, dtype=torch.float64), "number")
    past = graph.apply("Mul", _rows(graph, levels, 0, -changes.rows), mask)
    change = graph.apply("Sub", _rows(graph, levels, changes.rows, _END), past)
    until = _END if changes.rows == 1 else 1 - changes.rows
    base = graph.apply(
        "Slice",
        _rows(graph, levels, 1, until),
        graph.whole([0]),
        graph.whole([1]),
        graph.whole([2]),
    )
    return change, base


def restored(graph: Graph, changes: Changes, change: str, base: str) -> str:
    """Add the way from a change that is forecast to the value, in its own unit."""
    return inverted(graph, changes.transform, graph.apply("Add", base, change), 1)


def _rows(graph: Graph, x: str, start: int, stop: int) -> str:
    return graph.apply("Slice", x, graph.whole([start]), graph.whole([stop]), graph.whole([0]))
