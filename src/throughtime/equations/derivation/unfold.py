"""A program unfolded into equations: what is read once is written in place, the rest is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from throughtime.equations.derivation.terms import Equation, Number, Operation, Symbol, Term
from throughtime.equations.operations import operations
from throughtime.equations.program import Program


@dataclass(frozen=True)
class Unfolded:
    """A program as equations.

    Attributes:
        equations: In the order in which they can be evaluated.
        terms: How each register is written where it is read.
    """

    equations: tuple[Equation, ...]
    terms: tuple[Term, ...]


def unfold(
    program: Program,
    inputs: Mapping[str, Term],
    named: Mapping[int, Sequence[Symbol]],
    read: Iterable[int],
    fresh: Callable[[int], Symbol],
) -> Unfolded:
    """Write a program as equations.

    Args:
        program: The program.
        inputs: How each input is written.
        named: Registers of instructions that have names, and these.
        read: Registers that are read outside of the program, as often as they stand here.
        fresh: Gives a name to a register that needs one and has none.
    """
    terms: list[Term] = [inputs[name] for name in program.inputs]
    terms += [Number(value) for value in program.constants]
    in_place = _written_in_place(program, [_is_leaf(term) for term in terms], named, read)
    equations = []
    for register, instruction in program.numbered():
        value = Operation(
            instruction.operation, tuple(terms[argument] for argument in instruction.arguments)
        )
        if register in in_place:
            terms.append(value)
            continue
        names = tuple(named.get(register) or (fresh(register),))
        equations.append(Equation(names, value))
        terms.append(names[0])
    return Unfolded(tuple(equations), tuple(terms))


def _is_leaf(term: Term) -> bool:
    return not isinstance(term, Operation)


def _written_in_place(
    program: Program,
    leaves: Sequence[bool],
    named: Mapping[int, Sequence[Symbol]],
    read: Iterable[int],
) -> set[int]:
    """Choose the registers that need no name: read once, true or false, or short."""
    uses = [0] * (program.first_instruction + len(program.instructions))
    for register in read:
        uses[register] += 1

    def is_leaf(register: int) -> bool:
        return leaves[register] if register < len(leaves) else register in named

    in_place = set()
    for register, instruction in reversed(list(program.numbered())):
        short = len(instruction.arguments) <= 2 and all(map(is_leaf, instruction.arguments))
        truth = operations[instruction.operation].truth
        if register not in named and (uses[register] <= 1 or short or truth):
            in_place.add(register)
        times = uses[register] if register in in_place else 1
        # A product of a value with itself is written as a square, which names it once.
        square = instruction.operation == "multiply" and len(set(instruction.arguments)) == 1
        for argument in instruction.arguments[:1] if square else instruction.arguments:
            uses[argument] += times
    return in_place
