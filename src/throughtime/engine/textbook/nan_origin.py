"""Where a NaN comes from: the first instruction that makes one of ordinary numbers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.engine.recurrence import Recurrence
from throughtime.engine.textbook.steps import order, valid_steps
from throughtime.engine.textbook.unroll import input_products, recurrent_products, unroll
from throughtime.equations import Program
from throughtime.equations.operations import operations


@dataclass(frozen=True)
class NanOrigin:
    """Where a NaN arose.

    Attributes:
        step: The time step.
        row: The row of the batch.
        unit: The unit.
        operation: The operation that gave it.
        arguments: What the operation was given.
        inputs: Those inputs of the cell's equations that it was computed from, with their values:
            gates ("wx.r"), states, units.
    """

    step: int
    row: int
    unit: int
    operation: str
    arguments: tuple[float, ...]
    inputs: dict[str, float]

    def __str__(self) -> str:
        arguments = ", ".join(f"{value:.4g}" for value in self.arguments)
        inputs = ", ".join(f"{name} = {value:.4g}" for name, value in self.inputs.items())
        return (
            f"{self.operation}({arguments}) is not a number at step {self.step}, row {self.row}, "
            f"unit {self.unit}, computed from {inputs}"
        )


def any_nan(*tensors: Tensor) -> bool:
    """Whether any tensor holds a NaN."""
    # On the CPU a tensor is compared with itself in one operation; elsewhere torch takes it for
    # equal without a look.
    return any(
        not torch.equal(tensor, tensor) if tensor.is_cpu else bool(tensor.isnan().any())
        for tensor in tensors
    )


@torch.no_grad()
def nan_origin(recurrence: Recurrence) -> NanOrigin | None:
    """Find where the equations of a recurrence first make a NaN of numbers that are none.

    Returns:
        Where; None if there is no NaN, or if it came in with inputs, states or weights.
    """
    cell = recurrence.cell
    states = unroll(recurrence).trajectory.states
    units = dict(zip(cell.units, recurrence.weights.units, strict=True))
    inputs, valid = input_products(recurrence), valid_steps(recurrence)
    for t in order(recurrence):
        before = [state[t] for state in states]
        values = units | dict(zip(cell.states, before, strict=True)) | inputs[t]
        values |= recurrent_products(recurrence, before[0])
        shape = (len(before[0]), recurrence.H)
        found = _in_step(cell.step, values, valid[t], shape)
        if found is not None:
            row, unit, operation, arguments, given = found
            return NanOrigin(t, row, unit, operation, arguments, given)
    return None


def _in_step(
    program: Program, values: dict[str, Tensor], rows: Tensor | None, shape: tuple[int, int]
) -> tuple[int, int, str, tuple[float, ...], dict[str, float]] | None:
    registers = [values[name] for name in program.inputs]
    like = next(iter(values.values()))
    registers += [like.new_tensor(value) for value in program.constants]
    used = [{name} for name in program.inputs] + [set[str]() for _ in program.constants]
    for instruction in program.instructions:
        arguments = [registers[argument] for argument in instruction.arguments]
        result = operations[instruction.operation].evaluate(*arguments)
        registers.append(result)
        used.append(set().union(*(used[argument] for argument in instruction.arguments)))
        fresh = result.isnan()
        for argument in arguments:
            fresh = fresh & ~argument.isnan()
        if rows is not None:
            fresh = fresh & rows
        if fresh.any():
            row, unit = (int(place) for place in fresh.expand(shape).nonzero()[0])

            def at(plane: Tensor, row: int = row, unit: int = unit) -> float:
                return float(plane.expand(shape)[row, unit])

            given = {name: at(values[name]) for name in program.inputs if name in used[-1]}
            return row, unit, instruction.operation, tuple(map(at, arguments)), given
    return None
