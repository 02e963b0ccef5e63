"""Numbers of symbols as the columns that the layers read."""

from __future__ import annotations

import torch

from throughtime.export.described import Symbols
from throughtime.export.onnx_model.graph import Graph


def columns_of(graph: Graph, symbols: Symbols, numbers: str) -> str:
    """Add the columns of symbols, float32 [..., I], for their numbers, int64 [...]."""
    if symbols.table is not None:
        return graph.apply("Gather", graph.constant(symbols.table, "embedding"), numbers, axis=0)
    off_and_on = graph.constant(torch.tensor([0.0, 1.0]))
    found = graph.apply("OneHot", numbers, graph.whole([symbols.count]), off_and_on, axis=-1)
    unknown = symbols.vocabulary.unknown
    if unknown is None:
        return found
    known = torch.ones(symbols.count)
    known[unknown] = 0
    return graph.apply("Mul", found, graph.constant(known, "known"))
