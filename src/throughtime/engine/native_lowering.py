"""From a program to instructions of the native engine: some do the work of two or three."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from throughtime.engine.native_rows import row_values
from throughtime.equations import Instruction, Program

# What else the engine does, beside the operations of the cell language.
FUSED = (
    "multiply_add",  # a b + c
    "logistic_slope",  # a (b (1 - b)), through b = sigmoid(x)
    "tanh_slope",  # a (1 - b b), through b = tanh(x)
)
# Planes hold a number a unit, row values one a row.
ROW_OPERATIONS = (
    "mean",  # of a plane
    "mean_product",  # of the product of two planes
    "centre",  # a plane less its mean
    "take",  # row values that lie in a plane
    "put",  # lay row values into a plane, where `take` finds them
    "spread",  # row values to every unit
    "add_row",
    "subtract_row",
    "multiply_row",
    "multiply_row_add",  # plane times row value, plus a plane
)
_WITH_ROW = {"add": "add_row", "subtract": "subtract_row", "multiply": "multiply_row"}


@dataclass(frozen=True)
class Lowered:
    """A program of native instructions.

    Attributes:
        program: The program. Its operations are the engine's.
        rows: The registers that hold row values.
    """

    program: Program
    rows: frozenset[int] = frozenset()


def lowered(program: Program, kept_rows: frozenset[str] = frozenset()) -> Lowered:
    """Choose instructions.

    Args:
        program: What is to be run.
        kept_rows: Inputs and outputs in whose planes row values lie.
    """
    fused = _Fusing(program, row_values(program, kept_rows)).program()
    found = _planes_and_rows(fused, kept_rows)
    return _spaced(found.program, found.rows) if found.rows else found


class _Fusing:
    """Finds instructions whose result only one other reads, and lets that one do their work."""

    def __init__(self, program: Program, rows: frozenset[int]) -> None:
        self.before = program
        self.rows = rows
        self.code = dict(program.numbered())
        self.uses = Counter(program.results)
        for instruction in program.instructions:
            self.uses.update(instruction.arguments)

    def program(self) -> Program:
        # Slopes first: they take in more than a multiply_add, which may want the same product. The
        # last instruction of a pattern takes in the others.
        for fuse in (self.slopes, self.others):
            for register in sorted(self.code, reverse=True):
                if register in self.code:
                    fuse(register, self.code[register])
        return _renumbered(self.before, self.code)

    def slopes(self, register: int, instruction: Instruction) -> None:
        if instruction.operation == "multiply":
            a, b = instruction.arguments
            if not self.slope(register, a, b):
                self.slope(register, b, a)

    def others(self, register: int, instruction: Instruction) -> None:
        match instruction.operation, instruction.arguments:
            case "add", (a, b):
                if not self.multiply_add(register, b, a):
                    self.multiply_add(register, a, b)
            case "subtract", (x, y) if mean := self.inner(y, "mean"):
                if mean.arguments == (x,):
                    self.replace(register, "centre", (x,), (y,))
            case "mean", (x,) if product := self.inner(x, "multiply"):
                if not self.rows & set(product.arguments):
                    self.replace(register, "mean_product", product.arguments, (x,))
            case "power", (base, exponent):
                self.power(register, base, exponent)

    def inner(self, register: int, operation: str) -> Instruction | None:
        found = self.code.get(register)
        if found is None or found.operation != operation or self.uses[register] != 1:
            return None
        return found

    def replace(
        self, register: int, operation: str, arguments: Sequence[int], gone: Iterable[int]
    ) -> bool:
        self.code[register] = Instruction(operation, tuple(arguments))
        for one in gone:
            del self.code[one]
        return True

    def alike(self, *registers: int) -> bool:
        """Whether all are planes or all are row values; a constant is either."""
        constants = range(len(self.before.inputs), self.before.first_instruction)
        return len({one in self.rows for one in registers if one not in constants}) == 1

    def is_one(self, register: int) -> bool:
        place = register - len(self.before.inputs)
        return 0 <= place < len(self.before.constants) and self.before.constants[place] == 1.0

    def slope(self, register: int, outer: int, slope: int) -> bool:
        """Of d (y (1 - y)) and d (1 - y y), if outer is d."""
        if difference := self.inner(slope, "subtract"):
            one, square = difference.arguments
            product = self.inner(square, "multiply")
            if product and self.is_one(one) and len(set(product.arguments)) == 1:
                y = product.arguments[0]
                if self.alike(outer, y):
                    return self.replace(register, "tanh_slope", (outer, y), (slope, square))
        if product := self.inner(slope, "multiply"):
            for y, rest in (product.arguments, product.arguments[::-1]):
                difference = self.inner(rest, "subtract")
                if difference is None or not self.is_one(difference.arguments[0]):
                    continue
                if difference.arguments[1] == y and self.alike(outer, y):
                    return self.replace(register, "logistic_slope", (outer, y), (slope, rest))
        return False

    def multiply_add(self, register: int, product: int, added: int) -> bool:
        found = self.inner(product, "multiply")
        if found is None:
            return False
        a, b = found.arguments
        if self.alike(a, b, added):
            return self.replace(register, "multiply_add", (a, b, added), (product,))
        if a in self.rows:
            a, b = b, a
        if b not in self.rows or {a, added, product} & self.rows:
            return False
        return self.replace(register, "multiply_row_add", (a, b, added), (product,))

    def power(self, register: int, base: int, exponent: int) -> None:
        place = exponent - len(self.before.inputs)
        if 0 <= place < len(self.before.constants) and self.before.constants[place] == 0.5:
            self.code[register] = Instruction("sqrt", (base,))


def _renumbered(before: Program, code: dict[int, Instruction]) -> Program:
    number = {place: place for place in range(before.first_instruction)}
    for register in sorted(code):
        number[register] = len(number)
    instructions = [
        Instruction(code[register].operation, tuple(number[a] for a in code[register].arguments))
        for register in sorted(code)
    ]
    results = tuple(number[result] for result in before.results)
    return replace(before, instructions=tuple(instructions), results=results)


def _planes_and_rows(program: Program, kept_rows: frozenset[str]) -> Lowered:
    """Bring planes and row values together: instructions on both, or row values spread out."""
    lies_in_plane = {i for i, name in enumerate(program.inputs) if name in kept_rows}
    constants = set(range(len(program.inputs), program.first_instruction))
    code: list[Instruction] = []
    rows: set[int] = set()
    number = {place: place for place in range(program.first_instruction)}
    spread: dict[int, int] = {}

    def write(operation: str, *arguments: int) -> int:
        code.append(Instruction(operation, arguments))
        return program.first_instruction + len(code) - 1

    def write_row(operation: str, *arguments: int) -> int:
        register = write(operation, *arguments)
        rows.add(register)
        return register

    def in_plane(register: int) -> int:
        if register not in rows:
            return register
        if register not in spread:
            spread[register] = write("spread", register)
        return spread[register]

    for place in lies_in_plane:
        number[place] = write_row("take", place)
    for old, instruction in program.numbered():
        operation = instruction.operation
        arguments = [number[argument] for argument in instruction.arguments]
        if operation in ROW_OPERATIONS and operation.startswith("mean"):
            number[old] = write_row(operation, *arguments)
        elif operation == "multiply_row_add" or not rows & set(arguments):
            number[old] = write(operation, *arguments)
        elif (rows | constants).issuperset(arguments):
            number[old] = write_row(operation, *arguments)
        elif operation in _WITH_ROW:
            if operation != "subtract" and arguments[0] in rows:
                arguments.reverse()
            if arguments[0] in rows:  # row value - plane
                number[old] = write(operation, *map(in_plane, arguments))
            else:
                number[old] = write(_WITH_ROW[operation], *arguments)
        else:
            number[old] = write(operation, *map(in_plane, arguments))
    results = []
    for name, result in zip(program.outputs, program.results, strict=True):
        register = number[result]
        if register in rows:
            register = write("put", register) if name in kept_rows else in_plane(register)
        results.append(register)
    made = replace(program, instructions=tuple(code), results=tuple(results))
    return Lowered(made, frozenset(rows))


_APART = 4  # instructions on planes
_AHEAD = 24  # instructions


def _spaced(program: Program, rows: frozenset[int]) -> Lowered:
    """Put other work between row values and what reads them.

    A mean, a root and a reciprocal wait for each other longer than an instruction on a plane takes.
    """
    waiting = dict(program.numbered())
    made_at: dict[int, int] = {}  # when the registers are made, in instructions on planes
    order: list[int] = []
    time = 0
    while waiting:
        ready = [
            register
            for register in islice(waiting, _AHEAD)
            if not any(argument in waiting for argument in waiting[register].arguments)
        ]
        register = min(ready, key=lambda one: _delay(waiting[one], rows, made_at, time))
        time += register not in rows
        made_at[register] = time
        order.append(register)
        del waiting[register]
    fixed = range(program.first_instruction)
    number = {old: new for new, old in enumerate((*fixed, *order))}
    code = dict(program.numbered())
    instructions = [
        Instruction(code[old].operation, tuple(number[a] for a in code[old].arguments))
        for old in order
    ]
    results = tuple(number[result] for result in program.results)
    made = replace(program, instructions=tuple(instructions), results=results)
    return Lowered(made, frozenset(number[register] for register in rows))


def _delay(
    instruction: Instruction, rows: frozenset[int], made_at: dict[int, int], time: int
) -> int:
    """How many instructions on planes are missing before one that reads row values."""
    read = [made_at.get(one, -_APART) for one in instruction.arguments if one in rows]
    return max(0, max(read, default=-_APART) + _APART - time)
