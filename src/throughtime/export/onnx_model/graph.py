"""An ONNX graph under construction: nodes in order, constants shared with the graphs inside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

if TYPE_CHECKING:
    from onnx import GraphProto, ValueInfoProto


def imported() -> Any:
    """Give the package `onnx`.

    Raises:
        ImportError: It is not installed; the extra that brings it is named.
    """
    try:
        return import_module("onnx")
    except ImportError as error:
        raise ImportError('ONNX is not installed; pip install "throughtime[export]"') from error


class Graph:
    """Nodes whose values have names.

    The body of a loop is a graph inside another: it sees the other's values and constants, and no
    name is given twice among all of them.

    Args:
        outer: The graph around this one; None for the outermost.
    """

    def __init__(self, outer: Graph | None = None) -> None:
        self._onnx = imported()
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {} if outer is None else outer._constants
        self._known: dict[tuple[object, ...], str] = {} if outer is None else outer._known
        self._given: Counter[str] = Counter() if outer is None else outer._given

    def apply(self, operator: str, *inputs: str, **attributes: object) -> str:
        """Add a node of one result; an input left out is ""."""
        return self.apply_for(1, operator, *inputs, **attributes)[0]

    def apply_for(
        self, results: int, operator: str, *inputs: str, **attributes: object
    ) -> list[str]:
        """Add a node of several results."""
        names = [self.fresh(operator.lower()) for _ in range(results)]
        self._nodes.append(
            self._onnx.helper.make_node(
                operator, list(inputs), names, name=f"node_{names[0]}", **attributes
            )
        )
        return names

    def rename(self, value: str, name: str) -> None:
        """Let a value be known by a given name: as an output of the graph."""
        self._nodes.append(
            self._onnx.helper.make_node("Identity", [value], [name], name=f"node_{name}")
        )

    def fresh(self, stem: str) -> str:
        """Give a name that no other value has."""
        self._given[stem] += 1
        return f"{stem}_{self._given[stem]}"

    def constant(self, value: Tensor | float, stem: str = "constant") -> str:
        """Give a constant: a tensor as it is, a number as float32."""
        array = value.numpy() if isinstance(value, Tensor) else np.asarray(value, np.float32)
        return self._constant(array, stem)

    def whole(self, value: int | Sequence[int]) -> str:
        """Give whole numbers as int64: axes, sizes, places."""
        return self._constant(np.asarray(value, np.int64), "numbers")

    def _constant(self, array: np.ndarray[Any, Any], stem: str) -> str:
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = name = self.fresh(stem)
            self._constants[name] = self._onnx.numpy_helper.from_array(array, name)
        return self._known[key]

    def element(self, kind: str) -> int:
        """Give ONNX's number of an element type: "FLOAT", "DOUBLE", "INT32", ..."""
        return int(getattr(self._onnx.TensorProto, kind))

    def value(self, name: str, kind: str, shape: Sequence[int | str]) -> ValueInfoProto:
        """Declare an input or output: its element type and its shape, free sizes by name."""
        declare = self._onnx.helper.make_tensor_value_info
        declared: ValueInfoProto = declare(name, self.element(kind), list(shape))
        return declared

    def finished(
        self,
        name: str,
        inputs: Sequence[ValueInfoProto],
        outputs: Sequence[ValueInfoProto],
        with_constants: bool,
    ) -> GraphProto:
        """Give the graph; the constants belong to the outermost alone."""
        constants = [*self._constants.values()] if with_constants else []
        make = self._onnx.helper.make_graph
        graph: GraphProto = make(self._nodes, name, inputs, outputs, constants)
        return graph
