"""Programs that look at whole rows, brought to a form in which they cost few passes over the units.

Whatever is computed from means and constants alone is one number a row: a *row value*. Factors that
are row values are taken out of means, and to divide by one is to multiply by its reciprocal: of a
layer norm and its derivative little is then left that must be done for every unit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from throughtime.equations import Cell, Program
from throughtime.equations.graph import Graph
from throughtime.equations.operations import operations


@dataclass(frozen=True)
class Programs:
    """A cell's programs as the native engine runs them; for most cells its own.

    Attributes:
        step: The step, nothing kept.
        forward: The step, with kept values.
        backward: The adjoint.
        kept: What the adjoint reads of the step, besides states and units.
        kept_rows: Which of these are row values.
    """

    step: Program
    forward: Program
    backward: Program
    kept: tuple[str, ...]
    kept_rows: frozenset[str] = frozenset()


@cache
def programs_of(cell: Cell) -> Programs:
    """Give the programs of a cell, those that look at whole rows rewritten."""
    forward, backward = cell.adjoint.forward, cell.adjoint.backward
    if not _looks_at_rows(forward):
        return Programs(cell.step, forward, backward, _kept(cell, backward))
    rows = row_values(forward)
    kept_rows = frozenset(
        name
        for name, result in zip(forward.outputs, forward.results, strict=True)
        if result in rows and not name.startswith("next.")
    )
    backward = _Rewriting(kept_rows, _made_again(cell, rows)).of(backward)
    kept = _kept(cell, backward)
    outputs = tuple(name for name in forward.outputs if name.startswith("next.") or name in kept)
    forward = Program(
        forward.inputs,
        forward.constants,
        forward.instructions,
        outputs,
        tuple(forward.result(name) for name in outputs),
    )
    return Programs(_Rewriting().of(cell.step), _Rewriting().of(forward), backward, kept, kept_rows)


def row_values(program: Program, row_inputs: frozenset[str] = frozenset()) -> frozenset[int]:
    """Give the registers that hold one number a row. Constants are not among them."""
    rows = {place for place, name in enumerate(program.inputs) if name in row_inputs}
    scales = rows | set(range(len(program.inputs), program.first_instruction))
    for register, instruction in program.numbered():
        if operations[instruction.operation].row or scales.issuperset(instruction.arguments):
            rows.add(register)
            scales.add(register)
    return frozenset(rows)


def _looks_at_rows(program: Program) -> bool:
    return any(operations[instruction.operation].row for instruction in program.instructions)


def _kept(cell: Cell, backward: Program) -> tuple[str, ...]:
    known = {*cell.states, *cell.units}
    known |= {f"{before}next.{state}" for state in cell.states for before in ("", "d.")}
    return tuple(name for name in backward.inputs if name not in known)


# An input of the adjoint by name, a constant, or an operation on such.
_Value = str | float | tuple[str, tuple["_Value", ...]]

_CHEAP = frozenset({"add", "subtract", "multiply", "mean", "sigmoid", "tanh"})
_MOST_AGAIN = 4  # operations


def _made_again(cell: Cell, rows: frozenset[int]) -> dict[str, _Value]:
    """Find kept values that a few operations make of others: to write and read them takes longer.

    Row values are kept in any case, for next to nothing.
    """
    forward = cell.adjoint.forward
    code = dict(forward.numbered())
    kept = {
        forward.result(name) if name in forward.outputs else forward.inputs.index(name): name
        for name in _kept(cell, cell.adjoint.backward)
    }
    known = {*cell.states, *cell.units}
    values: dict[int, _Value] = {
        forward.result(f"next.{state}"): f"next.{state}" for state in cell.states
    }
    values |= kept
    values |= {register: name for register, name in enumerate(forward.inputs) if name in known}
    values |= {len(forward.inputs) + i: value for i, value in enumerate(forward.constants)}

    def operations_for(register: int) -> list[int] | None:
        """What is to be computed again for a value, itself included; None if that is too much."""
        instruction = code.get(register)
        if instruction is None:
            return None
        by_row = instruction.operation == "divide" and instruction.arguments[1] in rows
        if not (instruction.operation in _CHEAP or by_row):
            return None
        found = [register]
        for argument in set(instruction.arguments) - values.keys():
            more = operations_for(argument)
            if more is None or len(found) + len(more) > _MOST_AGAIN:
                return None
            found += more
        return found

    def value(register: int) -> _Value:
        return values[register] if register in values else made_of(register)

    def made_of(register: int) -> _Value:
        return code[register].operation, tuple(value(one) for one in code[register].arguments)

    return {
        name: made_of(register)
        for register, name in kept.items()
        if register not in rows and operations_for(register)
    }


def _named_in(value: _Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for one in value[1]:
            yield from _named_in(one)


_Product = tuple[float, tuple[int, ...]]  # a constant, and nodes whose product it scales


class _Rewriting:
    """Writes a program anew, node by node."""

    def __init__(
        self, row_inputs: frozenset[str] = frozenset(), made: dict[str, _Value] | None = None
    ) -> None:
        self.graph = Graph()
        self.row_inputs = row_inputs
        self.made = made or {}
        self.rows: dict[int, bool] = {}
        self.products: dict[int, _Product] = {}

    def of(self, program: Program) -> Program:
        """Write the program; inputs that are not needed any more are dropped."""
        values: list[_Value] = [*program.inputs, *program.constants]
        nodes: dict[int, int] = {}

        def node(register: int) -> int:  # what is made again is made where it is first read
            if register not in nodes:
                nodes[register] = self.named(values[register])
            return nodes[register]

        for register, instruction in program.numbered():
            arguments = [node(argument) for argument in instruction.arguments]
            nodes[register] = self.apply(instruction.operation, *arguments)
        results = [node(result) for result in program.results]
        names = dict.fromkeys(program.inputs)
        names |= dict.fromkeys(name for value in self.made.values() for name in _named_in(value))
        return self.graph.program(tuple(names), program.outputs, results)

    def named(self, value: _Value) -> int:
        match value:
            case str():
                made = self.made.get(value)
                return self.graph.input(value) if made is None else self.named(made)
            case (operation, arguments):
                return self.apply(operation, *map(self.named, arguments))
        return self.graph.constant(value)

    def is_row(self, number: int) -> bool:
        """Whether a node holds one number a row."""
        if number not in self.rows:
            node = self.graph.nodes[number]
            if node.operation in ("input", "constant"):
                self.rows[number] = node.name in self.row_inputs
            else:
                of_row = operations[node.operation].row
                self.rows[number] = of_row or all(map(self.is_scale, node.arguments))
        return self.rows[number]

    def is_scale(self, number: int) -> bool:
        return self.graph.nodes[number].operation == "constant" or self.is_row(number)

    def apply(self, operation: str, *arguments: int) -> int:
        match operation, arguments:
            case "mean", (x,):
                return self.mean(x)
            case "multiply" | "divide" | "negate", _ if all(map(self.is_scale, arguments)):
                return self.product(operation, arguments)
            case "divide", (x, y) if self.is_row(y) and not self.is_scale(x):
                return self.apply("multiply", x, self.apply("divide", self.graph.constant(1.0), y))
            case "add", (x, y):
                return self.sum(x, y) or self.sum(y, x) or self.graph.apply(operation, x, y)
        return self.graph.apply(operation, *arguments)

    def mean(self, x: int) -> int:
        if self.is_scale(x):
            return x
        core, scale = self.split(x)
        mean = self.graph.apply("mean", core)
        return mean if scale is None else self.apply("multiply", mean, scale)

    def product(self, operation: str, arguments: tuple[int, ...]) -> int:
        """Multiply or divide row values, constants drawn together, by reciprocals."""
        constant, factors = self.factors(arguments[0])
        if operation == "negate":
            constant = -constant
        elif operation == "multiply":
            more, others = self.factors(arguments[1])
            constant, factors = constant * more, factors + others
        else:
            more, others = self.factors(arguments[1])
            constant = constant / more if more else math.inf
            factors += tuple(map(self.reciprocal, others))
        if not factors or not math.isfinite(constant) or constant == 0.0:
            return self.graph.apply(operation, *arguments)
        # From the last to the first: what was computed from means of products goes before powers of
        # the reciprocals that bring it back to size.
        ordered = sorted(factors, reverse=True)
        number = ordered[0]
        for other in ordered[1:]:
            number = self.graph.apply("multiply", number, other)
        number = self.graph.apply("multiply", number, self.graph.constant(constant))
        self.products[number] = constant, factors
        return number

    def factors(self, number: int) -> _Product:
        value = self.graph.value(number)
        return self.products.get(number, (1.0, (number,))) if value is None else (value, ())

    def reciprocal(self, number: int) -> int:
        node, one = self.graph.nodes[number], self.graph.constant(1.0)
        if node.operation == "divide" and node.arguments[0] == one:
            return node.arguments[1]
        return self.graph.apply("divide", one, number)

    def sum(self, x: int, y: int) -> int | None:
        """(a + y) + y is a + 2 y, where y is a product with a row value that takes the 2."""
        sum, product = self.graph.nodes[x], self.graph.nodes[y]
        if sum.operation != "add" or y not in sum.arguments or product.operation != "multiply":
            return None
        scale = next((one for one in product.arguments if self.is_row(one)), None)
        if scale is None or self.is_row(y):
            return None
        (other,) = set(sum.arguments) - {y} or {y}
        (factor,) = set(product.arguments) - {scale} or {scale}
        twice = self.apply("multiply", scale, self.graph.constant(2.0))
        return self.apply("add", other, self.graph.apply("multiply", factor, twice))

    def split(self, number: int) -> tuple[int, int | None]:
        """Part a node into what differs from unit to unit and a factor that does not."""
        node = self.graph.nodes[number]
        match node.operation, node.arguments:
            case "negate", (x,):
                core, scale = self.split(x)
                return core, self.times(self.graph.constant(-1.0), scale)
            case "divide", (x, y) if self.is_row(y):
                core, scale = self.split(x)
                one = self.graph.constant(1.0) if scale is None else scale
                return core, self.apply("divide", one, y)
            case "multiply", (x, y):
                core, scale = (y, x) if self.is_row(x) else (x, y)
                if self.is_row(scale):
                    core, inner = self.split(core)
                    return core, self.times(inner, scale)
                (x, x_scale), (y, y_scale) = self.split(x), self.split(y)
                if x_scale is not None or y_scale is not None:
                    return self.graph.apply("multiply", x, y), self.times(x_scale, y_scale)
        return number, None

    def times(self, x: int | None, y: int | None) -> int | None:
        if x is None or y is None:
            return y if x is None else x
        return self.apply("multiply", x, y)
