"""The traced scalar: what a cell's function computes with while its equations are recorded."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any, NoReturn

from throughtime.equations.errors import CellError
from throughtime.equations.operations import operations

if TYPE_CHECKING:
    from throughtime.equations.graph import Graph


def is_number(value: object) -> bool:
    """Whether a value is a plain number; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


class Expression:
    """A scalar of a cell's equations: it records what is done with it.

    Takes `+ - * / **`, negation, `abs`, comparisons (for `where`) and the functions of
    `throughtime.equations.functions`. Anything that would need its value is refused with the mend.

    Attributes:
        graph: Where the equations are recorded.
        number: The node that stands for this scalar.
        cell: The cell's name, for messages.
    """

    __slots__ = ("cell", "graph", "number")

    def __init__(self, graph: Graph, number: int, cell: str) -> None:
        self.graph = graph
        self.number = number
        self.cell = cell

    @property
    def is_truth(self) -> bool:
        """Whether this is the outcome of a comparison."""
        node = self.graph.nodes[self.number]
        return node.operation in operations and operations[node.operation].truth

    @property
    def described(self) -> str:
        """How messages call this scalar: an input by its name, anything else by its operation."""
        node = self.graph.nodes[self.number]
        if node.operation == "input":
            return f"`{node.name}`"
        if node.operation == "constant":
            return f"{node.value:g}"
        return f"the result of `{node.operation}`"

    def __add__(self, other: Any) -> Expression:
        return record("add", self, other)

    def __radd__(self, other: Any) -> Expression:
        return record("add", other, self)

    def __sub__(self, other: Any) -> Expression:
        return record("subtract", self, other)

    def __rsub__(self, other: Any) -> Expression:
        return record("subtract", other, self)

    def __mul__(self, other: Any) -> Expression:
        return record("multiply", self, other)

    def __rmul__(self, other: Any) -> Expression:
        return record("multiply", other, self)

    def __truediv__(self, other: Any) -> Expression:
        return record("divide", self, other)

    def __rtruediv__(self, other: Any) -> Expression:
        return record("divide", other, self)

    def __pow__(self, other: Any) -> Expression:
        return record("power", self, other)

    def __rpow__(self, other: Any) -> Expression:
        return record("power", other, self)

    def __neg__(self) -> Expression:
        return record("negate", self)

    def __pos__(self) -> Expression:
        return self

    def __abs__(self) -> Expression:
        return record("abs", self)

    def __lt__(self, other: Any) -> Expression:
        return record("less", self, other)

    def __le__(self, other: Any) -> Expression:
        return record("less_equal", self, other)

    def __gt__(self, other: Any) -> Expression:
        return record("greater", self, other)

    def __ge__(self, other: Any) -> Expression:
        return record("greater_equal", self, other)

    def __eq__(self, other: object) -> Expression:  # type: ignore[override]  # recorded, as in torch
        return record("equal", self, other)

    def __ne__(self, other: object) -> Expression:  # type: ignore[override]  # recorded, as in torch
        return record("not_equal", self, other)

    __hash__ = None  # type: ignore[assignment]  # equality is recorded, not decided

    def _refuse(self, what: str, mend: str) -> NoReturn:
        raise CellError(
            f"cell {self.cell!r}: {what} on {self.described}, which stands for every unit, row and "
            f"step at once and has no value while the equations are recorded; {mend}"
        )

    def __bool__(self) -> bool:
        self._refuse(
            "a Python `if`, `and`, `or`, `not`, `min`, `max` or chained comparison",
            "use where(condition, a, b), maximum(a, b) or minimum(a, b)",
        )

    def __float__(self) -> float:
        self._refuse("a function of numbers (math.*, float)", _USE_OURS)

    __int__ = __float__
    __index__ = __float__

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse(f"the attribute `{name}`", f"it is a scalar, not a tensor; {_USE_OURS}")

    def __len__(self) -> int:
        self._refuse("len", "a cell's arguments are scalars, written for one unit")

    def __iter__(self) -> NoReturn:
        self._refuse("iteration", "a cell's arguments are scalars, written for one unit")

    def __getitem__(self, key: object) -> NoReturn:
        self._refuse("indexing", "a cell's arguments are scalars, written for one unit")

    def __array_ufunc__(self, ufunc: Any, method: str, *arguments: Any, **_: object) -> Expression:
        # A numpy number on the left of an operator arrives here.
        if ufunc.__name__ not in _NUMPY_OPERATORS or method != "__call__":
            self._refuse(f"numpy's `{ufunc.__name__}`", _USE_OURS)
        return record(ufunc.__name__, *arguments)

    def _refuse_operator(self, *_: object) -> NoReturn:
        self._refuse(
            "an operator that equations do not have",
            "operators are + - * / **, negation and comparisons; conditions are joined by nesting "
            "where(a, where(b, x, y), y)",
        )

    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __invert__ = _refuse_operator
    __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = __matmul__ = __round__ = _refuse_operator

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, arguments: Any = (), options: Any = None
    ) -> NoReturn:
        for argument in (*arguments, *(options or {}).values()):
            if isinstance(argument, Expression):
                name = getattr(function, "__name__", str(function))
                argument._refuse(f"torch's `{name}`", _USE_OURS)
        raise CellError(f"torch's function cannot be used in a cell; {_USE_OURS}")


_USE_OURS = (
    "use throughtime's sigmoid, tanh, relu, softplus, exp, log, sqrt, abs, maximum, minimum, where"
)


_NUMPY_OPERATORS = {
    "add", "subtract", "multiply", "divide", "power",
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal",
}  # fmt: skip


def record(operation: str, *arguments: Any) -> Expression:
    """Record an operation on traced scalars and numbers; at least one argument is traced.

    Raises:
        CellError: An argument is no scalar, or a comparison is used as a number.
    """
    traced = next(argument for argument in arguments if isinstance(argument, Expression))
    graph, cell = traced.graph, traced.cell
    numbers = []
    for place, argument in enumerate(arguments):
        is_condition = operation == "where" and place == 0
        if isinstance(argument, Expression):
            if argument.graph is not graph:
                raise CellError(
                    f"cell {cell!r}: {operation} mixes a scalar of cell {argument.cell!r}; a "
                    "cell's function may use only its own arguments"
                )
            if argument.is_truth and not is_condition:
                raise CellError(
                    f"cell {cell!r}: {operation} takes numbers, argument {place + 1} is "
                    f"{argument.described}, a comparison; turn it into a number with "
                    "where(condition, 1.0, 0.0)"
                )
            if is_condition and not argument.is_truth:
                raise CellError(
                    f"cell {cell!r}: where takes a comparison first, got {argument.described}; "
                    "write for example where(x > 0, a, b)"
                )
            numbers.append(argument.number)
        elif is_number(argument) and not is_condition:
            numbers.append(_constant(graph, argument, cell))
        else:
            allowed = "a comparison" if is_condition else "a number or a scalar of the cell"
            raise CellError(
                f"cell {cell!r}: argument {place + 1} of {operation} is "
                f"{type(argument).__name__} {argument!r:.200}; allowed is {allowed}"
            )
    base = graph.value(numbers[0])
    if operation == "power" and base is not None and base <= 0 and graph.value(numbers[1]) is None:
        raise CellError(
            f"cell {cell!r}: {base:g} to a traced power has no derivative; a constant base must be "
            "positive"
        )
    if operation == "divide" and graph.value(numbers[1]) == 0:
        raise CellError(f"cell {cell!r}: {operation} by the constant 0")
    try:
        return Expression(graph, graph.apply(operation, *numbers), cell)
    except CellError as error:
        raise CellError(f"cell {cell!r}: {error}") from None


def _constant(graph: Graph, value: Any, cell: str) -> int:
    try:
        return graph.constant(float(value))
    except (CellError, OverflowError) as error:
        raise CellError(f"cell {cell!r}: {error}") from None
