"""Programs evaluated in torch, elementwise on tensors that broadcast."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from throughtime.equations.operations import operations
from throughtime.equations.program import Program

Evaluator = Callable[[Mapping[str, Tensor]], list[Tensor]]


def evaluator(program: Program, dtype: torch.dtype, device: torch.device) -> Evaluator:
    """Prepare a program for repeated evaluation.

    Returns:
        A function from the tensors of the inputs, by name, to those of the outputs, in order. Names
        that are no input of the program are ignored.
    """
    constants = [torch.tensor(value, dtype=dtype, device=device) for value in program.constants]
    steps = [
        (operations[instruction.operation].evaluate, instruction.arguments)
        for instruction in program.instructions
    ]

    def evaluate(values: Mapping[str, Tensor]) -> list[Tensor]:
        registers: list[Tensor] = [values[name] for name in program.inputs]
        registers += constants
        for operation, arguments in steps:
            registers.append(operation(*[registers[argument] for argument in arguments]))
        return [registers[result] for result in program.results]

    return evaluate


def evaluate(program: Program, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Evaluate a program once.

    Args:
        program: The program.
        values: A tensor for each input, by name, all of one dtype and device; they broadcast.

    Returns:
        The tensor of each output, by name.

    Raises:
        KeyError: An input is missing.
    """
    first = next(iter(values.values()))
    results = evaluator(program, first.dtype, first.device)(values)
    return dict(zip(program.outputs, results, strict=True))
