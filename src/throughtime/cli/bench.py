"""`throughtime bench`: how fast recurrent layers train here, beside other libraries."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from throughtime.cells import find
from throughtime.cli.errors import UsageError, reports_errors
from throughtime.cli.racing import (
    ODD,
    SIZES,
    DisagreementError,
    Peak,
    Races,
    Result,
    run,
    sizes_of,
)
from throughtime.cli.racing.outcome import as_record, heading, notes, summary, table

_PRECISIONS = ("float32", "float64")


@reports_errors
def bench(
    cells: Annotated[
        str, typer.Option(help="Cells apart by commas; throughtime cells lists them.")
    ] = "elman,gru,lstm",
    sizes: Annotated[
        str | None,
        typer.Option(
            help='"B,T,I,H;..." (rows, time steps, inputs, units); seven from small to large if '
            "left out."
        ),
    ] = None,
    odd: Annotated[bool, typer.Option("--odd", help="Add sizes that no vector divides.")] = False,
    threads: Annotated[
        int | None, typer.Option(help="Threads of everyone; torch's default if left out.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
    repeats: Annotated[
        int, typer.Option(help="Rounds of a race, at least; medians are given.")
    ] = 7,
    lengths: Annotated[
        bool,
        typer.Option(
            "--lengths",
            help="Give each row its own length, from 10 to T; torch packs the sequences.",
        ),
    ] = False,
    inference: Annotated[
        bool, typer.Option("--inference", help="Race forward passes without gradients too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Race training steps against torch.nn, and JAX if it is installed, results compared first.

    A training step is a forward and a backward pass with the gradients of inputs, states and
    weights. A cell that torch does not have is raced against a Python loop in torch. Nobody is
    timed whose results differ: the command then ends with status 1.

    Example: throughtime bench --cells gru --sizes "32,100,16,64" --inference
    """
    races = plan(cells, sizes, odd, threads, dtype, repeats, lengths, inference)
    found: list[Result] = []
    interrupted = False
    peak = Peak(races.dtype, races.threads)
    try:
        peak.measure()
        with _Telling(len(races)) as tell:
            for result in run(races, tell):
                found.append(result)
                peak.measure()
    except DisagreementError as wrong:
        print(f"throughtime: {wrong}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        interrupted = True
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate" not in str(error):
            raise
        raise UsageError(
            "there is not enough memory for a size this large; give fewer rows, steps or units "
            "(--sizes)"
        ) from None
    _print(races, found, peak, as_json)
    if interrupted:
        done = f"{len(found)} of {len(races)} races are done"
        print(f"throughtime: interrupted; {done}", file=sys.stderr)
        raise SystemExit(130)


def plan(
    cells: str,
    sizes: str | None,
    odd: bool,
    threads: int | None,
    dtype: str,
    repeats: int,
    lengths: bool,
    inference: bool,
) -> Races:
    """Check what was asked for.

    Raises:
        UsageError: A size, number or precision is none.
        CellError: No cell has that name.
    """
    import torch

    from throughtime.cli.machine import instruction_sets

    names = tuple(find(name.strip()).name for name in cells.split(",") if name.strip())
    if not names:
        raise UsageError("--cells names none; give names such as elman,gru,lstm")
    if dtype not in _PRECISIONS:
        raise UsageError(f"--dtype is {dtype!r}; {' or '.join(_PRECISIONS)} is expected")
    for option, number in (("--threads", threads), ("--repeats", repeats)):
        if number is not None and number < 1:
            raise UsageError(f"{option} is {number}; a whole number from 1 is expected")
    try:
        instruction_sets()
    except ValueError as error:
        raise UsageError(f"{error}; set it to one of these, or unset it") from None
    chosen = SIZES if sizes is None else sizes_of(sizes)
    return Races(
        cells=names,
        sizes=chosen + ODD if odd else chosen,
        threads=torch.get_num_threads() if threads is None else threads,
        dtype=getattr(torch, dtype),
        ragged=lengths,
        inference=inference,
        repeats=repeats,
    )


def _print(races: Races, found: list[Result], peak: Peak, as_json: bool) -> None:
    if as_json:
        results = [as_record(result, peak) for result in found]
        print(json.dumps({**summary(races, peak), "results": results}))
        return
    from rich.console import Console
    from rich.table import Table

    # A table that is written to a file is not to be cut to the width of no terminal.
    console = Console(width=None if sys.stdout.isatty() else 132, highlight=False)
    console.print(heading(races, peak), markup=False)
    for training in (True, False):
        some = [result for result in found if result.training is training]
        if not some:
            continue
        titles, rows = table(some, peak)
        drawn = Table(
            title="Training step, microseconds a time step"
            if training
            else "Inference step, microseconds a time step",
            title_justify="left",
        )
        for title in titles:
            drawn.add_column(title, justify="left" if title == "cell" else "right")
        for row in rows:
            drawn.add_row(*row)
        console.print(drawn)
    for note in notes(found):
        console.print(note, markup=False)


class _Telling:
    """Says on standard error what is being raced, on one line of a terminal."""

    def __init__(self, total: int) -> None:
        from rich.console import Console

        self.total, self.done = total, 0
        self.status = Console(stderr=True).status("")

    def __call__(self, what: str) -> None:
        self.done += 1
        self.status.update(f"{self.done} of {self.total}: {what}")

    def __enter__(self) -> _Telling:
        self.status.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.status.stop()
