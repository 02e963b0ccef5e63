"""One step of one layer as ONNX nodes: the cell's program, operation by operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from throughtime.engine import Weights
from throughtime.equations import Cell
from throughtime.export.errors import ExportError
from throughtime.export.onnx_model.graph import Graph

OPERATIONS = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "power": "Pow",
    "negate": "Neg",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "relu": "Relu",
    "softplus": "Softplus",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "abs": "Abs",
    "maximum": "Max",
    "minimum": "Min",
    "less": "Less",
    "less_equal": "LessOrEqual",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "equal": "Equal",
    "where": "Where",
}
"""Operations of equations that are one operator of ONNX; "not_equal" and "mean" take more."""


@dataclass(frozen=True)
class Layer:
    """A layer and direction, as its step needs it.

    Attributes:
        cell: The cell.
        weights: Its weights.
        taken: See `Described`.
    """

    cell: Cell
    weights: Weights
    taken: tuple[float, ...] | None


def linear(graph: Graph, x: str, weight: Tensor, bias: Tensor | None) -> str:
    """Add `W x + b` over the last dimension."""
    product = graph.apply("MatMul", x, graph.constant(weight.T.contiguous(), "weight"))
    return product if bias is None else graph.apply("Add", product, graph.constant(bias, "bias"))


def input_product(graph: Graph, layer: Layer, x: str) -> str | None:
    """Add `W x + b`, [..., Gx * H]; None where the equations use no gate's."""
    weights = layer.weights
    return None if weights.W is None else linear(graph, x, weights.W, weights.b)


def step(graph: Graph, layer: Layer, product: str | None, states: Sequence[str]) -> list[str]:
    """Add one step.

    Args:
        graph: What to add it to.
        layer: The layer.
        product: What `input_product` gave, of this step, [B, Gx * H].
        states: The states before the step, [B, ·] each.

    Returns:
        The states after it.

    Raises:
        ExportError: ONNX has no counterpart of an operation of the cell's.
    """
    cell, weights = layer.cell, layer.weights
    known: dict[str, str] = dict(zip(cell.states, states, strict=True))
    for unit, vector in zip(cell.units, weights.units, strict=True):
        known[unit] = graph.constant(vector, "unit")
    known |= _planes(graph, product, cell.input_gates, "wx.")
    if weights.U is not None:
        recurrent = linear(graph, states[0], weights.U, weights.c)
        known |= _planes(graph, recurrent, cell.recurrent_gates, "uh.")
    new = _program(graph, cell, known)
    if weights.P is not None:
        new[0] = linear(graph, new[0], weights.P, None)
    if layer.taken is not None:
        new = [
            n if share == 1 else _between(graph, s, n, share)
            for s, n, share in zip(states, new, layer.taken, strict=True)
        ]
    return new


def _planes(graph: Graph, product: str | None, gates: Sequence[str], prefix: str) -> dict[str, str]:
    """Cut a product [B, G * H] into a plane [B, H] a gate."""
    if product is None:
        return {}
    if len(gates) == 1:
        return {prefix + gates[0]: product}
    planes = graph.apply_for(len(gates), "Split", product, axis=1)
    return {prefix + gate: plane for gate, plane in zip(gates, planes, strict=True)}


def _program(graph: Graph, cell: Cell, known: dict[str, str]) -> list[str]:
    program = cell.step
    registers = [known[name] for name in program.inputs]
    registers += [graph.constant(value) for value in program.constants]
    # Whether a register holds a number for every row, and for every unit.
    whole = [(name not in cell.units, True) for name in program.inputs]
    whole += [(False, False)] * len(program.constants)
    for instruction in program.instructions:
        arguments = [registers[argument] for argument in instruction.arguments]
        rows = any(whole[argument][0] for argument in instruction.arguments)
        units = any(whole[argument][1] for argument in instruction.arguments)
        if instruction.operation == "mean":
            found = arguments[0]
            if units:
                found = graph.apply("ReduceMean", found, axes=[-1], keepdims=1)
            units = False
        elif instruction.operation == "not_equal":
            found = graph.apply("Not", graph.apply("Equal", *arguments))
        elif instruction.operation in OPERATIONS:
            found = graph.apply(OPERATIONS[instruction.operation], *arguments)
        else:
            raise ExportError(
                f"cell {cell.name!r} uses {instruction.operation}, which has no counterpart in "
                f"ONNX here; known are {', '.join((*OPERATIONS, 'not_equal', 'mean'))}"
            )
        registers.append(found)
        whole.append((rows, units))
    results = []
    for result in program.results:
        found = registers[result]
        if whole[result] != (True, True):  # a mean, or a number: the same for several
            found = graph.apply("Expand", found, graph.apply("Shape", known[cell.states[-1]]))
        results.append(found)
    return results


def _between(graph: Graph, old: str, new: str, share: float) -> str:
    """Add `old + share * (new - old)`."""
    change = graph.apply("Mul", graph.constant(float(share)), graph.apply("Sub", new, old))
    return graph.apply("Add", old, change)
