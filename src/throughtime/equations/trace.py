"""A cell's function run once over symbols: its equations become a program."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from throughtime.equations.errors import CellError
from throughtime.equations.expression import Expression, is_number
from throughtime.equations.graph import Graph
from throughtime.equations.program import Program


class GatePlanes:
    """The pre-activations of a cell's gates, by attribute: `wx.r`, `uh.r`."""

    # Two underscores keep these apart from the names of gates.
    def __init__(self, name: str, gates: tuple[str, ...], graph: Graph, cell: str) -> None:
        self.__name, self.__gates, self.__graph, self.__cell = name, gates, graph, cell

    def __getattr__(self, gate: str) -> Expression:
        if gate.startswith("__"):
            raise AttributeError(gate)
        if gate not in self.__gates:
            raise CellError(
                f"cell {self.__cell!r}: {self.__name}.{gate} is no declared gate; gates are "
                f"{', '.join(self.__gates)}"
            )
        return Expression(self.__graph, self.__graph.input(f"{self.__name}.{gate}"), self.__cell)

    def __repr__(self) -> str:
        return (
            f"`{self.__name}` of cell {self.__cell!r}, which holds one pre-activation a gate: "
            f"write {self.__name}.{self.__gates[0]}"
        )

    def __refuse(self, *_: object) -> Any:
        raise CellError(f"cell {self.__cell!r}: no scalar but {self!r}")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __refuse
    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = __abs__ = __bool__ = __refuse
    __lt__ = __le__ = __gt__ = __ge__ = __getitem__ = __iter__ = __float__ = __refuse


def trace(
    function: Callable[..., Any],
    cell: str,
    gates: tuple[str, ...],
    states: tuple[str, ...],
    units: tuple[str, ...],
    constants: Mapping[str, float],
) -> Program:
    """Record the equations of a cell.

    Args:
        function: Called once as `function(wx, uh, *states, **units, **constants)`.
        cell: The cell's name.
        gates: Names of the gates.
        states: Names of the states; the function returns their new values in this order.
        units: Names of the learnable vectors that hold one number a unit.
        constants: Numbers by name.

    Returns:
        A program whose inputs are, as far as used, "wx.g" and "uh.g" for each gate g, the states
        and the units; its outputs are the new states, named "next.s" for each state s.

    Raises:
        CellError: The function's arguments or what it returns do not fit the declaration, or it
            does something with a traced scalar that equations cannot do.
    """
    check_signature(function, cell, states, (*units, *constants))
    graph = Graph()

    def symbol(name: str) -> Expression:
        return Expression(graph, graph.input(name), cell)

    try:
        returned = function(
            GatePlanes("wx", gates, graph, cell),
            GatePlanes("uh", gates, graph, cell),
            *(symbol(state) for state in states),
            **{unit: symbol(unit) for unit in units},
            **constants,
        )
    except CellError as error:
        if str(error).startswith("cell "):
            raise
        raise CellError(f"cell {cell!r}: {error}") from None
    results = tuple(returned) if isinstance(returned, tuple | list) else (returned,)
    if len(results) != len(states):
        raise CellError(
            f"cell {cell!r}: returns {len(results)} state(s), declared are {len(states)}: "
            f"{', '.join(states)}; return the new value of each, in this order"
        )
    numbers = []
    for state, result in zip(states, results, strict=True):
        if isinstance(result, Expression) and result.graph is graph and not result.is_truth:
            numbers.append(result.number)
        elif is_number(result) and math.isfinite(result):
            numbers.append(graph.constant(float(result)))
        else:
            shown = result.described if isinstance(result, Expression) else repr(result)
            raise CellError(
                f"cell {cell!r}: the new value of state {state!r} is {shown}; it must be a scalar "
                "computed from the function's arguments"
            )
    inputs = (
        *(f"wx.{gate}" for gate in gates),
        *(f"uh.{gate}" for gate in gates),
        *states,
        *units,
    )
    return graph.program(inputs, tuple(f"next.{state}" for state in states), numbers)


def check_signature(
    function: Callable[..., Any], cell: str, states: tuple[str, ...], named: tuple[str, ...]
) -> None:
    """Refuse a function whose parameters are not those that the declaration gives it."""
    expected = f"def {cell}({', '.join(('wx', 'uh', *states))}" + (
        f", *, {', '.join(named)})" if named else ")"
    )
    parameters = inspect.signature(function).parameters.values()
    positional = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    keyword = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        raise CellError(f"cell {cell!r}: arguments must be named one by one; expected {expected}")
    if tuple(positional) != ("wx", "uh", *states):
        raise CellError(
            f"cell {cell!r}: the function takes ({', '.join(positional)}); declared are the states "
            f"{', '.join(states)}; expected {expected}"
        )
    if set(keyword) != set(named):
        raise CellError(
            f"cell {cell!r}: keyword arguments are ({', '.join(keyword)}); declared units and "
            f"constants are ({', '.join(named)}); expected {expected}"
        )
