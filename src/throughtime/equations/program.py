"""A flat elementwise program: what a cell's equations become, and all that an engine sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Instruction:
    """One elementwise operation.

    Attributes:
        operation: A name in `throughtime.equations.operations.operations`.
        arguments: The registers read.
    """

    operation: str
    arguments: tuple[int, ...]


@dataclass(frozen=True)
class Program:
    """Straight-line code over scalars, in single-assignment form.

    Registers are numbered: first the inputs, then the constants, then one for each instruction, in
    order; an instruction reads only registers before its own. The same scalar program holds for
    every row and every unit.

    Attributes:
        inputs: Names of the inputs; registers 0, 1, ...
        constants: Values of the constants; the registers after the inputs.
        instructions: The operations; the registers after the constants.
        outputs: Names of the outputs.
        results: The register of each output.
    """

    inputs: tuple[str, ...]
    constants: tuple[float, ...]
    instructions: tuple[Instruction, ...]
    outputs: tuple[str, ...]
    results: tuple[int, ...]

    @property
    def first_instruction(self) -> int:
        """The register of the first instruction."""
        return len(self.inputs) + len(self.constants)

    def result(self, output: str) -> int:
        """Give the register of an output by name."""
        return self.results[self.outputs.index(output)]

    def numbered(self) -> Iterator[tuple[int, Instruction]]:
        """Yield each instruction behind the register that it writes."""
        return enumerate(self.instructions, start=self.first_instruction)

    def __str__(self) -> str:
        """One line an instruction, registers written by name: `%5 = sigmoid %4`."""
        names = [*self.inputs, *(f"{value:g}" for value in self.constants)]
        lines = []
        for register, instruction in self.numbered():
            names.append(f"%{register}")
            arguments = " ".join(names[argument] for argument in instruction.arguments)
            lines.append(f"%{register} = {instruction.operation} {arguments}")
        lines += [
            f"{output} = {names[register]}"
            for output, register in zip(self.outputs, self.results, strict=True)
        ]
        return "\n".join(lines)
