"""A cell's two programs as the native engine takes them: registers assigned, planes placed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from itertools import count
from typing import Any

from throughtime.engine.native_lowering import FUSED, ROW_OPERATIONS, lowered
from throughtime.engine.native_rows import Programs, programs_of
from throughtime.equations import Cell, Instruction, Program

# In the order of `Operation` and `Plane` in native/call.hpp.
OPERATIONS = (
    "add", "subtract", "multiply", "divide", "power", "negate",
    "sigmoid", "tanh", "relu", "softplus", "exp", "log", "sqrt", "abs", "maximum", "minimum",
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "where",
    "copy", *FUSED, *ROW_OPERATIONS,
)  # fmt: skip


class Plane(IntEnum):
    """Where an input or output of a program lies."""

    INPUT_PRODUCT = 0
    RECURRENT_PRODUCT = 1
    STATE = 2
    UNIT = 3
    KEPT = 4
    SEED = 5
    NEXT_STATE = 6
    D_INPUT_PRODUCT = 7
    D_RECURRENT_PRODUCT = 8
    D_STATE = 9
    D_UNIT = 10
    KEPT_ROW = 11


_Places = dict[str, tuple[int, int]]  # name -> plane, number


@dataclass(frozen=True)
class NativePlan:
    """Plans of the native module for one cell.

    Attributes:
        training: Keeps what the backward pass reads.
        inference: Keeps nothing.
    """

    training: Any
    inference: Any


@cache
def native_plan(module: Any, cell: Cell) -> NativePlan:
    """Make the plans of a cell, once."""
    programs = programs_of(cell)
    merged = merged_gates(cell, programs)
    places, tape = _places(cell), _tape(cell, programs)
    kept = tuple(name for name, (plane, _) in tape.items() if plane != Plane.NEXT_STATE)
    rows = frozenset(name for name, (plane, _) in tape.items() if plane == Plane.KEPT_ROW)
    backward = _program(module, _summed(programs.backward, merged), places | tape, places, rows)

    def plan(forward: Program, keeps: tuple[str, ...]) -> Any:
        counts = len([name for name in keeps if name not in rows]), len(rows.intersection(keeps))
        own = _with_outputs(cell, _summed(forward, merged), keeps)
        into = [
            cell.input_gates.index(gate) if gate in merged else -1 for gate in cell.recurrent_gates
        ]
        sizes = (len(cell.input_gates), len(cell.states), len(cell.units), *counts)
        return module.Plan(
            _program(module, own, places, places | tape, rows), backward, into, *sizes
        )

    return NativePlan(training=plan(programs.forward, kept), inference=plan(programs.step, ()))


@cache
def kept_values(cell: Cell) -> tuple[int, int]:
    """Count the values that a tape has of each step beside the states: planes, and row values."""
    planes = [plane for plane, _ in _tape(cell, programs_of(cell)).values()]
    return planes.count(Plane.KEPT), planes.count(Plane.KEPT_ROW)


def _tape(cell: Cell, programs: Programs) -> _Places:
    """Say where the backward pass finds what it reads of the forward pass.

    A value that is a new state anyway is not kept a second time.
    """
    forward = programs.forward
    states = {forward.result(f"next.{name}"): place for place, name in enumerate(cell.states)}
    found: _Places = {}
    numbers = {Plane.KEPT: count(), Plane.KEPT_ROW: count()}
    for name in programs.kept:
        state = states.get(forward.result(name)) if name in forward.outputs else None
        if state is not None:
            found[name] = Plane.NEXT_STATE, state
            continue
        plane = Plane.KEPT_ROW if name in programs.kept_rows else Plane.KEPT
        found[name] = plane, next(numbers[plane])
    return found


def merged_gates(cell: Cell, programs: Programs) -> frozenset[str]:
    """Name the gates whose two products are only ever used as a sum: they need one plane."""
    forward, backward = programs.forward, programs.backward
    found = set()
    for gate in cell.recurrent_gates:
        names = {f"wx.{gate}", f"uh.{gate}"}
        if not names <= set(forward.inputs) or names & set(backward.inputs):
            continue
        registers = {forward.inputs.index(name) for name in names}
        readers = [i for i in forward.instructions if registers & set(i.arguments)]
        alone = not registers & set(forward.results)
        if backward.result(f"d.wx.{gate}") != backward.result(f"d.uh.{gate}"):
            continue
        summed = len(readers) == 1 and readers[0].operation == "add"
        if alone and summed and set(readers[0].arguments) == registers:
            found.add(gate)
    return frozenset(found)


def _summed(program: Program, merged: frozenset[str]) -> Program:
    """Let `wx.g` stand for `wx.g + uh.g` in each merged gate g."""
    if program.outputs and program.outputs[0].startswith("d."):
        outputs = [name for name in program.outputs if name.removeprefix("d.uh.") not in merged]
        results = tuple(program.result(name) for name in outputs)
        return Program(
            program.inputs, program.constants, program.instructions, tuple(outputs), results
        )
    gone = {program.inputs.index(f"uh.{gate}") for gate in merged if f"uh.{gate}" in program.inputs}
    inputs = tuple(name for place, name in enumerate(program.inputs) if place not in gone)
    renumbered: dict[int, int] = {}
    for place in range(program.first_instruction):
        if place not in gone:
            renumbered[place] = len(renumbered)
    instructions: list[Instruction] = []
    for register, instruction in program.numbered():
        if gone & set(instruction.arguments):  # the one sum of a merged gate
            (other,) = set(instruction.arguments) - gone
            renumbered[register] = renumbered[other]
            continue
        arguments = tuple(renumbered[argument] for argument in instruction.arguments)
        renumbered[register] = len(inputs) + len(program.constants) + len(instructions)
        instructions.append(Instruction(instruction.operation, arguments))
    results = tuple(renumbered[result] for result in program.results)
    return Program(inputs, program.constants, tuple(instructions), program.outputs, results)


def _with_outputs(cell: Cell, program: Program, kept: tuple[str, ...]) -> Program:
    """Give out the new states and what is kept: results and inputs of the program."""
    names = (*(f"next.{state}" for state in cell.states), *kept)
    results = tuple(
        program.result(name) if name in program.outputs else program.inputs.index(name)
        for name in names
    )
    return Program(program.inputs, program.constants, program.instructions, names, results)


def _program(
    module: Any,
    whole: Program,
    places_in: _Places,
    places_out: _Places,
    kept_rows: frozenset[str],
) -> Any:
    """Assign registers: an output is written where it belongs, a temporary's room is used again."""
    low = lowered(whole, kept_rows)
    program = low.program
    fixed = program.first_instruction
    last_use = {
        argument: number
        for number, instruction in enumerate(program.instructions)
        for argument in instruction.arguments
    }
    output_of: dict[int, int] = {}  # register -> the first output that it is
    for place, result in enumerate(program.results):
        if result >= fixed:
            output_of.setdefault(result, place)

    slot_of: dict[int, int] = {}
    free: list[int] = []
    slots = 0
    for number, (register, instruction) in enumerate(program.numbered()):
        if register not in output_of:
            if not free:
                free.append(slots)
                slots += 1
            slot_of[register] = free.pop()
        # An argument's room is free only after the result has found its own.
        free.extend(
            slot_of[argument]
            for argument in set(instruction.arguments)
            if argument in slot_of and last_use[argument] == number
        )

    def assigned(register: int) -> int:
        if register < fixed:
            return register
        if register in output_of:
            return fixed + slots + output_of[register]
        return fixed + slot_of[register]

    code = [
        (
            OPERATIONS.index(instruction.operation),
            assigned(register),
            [assigned(argument) for argument in instruction.arguments],
            register in low.rows,
        )
        for register, instruction in program.numbered()
    ]
    for place, result in enumerate(program.results):
        if output_of.get(result) != place:
            to = fixed + slots + place
            code.append((OPERATIONS.index("copy"), to, [assigned(result)], False))
    return module.Program(
        code,
        list(program.constants),
        slots,
        [places_in[name] for name in program.inputs],
        [places_out[name] for name in program.outputs],
    )


def _places(cell: Cell) -> _Places:
    """Say where each named input and output of the programs lies."""
    places: _Places = {}
    for number, gate in enumerate(cell.input_gates):
        places[f"wx.{gate}"] = (Plane.INPUT_PRODUCT, number)
        places[f"d.wx.{gate}"] = (Plane.D_INPUT_PRODUCT, number)
    for number, gate in enumerate(cell.recurrent_gates):
        places[f"uh.{gate}"] = (Plane.RECURRENT_PRODUCT, number)
        places[f"d.uh.{gate}"] = (Plane.D_RECURRENT_PRODUCT, number)
    for number, state in enumerate(cell.states):
        places[state] = (Plane.STATE, number)
        places[f"d.{state}"] = (Plane.D_STATE, number)
        places[f"next.{state}"] = (Plane.NEXT_STATE, number)
        places[f"d.next.{state}"] = (Plane.SEED, number)
    for number, unit in enumerate(cell.units):
        places[unit] = (Plane.UNIT, number)
        places[f"d.{unit}"] = (Plane.D_UNIT, number)
    return places
