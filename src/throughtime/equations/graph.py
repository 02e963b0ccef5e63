"""Programs under construction: subexpressions shared, constants folded, dead code dropped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from throughtime.equations.errors import CellError
from throughtime.equations.operations import fold, operations
from throughtime.equations.program import Instruction, Program


@dataclass(frozen=True)
class Node:
    """An input (by name), a constant (by value) or an operation on earlier nodes."""

    operation: str  # "input", "constant" or the name of an operation
    arguments: tuple[int, ...] = ()
    name: str = ""
    value: float = 0.0


class Graph:
    """A growing list of nodes; asking twice for the same node gives the same number.

    Only identities that hold for every number, NaN and infinity included and the sign of zero
    aside, are applied: `x * 0` is left alone, `x * 1` is not.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._numbers: dict[Node, int] = {}

    def _number(self, node: Node) -> int:
        if node not in self._numbers:
            self._numbers[node] = len(self.nodes)
            self.nodes.append(node)
        return self._numbers[node]

    def input(self, name: str) -> int:
        """Give the node of a named input."""
        return self._number(Node("input", name=name))

    def constant(self, value: float) -> int:
        """Give the node of a constant.

        Raises:
            CellError: It is not finite.
        """
        if not math.isfinite(value):
            raise CellError(f"a constant is {value}; it must be a finite number")
        # -0.0 == 0.0 would share one node with the wrong sign; adding 0.0 leaves only 0.0.
        return self._number(Node("constant", value=float(value) + 0.0))

    def value(self, number: int) -> float | None:
        """Give the value of a constant node, None for any other."""
        node = self.nodes[number]
        return node.value if node.operation == "constant" else None

    def apply(self, operation: str, *arguments: int) -> int:
        """Give the node of an operation on nodes, folded or simplified where that is exact."""
        values = [self.value(argument) for argument in arguments]
        known = [value for value in values if value is not None]
        if len(known) == len(values) and not operations[operation].truth:
            folded = fold(operation, known)
            if not math.isfinite(folded):
                shown = ", ".join(f"{value:g}" for value in known)
                raise CellError(f"{operation}({shown}) of constants is {folded}, not a number")
            return self.constant(folded)
        simpler = self._simplify(operation, arguments, values)
        if simpler is not None:
            return simpler
        if operations[operation].commutative:
            arguments = tuple(sorted(arguments))
        return self._number(Node(operation, arguments))

    def _simplify(
        self, operation: str, arguments: Sequence[int], values: Sequence[float | None]
    ) -> int | None:
        match operation, values:
            case ("add", [0.0, None]) | ("multiply", [1.0, None]):
                return arguments[1]
            case (
                ("add", [None, 0.0])
                | ("subtract", [None, 0.0])
                | ("multiply" | "divide" | "power", [None, 1.0])
            ):
                return arguments[0]
            case ("subtract", [0.0, None]) | ("multiply", [-1.0, None]):
                return self.apply("negate", arguments[1])
            case ("multiply" | "divide", [None, -1.0]):
                return self.apply("negate", arguments[0])
            case ("power", [None, 0.0]):
                return self.constant(1.0)  # of NaN too
            case ("power", [None, 2.0]):
                return self.apply("multiply", arguments[0], arguments[0])
            case ("negate", _) if self.nodes[arguments[0]].operation == "negate":
                return self.nodes[arguments[0]].arguments[0]
            case ("add", _) if self.nodes[arguments[0]].operation == "negate":
                return self.apply("subtract", arguments[1], *self.nodes[arguments[0]].arguments)
            case ("add", _) if self.nodes[arguments[1]].operation == "negate":
                return self.apply("subtract", arguments[0], *self.nodes[arguments[1]].arguments)
            case ("subtract", _) if self.nodes[arguments[1]].operation == "negate":
                return self.apply("add", arguments[0], *self.nodes[arguments[1]].arguments)
            case ("where", _) if arguments[1] == arguments[2]:
                return arguments[1]
        return None

    def embed(self, program: Program) -> list[int]:
        """Add a program's inputs, constants and instructions; give the node of each register."""
        nodes = [self.input(name) for name in program.inputs]
        nodes += [self.constant(value) for value in program.constants]
        for instruction in program.instructions:
            arguments = (nodes[argument] for argument in instruction.arguments)
            nodes.append(self.apply(instruction.operation, *arguments))
        return nodes

    def reachable(self, results: Iterable[int], given: Iterable[int] = ()) -> set[int]:
        """Give the nodes that the results need, not looking behind those that are given."""
        given = set(given)
        needed: set[int] = set()
        ahead = list(results)
        while ahead:
            number = ahead.pop()
            if number not in needed:
                needed.add(number)
                if number not in given:
                    ahead.extend(self.nodes[number].arguments)
        return needed

    def program(
        self,
        inputs: Sequence[str],
        outputs: Sequence[str],
        results: Sequence[int],
        given: dict[int, str] | None = None,
    ) -> Program:
        """Write the nodes that the results need as a flat program.

        Args:
            inputs: Candidates for the program's inputs, in order; those not needed are dropped.
            outputs: Names of the outputs.
            results: The node of each output.
            given: Nodes that are not computed but come in as inputs, under the given names.
        """
        given = given or {}
        needed = self.reachable(results, given)
        names = {name: number for number, name in given.items()}
        names |= {
            node.name: number
            for number, node in enumerate(self.nodes)
            if node.operation == "input" and number not in given
        }
        kept = [name for name in inputs if names.get(name) in needed]
        constants = [
            number
            for number in sorted(needed)
            if self.nodes[number].operation == "constant" and number not in given
        ]
        registers = {names[name]: register for register, name in enumerate(kept)}
        registers |= {number: len(kept) + place for place, number in enumerate(constants)}
        instructions = []
        for number in sorted(needed - registers.keys()):  # a node comes after its arguments
            node = self.nodes[number]
            registers[number] = len(registers)
            instructions.append(
                Instruction(node.operation, tuple(registers[a] for a in node.arguments))
            )
        return Program(
            inputs=tuple(kept),
            constants=tuple(self.nodes[number].value for number in constants),
            instructions=tuple(instructions),
            outputs=tuple(outputs),
            results=tuple(registers[result] for result in results),
        )
