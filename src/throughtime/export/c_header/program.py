"""A cell's program as C: one loop over the units, cut where a mean over all of them is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from throughtime.equations import Cell, Program
from throughtime.equations.operations import operations
from throughtime.export.c_header.numbers import single
from throughtime.export.errors import ExportError

OPERATIONS = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "power": "powf({0}, {1})",
    "negate": "-{0}",
    "sigmoid": "{name}_sigmoid({0})",
    "tanh": "tanhf({0})",
    "relu": "{0} < 0.0f ? 0.0f : {0}",
    "softplus": "{name}_softplus({0})",
    "exp": "expf({0})",
    "log": "logf({0})",
    "sqrt": "sqrtf({0})",
    "abs": "fabsf({0})",
    "maximum": "{0} > {1} || {0} != {0} ? {0} : {1}",
    "minimum": "{0} < {1} || {0} != {0} ? {0} : {1}",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
    "where": "{0} ? {1} : {2}",
}
"""Operations of equations as expressions of C; NaN goes through as it does in torch."""

FUNCTIONS = {
    "sigmoid": "    return 1.0f / (1.0f + expf(-x));",
    "softplus": "    return (x > 0.0f ? x : 0.0f) + log1pf(expf(-fabsf(x)));",
}
"""Those that C lacks, as functions of a float x."""


def functions(name: str, used: set[str]) -> str:
    """Define those of `FUNCTIONS` that are used."""
    return "\n".join(
        f"static inline float {name}_{function}(float x)\n{{\n{body}\n}}\n"
        for function, body in FUNCTIONS.items()
        if function in used
    )


@dataclass(frozen=True)
class _Plan:
    """When, and for what, each register of a program is computed.

    Attributes:
        phase: How many means, one after another, come before it.
        of_units: Whether it holds a number for each unit; else one for the row.
        kept: Those of the units that a later phase reads: they are kept for all units.
    """

    phase: tuple[int, ...]
    of_units: tuple[bool, ...]
    kept: frozenset[int]


def _plan(program: Program) -> _Plan:
    phase = [0] * program.first_instruction
    of_units = [True] * len(program.inputs) + [False] * len(program.constants)
    for _, instruction in program.numbered():
        latest = max(phase[argument] for argument in instruction.arguments)
        units = any(of_units[argument] for argument in instruction.arguments)
        row = operations[instruction.operation].row
        phase.append(latest + 1 if row and units else latest)
        of_units.append(units and not row)
    reads = [(result, max(phase)) for result in program.results]
    for register, instruction in program.numbered():
        if not operations[instruction.operation].row:  # its argument is summed where it arises
            reads += [(argument, phase[register]) for argument in instruction.arguments]
    computed = range(len(program.inputs), len(phase))
    kept = {read for read, at in reads if read in computed and of_units[read] and phase[read] < at}
    return _Plan(tuple(phase), tuple(of_units), frozenset(kept))


def loops(
    cell: Cell, name: str, H: int, load: Mapping[str, str], store: Sequence[str]
) -> list[str]:
    """Write the program of a cell.

    Args:
        cell: The cell.
        name: What the names of functions begin with.
        H: Units.
        load: For each input of the program, where it stands for unit j.
        store: For each result, the statement that stores `{0}` for unit j; all are stored after the
            last mean, so that states may be overwritten.

    Returns:
        Lines of C, indented by four.

    Raises:
        ExportError: C has no counterpart of an operation of the cell's.
    """
    program = cell.step
    plan = _plan(program)
    first = program.first_instruction
    names = [f"r{register}" for register in range(len(plan.phase))]
    for place, value in enumerate(program.constants, start=len(program.inputs)):
        names[place] = single(value) if value >= 0 else f"({single(value)})"
    truth = [False] * first + [operations[i.operation].truth for i in program.instructions]

    def computed(register: int) -> str:
        instruction = program.instructions[register - first]
        arguments = instruction.arguments
        if instruction.operation == "mean":
            over = arguments[0]
            found = f"sum{register} / {H}.0f" if plan.of_units[over] else names[over]
        elif instruction.operation in OPERATIONS:
            form = OPERATIONS[instruction.operation]
            found = form.format(*[names[argument] for argument in arguments], name=name)
        else:
            raise ExportError(
                f"cell {cell.name!r} uses {instruction.operation}, which has no counterpart in C "
                f"here; known are {', '.join((*OPERATIONS, 'mean'))}"
            )
        return f"const {'int' if truth[register] else 'float'} {names[register]} = {found};"

    lines = [f"{'int' if truth[r] else 'float'} kept{r}[{H}];" for r in sorted(plan.kept)]
    last = max(plan.phase)
    for phase in range(last + 1):
        now = [r for r in range(first, len(plan.phase)) if plan.phase[r] == phase]
        of_units = [register for register in now if plan.of_units[register]]
        lines += [computed(register) for register in now if not plan.of_units[register]]
        sums = {
            register: instruction.arguments[0]
            for register, instruction in program.numbered()
            if instruction.operation == "mean"
            and plan.phase[register] == phase + 1
            and plan.of_units[instruction.arguments[0]]
            and plan.phase[instruction.arguments[0]] == phase
        }
        lines += [f"float sum{register} = 0.0f;" for register in sums]
        read = {a for r in of_units for a in program.instructions[r - first].arguments}
        read |= {*sums.values()} | ({*program.results} if phase == last else set())
        loop = [
            f"const float r{place} = {load[input_name]}; /* {input_name} */"
            for place, input_name in enumerate(program.inputs)
            if place in read
        ]
        loop += [
            f"const {'int' if truth[r] else 'float'} r{r} = kept{r}[j];"
            for r in sorted(plan.kept & read)
            if plan.phase[r] < phase
        ]
        loop += [computed(register) for register in of_units]
        loop += [f"kept{r}[j] = r{r};" for r in of_units if r in plan.kept]
        loop += [f"sum{register} += {names[over]};" for register, over in sums.items()]
        if phase == last:
            loop += [s.format(names[r]) for s, r in zip(store, program.results, strict=True)]
        if loop:
            lines += [f"for (int j = 0; j < {H}; ++j) {{", *(f"    {line}" for line in loop), "}"]
    return [f"    {line}" for line in lines]
