"""How far open gates stand, and which units are stuck, read off the activations in a program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from throughtime.engine.recurrence import Recurrence
from throughtime.engine.textbook import Trajectory
from throughtime.engine.textbook.steps import clean, split
from throughtime.equations import Cell, Program, evaluate

NEAR = 0.05
"""How near to an end of its range a value is saturated."""

_RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, None)}


@dataclass(frozen=True)
class Gate:
    """The values of one sigmoid, tanh or ReLU of a cell, over steps, rows and units.

    Attributes:
        name: The gate whose pre-activation it squashes ("f"), or else what it does to which state
            ("tanh(c)").
        operation: "sigmoid", "tanh" or "relu".
        mean: The mean value.
        low: The share of values within 0.05 of the lower end: a sigmoid that is closed. Of a ReLU
            the share that is zero.
        high: The share within 0.05 of the upper end: a sigmoid that is open. None for a ReLU.
        stuck_low: The units that are never elsewhere: gates stuck closed, ReLUs that are dead.
        stuck_high: The units that are never elsewhere: gates stuck open.
    """

    name: str
    operation: str
    mean: float
    low: float
    high: float | None
    stuck_low: tuple[int, ...]
    stuck_high: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give plain figures."""
        return {
            "name": self.name,
            "operation": self.operation,
            "mean": self.mean,
            "low": self.low,
            "high": self.high,
            "stuck_low": list(self.stuck_low),
            "stuck_high": list(self.stuck_high),
        }


def gates(recurrence: Recurrence, trajectory: Trajectory, lengths: Tensor) -> tuple[Gate, ...]:
    """Measure the gates of a layer.

    Args:
        recurrence: What was run.
        trajectory: The states before each step.
        lengths: Valid steps of each row, [B].
    """
    cell, weights = recurrence.cell, recurrence.weights
    found = list(activations(cell.step, cell))
    if not found:
        return ()
    values = dict(zip(cell.states, trajectory.states, strict=True))
    values |= dict(zip(cell.units, weights.units, strict=True))
    if weights.W is not None:
        products = linear(clean(recurrence.x, recurrence.lengths), weights.W, weights.b)
        values |= _planes(products, cell.input_gates, "wx.")
    if weights.U is not None:
        products = linear(trajectory.states[0], weights.U, weights.c)
        values |= _planes(products, cell.recurrent_gates, "uh.")
    names = tuple(f"{place}" for place in range(len(found)))
    program = replace(cell.step, outputs=names, results=tuple(register for *_, register in found))
    results = evaluate(program, values)
    shape = trajectory.states[0].shape  # [T, B, H]
    valid = (torch.arange(shape[0])[:, None] < lengths).to(recurrence.x.device)
    return tuple(
        _measured(name, operation, results[place].expand(shape)[valid])
        for place, (name, operation, _) in zip(names, found, strict=True)
    )


def activations(program: Program, cell: Cell) -> Iterator[tuple[str, str, int]]:
    """Yield each sigmoid, tanh and ReLU of a cell's step: its name, operation and register."""
    instructions = dict(program.numbered())
    found: list[tuple[str, str, int]] = []
    for register, instruction in instructions.items():
        if instruction.operation not in _RANGES:
            continue
        behind, ahead = set[str](), list(instruction.arguments)
        while ahead:
            number = ahead.pop()
            if number < len(program.inputs):
                behind.add(program.inputs[number])
            elif number in instructions and instructions[number].operation not in _RANGES:
                ahead.extend(instructions[number].arguments)
        heard = {name[3:] for name in behind if name[:3] in ("wx.", "uh.")}
        names = [gate for gate in cell.gates if gate in heard]
        shown = "+".join(names) or f"{instruction.operation}({', '.join(sorted(behind))})"
        found.append((shown, instruction.operation, register))
    for name, operation, register in found:
        twice = [other for other, *_ in found].count(name) > 1
        yield f"{operation}({name})" if twice else name, operation, register


def _planes(products: Tensor, names: tuple[str, ...], prefix: str) -> dict[str, Tensor]:
    steps = products.shape[:2]
    cut = split(products.flatten(0, 1), names, prefix)
    return {name: plane.view(*steps, -1) for name, plane in cut.items()}


def _measured(name: str, operation: str, values: Tensor) -> Gate:
    """Measure the values of all valid steps and rows, [steps * rows, H]."""
    lower, upper = _RANGES[operation]
    low = values <= 0.0 if upper is None else values < lower + NEAR
    high = torch.zeros_like(low) if upper is None else values > upper - NEAR

    def stuck(end: Tensor) -> tuple[int, ...]:
        return tuple(end.all(0).nonzero()[:, 0].tolist())

    return Gate(
        name=name,
        operation=operation,
        mean=float(values.mean()),
        low=float(low.double().mean()),
        high=None if upper is None else float(high.double().mean()),
        stuck_low=stuck(low),
        stuck_high=stuck(high),
    )
