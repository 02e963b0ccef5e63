"""ONNX's own RNN, GRU and LSTM, for cells whose equations are theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from throughtime import cells
from throughtime.engine import Weights
from throughtime.equations import Cell
from throughtime.export.described import Described
from throughtime.export.onnx_model.graph import Graph


@dataclass(frozen=True)
class Operator:
    """An operator of ONNX that runs a cell over time.

    Attributes:
        name: Its name there.
        gates: The cell's gates in the order in which the operator has them.
        units: The cell's units in the operator's order: its peepholes.
        activations: Of one direction, where they are not the operator's usual ones.
        attributes: What else it is told.
    """

    name: str
    gates: str
    units: str = ""
    activations: tuple[str, ...] = ()
    attributes: dict[str, int] = field(default_factory=dict)


OPERATORS = {
    "elman": Operator("RNN", "a", activations=("Tanh",)),
    "elman_relu": Operator("RNN", "a", activations=("Relu",)),
    "gru": Operator("GRU", "z r n", attributes={"linear_before_reset": 1}),
    "lstm": Operator("LSTM", "i o f g"),
    "lstm_peephole": Operator("LSTM", "i o f g", units="p_i p_o p_f"),
}
"""By the name of the built-in cell that has the operator's equations."""


def operator_of(described: Described) -> Operator | None:
    """Find the operator that computes what a model's layers do; None if there is none.

    A cell is known by its equations, never by its name: a cell of somebody's own that is called
    `gru` has no operator unless it is one.
    """
    if described.taken is not None or described.layers[0][0].P is not None:
        return None
    for name, operator in OPERATORS.items():
        if _equations(cells.registry[name]) == _equations(described.cell):
            return operator
    return None


def _equations(cell: Cell) -> tuple[object, ...]:
    return cell.step, cell.gates, cell.states, cell.units


def over_time(
    graph: Graph,
    operator: Operator,
    described: Described,
    layer: int,
    x: str,
    states: Sequence[str],
    lengths: str,
) -> tuple[str, list[str]]:
    """Add a layer, all its directions.

    Args:
        graph: What to add it to.
        operator: The cell's.
        described: The model.
        layer: Which layer.
        x: Its inputs, [T, B, ·].
        states: The states before the first step, [directions, B, H] each.
        lengths: Valid steps of each row, int32 [B]; "" for all.

    Returns:
        The outputs, [T, B, directions * H], and the states after each row's last step.
    """
    cell, H = described.cell, described.hidden_size
    directions = described.layers[layer]
    order = [cell.gates.index(gate) for gate in operator.gates.split()]

    def stacked(name: str) -> str:
        """All directions of a weight, its gates in the operator's order."""
        found = [_reordered(getattr(weights, name), order, H) for weights in directions]
        return graph.constant(torch.stack(found), "weight")

    inputs = [x, stacked("W"), stacked("U")]
    biased = directions[0].b is not None
    inputs.append(graph.constant(_biases(directions, order, H), "bias") if biased else "")
    inputs += [lengths, *states]
    if operator.units:
        places = [cell.units.index(unit) for unit in operator.units.split()]
        peepholes = torch.stack(
            [torch.cat([weights.units[place] for place in places]) for weights in directions]
        )
        inputs.append(graph.constant(peepholes, "peepholes"))
    attributes: dict[str, object] = {
        "hidden_size": H,
        "direction": "bidirectional" if len(directions) > 1 else "forward",
        **operator.attributes,
    }
    if operator.activations:
        attributes["activations"] = [*operator.activations] * len(directions)
    output, *after = graph.apply_for(1 + len(states), operator.name, *inputs, **attributes)
    # output: [T, directions, B, H]
    if lengths:
        # What becomes of a row without a step is left open by ONNX.
        stepped = graph.apply(
            "Greater", lengths, graph.constant(torch.tensor(0, dtype=torch.int32))
        )
        rows = graph.apply("Unsqueeze", stepped, graph.whole([1]))  # [B, 1]
        after = [graph.apply("Where", rows, n, s) for n, s in zip(after, states, strict=True)]
    if len(directions) == 1:
        return graph.apply("Squeeze", output, graph.whole([1])), after
    turned = graph.apply("Transpose", output, perm=[0, 2, 1, 3])
    return graph.apply("Reshape", turned, graph.whole([0, 0, 2 * H])), after


def _reordered(weight: Tensor, order: Sequence[int], H: int) -> Tensor:
    """Put the gates of [G * H, ...] into another order."""
    return weight.view(len(order), H, *weight.shape[1:])[[*order]].flatten(0, 1)


def _biases(directions: Sequence[Weights], order: Sequence[int], H: int) -> Tensor:
    """Give b and, behind it, c of each direction, [directions, 2 * G * H]."""
    return torch.stack(
        [
            torch.cat(
                [_reordered(bias, order, H) for bias in (weights.b, weights.c) if bias is not None]
            )
            for weights in directions
        ]
    )
