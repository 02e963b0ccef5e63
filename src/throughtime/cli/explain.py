"""`throughtime explain`: backpropagation through time on given numbers, every product shown."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from throughtime.cli.errors import UsageError, reports_errors
from throughtime.cli.output import refuse_to_harm, refuse_to_write_over, written_text

if TYPE_CHECKING:
    from throughtime.cli.explaining.example import Example
    from throughtime.report.explanation.document import Document

FORMATS = {"terminal": None, "markdown": ".md", "latex": ".tex", "html": ".html"}
"""The forms of an explanation, with the ending of their files."""
_STEPS, _UNITS, _NUMBERS = 1000, 3, 2_000_000
_PIPED = 100  # columns, where the output is no terminal


@reports_errors
def explain(
    run: Annotated[
        Path | None,
        typer.Argument(help="A run folder of `throughtime train`; a drawn network if left out."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="A file for the run's network; its own observations if left out."),
    ] = None,
    cell: Annotated[str | None, typer.Option(help="The cell; elman, the textbook's.")] = None,
    units: Annotated[int | None, typer.Option(help=f"Units, 1 to {_UNITS}.")] = None,
    steps: Annotated[int, typer.Option(help="Steps unrolled.")] = 3,
    seed: Annotated[int | None, typer.Option(help="What the numbers are drawn from; 0.")] = None,
    output: Annotated[
        str | None, typer.Option(help="The function g_2 of the output; identity.")
    ] = None,
    learning_rate: Annotated[float, typer.Option(help="Of the one update.")] = 0.1,
    form: Annotated[
        str | None, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A file to write; its ending gives the format.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all numbers as JSON.")] = False,
) -> None:
    """Work out backpropagation through time by hand, every term of it.

    Example: throughtime explain --steps 3 --out three-steps.html
    """
    if as_json and form is not None:
        raise UsageError("--json and --format exclude each other; give one of them")
    chosen = _form(form, out, as_json)
    if not 1 <= steps <= _STEPS:
        raise UsageError(
            f"--steps is {steps}; 1 to {_STEPS} can be worked out (from the ninth on, the middle "
            "is folded)"
        )
    if not 0 < learning_rate < float("inf"):
        raise UsageError(f"--learning-rate is {learning_rate}; a number above 0 is expected")
    if run is not None:
        given = {"--cell": cell, "--units": units, "--seed": seed, "--output": output}
        if named := [name for name, value in given.items() if value is not None]:
            raise UsageError(f"{run} has its own network; leave out {', '.join(named)}")
        from throughtime.cli.explaining.trained import trained

        if out is not None:
            refuse_to_write_over(out, data)
            refuse_to_harm(out, run)
        example = trained(run, data, steps)
    elif data is not None:
        raise UsageError("--data is the series of a run; name the run folder too")
    else:
        example = _drawn(cell, units, steps, seed, output)

    from throughtime.cli.explaining.work_out import work_out

    numbers = steps * sum(parameter.numel() for parameter in example.network.parameters())
    if numbers > _NUMBERS:
        raise UsageError(
            f"{steps} steps of this network have {numbers:,} terms, {_NUMBERS:,} at most are "
            f"worked out; give --steps {max(1, _NUMBERS * steps // numbers)} or fewer"
        )
    try:
        worked = work_out(example, learning_rate)
    except FloatingPointError as error:
        raise UsageError(
            f"the numbers grow beyond all bounds ({error}); give another --seed, fewer --steps or "
            "a smaller --learning-rate"
        ) from error
    if as_json:
        _hand_over(json.dumps(worked.as_dict()) + "\n", out)
        return
    from throughtime.report.explanation import explanation

    _write(explanation(worked), chosen, out)


def _form(form: str | None, out: Path | None, as_json: bool) -> str:
    """Choose a form by its name, or by the ending of the file."""
    if form is not None and form not in FORMATS:
        raise UsageError(f"unknown format {form!r}; known are {', '.join(FORMATS)}")
    if form is not None or out is None or as_json:
        return form or "terminal"
    for name, ending in FORMATS.items():
        if out.suffix.lower() in (ending, ".htm" if name == "html" else ending):
            return name
    endings = ", ".join(ending for ending in FORMATS.values() if ending)
    raise UsageError(
        f"{out} ends in none of {endings}; name the file so, or give --format: {', '.join(FORMATS)}"
    )


def _drawn(
    cell: str | None, units: int | None, steps: int, seed: int | None, output: str | None
) -> Example:
    from throughtime.cli.explaining.example import drawn
    from throughtime.report.explanation.functions import functions

    if units is not None and not 1 <= units <= _UNITS:
        raise UsageError(
            f"--units is {units}; 1 to {_UNITS} can be written out (throughtime explain RUN "
            "sums up larger networks)"
        )
    known = [name for name in functions if name != "relu"]
    if output is not None and output not in known:
        raise UsageError(f"unknown output function {output!r}; known are {', '.join(known)}")
    return drawn(cell or "elman", units or 1, steps, seed or 0, output or "identity")


def _write(document: Document, form: str, out: Path | None) -> None:
    """Print a document, or write it to a file."""
    from throughtime.report.explanation.latex import latex
    from throughtime.report.explanation.markdown import markdown
    from throughtime.report.explanation.page import page

    writers = {"markdown": markdown, "latex": latex, "html": page}
    if form in writers:
        _hand_over(writers[form](document), out)
        return
    from rich.console import Console

    from throughtime.report.explanation.terminal import print_explanation

    file = None if out is None else io.StringIO()
    console = Console(highlight=False, file=file)
    if not console.is_terminal:
        console = Console(highlight=False, file=file, width=_PIPED)
    print_explanation(document, console)
    if file is not None:
        _hand_over(file.getvalue(), out)


def _hand_over(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
        return
    with written_text(out) as file:
        file.write(text)
    print(out)
