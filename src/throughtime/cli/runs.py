"""`throughtime runs`: the run folders there are, beside each other."""

from __future__ import annotations

import datetime
import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from throughtime.cli.errors import UsageError, reports_errors

if TYPE_CHECKING:
    from throughtime.report.runs import RunSummary

_PIPED = 140  # columns, where the output is no terminal
_TABLE = 100  # columns that the table needs to be read


class By(StrEnum):
    """What runs can be sorted by."""

    FOLDER = "folder"
    DATA = "data"
    CELL = "cell"
    METHOD = "method"
    EPOCHS = "epochs"
    SCORE = "score"
    STATE = "state"
    WRITTEN = "written"


@reports_errors
def runs(
    place: Annotated[Path, typer.Argument(help="The folder that the run folders lie in.")] = Path(
        "runs"
    ),
    sort: Annotated[
        By,
        typer.Option(
            help="The column to sort by. Scores of the same measure stand together, the best first "
            "of accuracies, else the lowest; what has none comes last."
        ),
    ] = By.WRITTEN,
    reverse: Annotated[bool, typer.Option("--reverse", help="The other way round.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List the run folders in a place: what was trained, how far, and how well.

    A run that is "stopped" is gone on with by `throughtime resume`, or is being trained now.

    Example: throughtime runs --sort score
    """
    from throughtime.report.runs import is_run, runs_in

    if is_run(place):
        raise UsageError(
            f"{place} is a run folder itself; give the folder that it lies in, {place.parent}"
        )
    if not place.is_dir():
        raise UsageError(
            f"{place} is no folder; give the one that run folders lie in, or train one first: "
            "throughtime train sunspots"
        )
    try:
        found = sorted_by(sort, runs_in(place), reverse)
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror or error}") from None
    if as_json:
        print(json.dumps([run.as_dict() for run in found], allow_nan=False))
    elif found:
        _print(found)
    else:
        print(f"no run folders in {place}")


def sorted_by(sort: By, found: list[RunSummary], reverse: bool = False) -> list[RunSummary]:
    """Sort runs by a column; what has no value there comes last, whichever way round."""

    def value(run: RunSummary) -> Any:
        if sort is By.SCORE:
            better = -1 if run.measure.startswith("accuracy") else 1
            return None if run.score is None else (run.measure, better * run.score)
        return getattr(run, sort.value)

    known = [run for run in found if value(run) is not None]
    # The last that was written stands at the foot of a terminal, where one looks.
    known.sort(key=value, reverse=reverse)
    return known + [run for run in found if value(run) is None]


def _print(found: list[RunSummary]) -> None:
    import sys

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else _PIPED, highlight=False)
    if console.width < _TABLE:
        for run in found:
            name, *rest = (part for part in _said(run) if part)
            console.print(Text.assemble((name, "bold"), ": ", ", ".join(rest)))
    else:
        table = Table()
        for name in ("run", "data", "network", "method"):
            table.add_column(name, overflow="fold")
        for name in ("epochs", "score"):
            table.add_column(name, justify="right", no_wrap=True)
        for name in ("of", "state", "written"):
            table.add_column(name, overflow="fold")
        for run in found:
            table.add_row(*map(Text, _said(run, table=True)))
        console.print(table)
    for run in found:
        if run.fault:
            console.print(Text(f"{run.folder.name} is damaged: {run.fault}"))


def _said(run: RunSummary, table: bool = False) -> tuple[str, ...]:
    """Say what is known of a run, column by column; out of a table with what the numbers are."""
    network = f"{run.cell} {run.hidden}" if run.hidden else run.cell
    if (run.layers or 1) > 1:
        network += f" x {run.layers}"
    epochs = "" if run.epochs is None else f"{run.epochs:,}"
    score, measure = "" if run.score is None else f"{run.score:.4g}", run.measure
    if not table:
        epochs = epochs and f"epoch {epochs}"
        score, measure = f"{score} {measure}".strip(), ""
    when = datetime.datetime.fromtimestamp(run.written).strftime("%Y-%m-%d %H:%M")
    return (
        run.folder.name, run.data, network, run.method, epochs, score, measure, run.state, when,
    )  # fmt: skip
