"""`throughtime cells`: the cells there are, and how each is computed and differentiated."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from throughtime.cells import find, registry
from throughtime.cli.errors import UsageError, reports_errors
from throughtime.equations import Cell

if TYPE_CHECKING:
    from rich.table import Table

_PIPED = 100  # columns, where the output is no terminal
_TABLE = 80  # columns that a table needs to be read
# A cell's documentation starts: `Name (Authors year): what it is.`
_SOURCE = re.compile(r"[^()]+ \(([^()]+)\):")

_PAGE = r"""# The cells

<!-- Written by a command; do not edit: throughtime cells --markdown > docs/cells.md -->

Each cell below is a function of a few lines in `src/throughtime/cells/`. What follows it is printed
from the programs that are run: the step, its adjoint, and the weight gradients.
`throughtime cells NAME` shows one of them in a terminal, and `print(cell.latex())` prints this for
any cell, yours too.

Inputs are $x_t$, outputs $y_t$, states have their names, and so have the activations of gates. $W$
and $b$ are the weights and bias of the inputs, $U$ and $c$ those of the recurrence, a set for each
gate; $a_{g,t}$ and $u_{g,t}$ are the products that gate $g$ is computed from. $\odot$ multiplies
unit by unit, as a fraction divides and a function acts. $\mathbf{1}[\cdot]$ is 1 where the
condition holds, else 0. Values without a name of their own are $q_{1,t}$, $q_{2,t}$, and so on.

$E$ is the error, and $\delta$ before a value is the derivative of $E$ by it, all later steps
included; $\delta_{1,t}$, $\delta_{2,t}$, ... are parts of such derivatives.
$\partial E/\partial y_t$ is the explicit derivative by an output, which the loss gives, and
$\partial E/\partial$ of a state at the last step $T$ the one by that final state, zero if the loss
does not read it. With these the recursion starts; it runs from the last step to the first (Werbos
1990; Williams & Peng 1990).

Parameters are counted for one unit, with $I$ inputs and $H$ units in the layer.
"""


@reports_errors
def cells(
    name: Annotated[
        str | None, typer.Argument(help="A cell to show; all are listed if left out.")
    ] = None,
    latex: Annotated[
        bool, typer.Option("--latex", help="Print its step, adjoint and gradients as LaTeX.")
    ] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the page of the docs, or a cell's part of it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is known as JSON.")] = False,
) -> None:
    """List the cells, or show one: its equations, its adjoint and the gradients.

    Example: throughtime cells gru --latex
    """
    if latex + markdown + as_json > 1:
        raise UsageError("--latex, --markdown and --json exclude each other; give one of them")
    cell = None if name is None else find(name)
    if latex:
        if cell is None:
            raise UsageError(f"--latex is of one cell; name it: {', '.join(registry)}")
        print(cell.latex())
    elif markdown:
        print(page() if cell is None else section(cell), end="")
    elif as_json:
        print(json.dumps([summary(c) for c in registry.values()] if cell is None else full(cell)))
    elif cell is None:
        _list()
    else:
        _show(cell)


def page() -> str:
    """Write docs/cells.md."""
    return "\n".join([_PAGE, *map(section, registry.values())])


def section(cell: Cell) -> str:
    """Write a cell's part of docs/cells.md."""
    derivation = cell.latex()
    parts = [f"## {cell.name}", _documentation(cell), _as_list(cell)]
    for title, text in (
        ("The step", derivation.step),
        ("Its adjoint", derivation.adjoint),
        ("The gradients", derivation.gradients),
    ):
        parts.append(f"{title}:\n\n```math\n{text}\n```")
    return "\n\n".join(parts) + "\n"


def summary(cell: Cell) -> dict[str, Any]:
    """Give what a cell declares, where it comes from, and its parameters a unit."""
    first = _documentation(cell).splitlines()[0]
    source = _SOURCE.match(first)
    return {
        "name": cell.name,
        "summary": first,
        "source": source and source.group(1),
        "states": list(cell.states),
        "together": list(cell.together),
        "gates": list(cell.gates),
        "input_gates": list(cell.input_gates),
        "recurrent_gates": list(cell.recurrent_gates),
        "units": list(cell.units),
        "constants": dict(cell.constants),
        "parameters_a_unit": parameters_a_unit(cell),
    }


def full(cell: Cell) -> dict[str, Any]:
    """Give all that there is to say of a cell."""
    derivation = cell.latex()
    return {
        **summary(cell),
        "documentation": _documentation(cell),
        "equations": equations(cell),
        "programs": {
            "step": str(cell.step),
            "forward": str(cell.adjoint.forward),
            "backward": str(cell.adjoint.backward),
        },
        "latex": {
            "step": derivation.step,
            "adjoint": derivation.adjoint,
            "gradients": derivation.gradients,
        },
    }


def parameters_a_unit(cell: Cell) -> str:
    """Count a cell's parameters a unit, with I inputs and H units: `3 (I + H + 2)`."""
    inputs, recurrent, alone = len(cell.input_gates), len(cell.recurrent_gates), len(cell.units)
    rows = [(inputs, "I", 1), (recurrent, "H", 1)]
    if inputs == recurrent:
        rows = [(inputs, "I + H", 2)]
    terms = []
    for gates, row, biases in rows:
        if gates == 1:
            terms.append(row)
            alone += biases
        elif gates > 1:
            terms.append(f"{gates} ({row} + {biases})")
    if alone:
        terms.append(str(alone))
    return " + ".join(terms) or "0"


def equations(cell: Cell) -> str:
    """Give a cell's equations as they are written, without the documentation."""
    source = textwrap.dedent(inspect.getsource(cell.function))
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return "\n".join(map(ast.unparse, body))


def _documentation(cell: Cell) -> str:
    return inspect.cleandoc(cell.__doc__ or "")


def _declarations(cell: Cell) -> dict[str, str]:
    """Give what a cell declares, in words; what it has none of is left out."""
    declared = {
        "states": " ".join(cell.states),
        "states that mean something only together": " ".join(cell.together),
        "gates": " ".join(cell.gates),
        "gates without W": " ".join(gate for gate in cell.gates if gate not in cell.input_gates),
        "gates without U": " ".join(
            gate for gate in cell.gates if gate not in cell.recurrent_gates
        ),
        "unit vectors": " ".join(cell.units),
        "constants": ", ".join(f"{name} = {value:g}" for name, value in cell.constants.items()),
        "parameters a unit": parameters_a_unit(cell),
    }
    return {what: text for what, text in declared.items() if text}


def _as_list(cell: Cell) -> str:
    return "\n".join(f"- {what}: `{text}`" for what, text in _declarations(cell).items())


def _list() -> None:
    import sys

    from rich.console import Console

    # What is piped on is the same whatever the terminal that it comes from.
    console = Console() if sys.stdout.isatty() else Console(width=_PIPED)
    if console.width < _TABLE:
        for known in map(summary, registry.values()):
            print(_entry(known, console.width), end="\n\n")
    else:
        console.print(_table())
    console.print(
        "I inputs and H units in the layer; throughtime cells NAME shows one of them",
        highlight=False,
    )


def _entry(known: dict[str, Any], width: int) -> str:
    """Write what is known of a cell below its name, for a terminal too narrow for a table."""
    lines = [
        known["summary"],
        f"states: {' '.join(known['states'])}",
        f"gates: {' '.join(known['gates'])}",
        f"parameters a unit: {known['parameters_a_unit']}",
    ]
    indented = [
        textwrap.fill(line, max(width, 20), initial_indent="  ", subsequent_indent="  ")
        for line in lines
    ]
    return "\n".join([known["name"], *indented])


def _table() -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_lines=True)
    table.add_column("cell", ratio=1, min_width=max(map(len, registry)))
    for title in ("states", "gates", "parameters a unit"):
        table.add_column(title, no_wrap=True)
    for known in map(summary, registry.values()):
        table.add_row(
            f"[bold]{known['name']}[/]\n{escape(known['summary'])}",
            " ".join(known["states"]),
            " ".join(known["gates"]),
            known["parameters_a_unit"],
        )
    return table


def _show(cell: Cell) -> None:
    parts = [
        f"{cell.name}: {_documentation(cell)}",
        "\n".join(f"{what}: {text}" for what, text in _declarations(cell).items()),
        f"Equations\n{textwrap.indent(equations(cell), '  ')}",
    ]
    for title, program in (
        ("Step, as a program, with what it keeps for the adjoint", cell.adjoint.forward),
        ("Adjoint, as a program", cell.adjoint.backward),
    ):
        parts.append(f"{title}\n{textwrap.indent(str(program), '  ')}")
    parts.append(f"LaTeX\n{textwrap.indent(str(cell.latex()), '  ')}")
    print("\n\n".join(parts))
