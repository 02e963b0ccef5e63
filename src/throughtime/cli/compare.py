"""`throughtime compare`: gradient methods beside each other on one task."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from throughtime.cli.errors import reports_errors
from throughtime.cli.machine import use_threads
from throughtime.data.tasks import registry as tasks
from throughtime.gradients import registry as methods_known

if TYPE_CHECKING:
    from throughtime.cli.comparing.contest import Contest

TASK, NETWORK, BUDGET, TRAINING, OUTPUT = "Task", "Network", "Budget", "Training", "Output"


def _option(panel: str, text: str) -> Any:
    return typer.Option(help=text, rich_help_panel=panel)


@reports_errors
def compare(
    task: Annotated[
        str,
        _option(TASK, f"One of {', '.join(tasks)}; with arguments after colons: adding:T=50."),
    ] = "adding",
    methods: Annotated[
        str,
        _option(
            TASK,
            f"Apart by commas, each one of {', '.join(methods_known)}; with arguments after colons "
            "and a learning rate of its own after @: tbptt:10:50,rtrl,snap:1,es:64:0.05@0.03. "
            "None goes with es:64:optimizer=cma, which proposes weights and is not clipped.",
        ),
    ] = "bptt,tbptt:10,tbptt:10:50,rtrl,es",
    cell: Annotated[str, _option(NETWORK, "throughtime cells lists them.")] = "gru",
    hidden: Annotated[int, _option(NETWORK, "Units a layer.")] = 16,
    layers: Annotated[int, _option(NETWORK, "Layers.")] = 1,
    seconds: Annotated[
        float | None,
        _option(BUDGET, "Seconds of training for each method and seed; 10 if no budget is given."),
    ] = None,
    updates: Annotated[
        int | None, _option(BUDGET, "Updates of the weights for each, in place of seconds.")
    ] = None,
    sequences: Annotated[
        int | None, _option(BUDGET, "Training sequences for each, in place of seconds.")
    ] = None,
    seeds: Annotated[int, _option(BUDGET, "How many seeds, from 0 on.")] = 1,
    rows: Annotated[int, _option(TRAINING, "Sequences in a batch.")] = 20,
    optimizer: Annotated[str, _option(TRAINING, "One of torch's, such as adam.")] = "adam",
    learning_rate: Annotated[
        float, _option(TRAINING, "Of methods without one of their own.")
    ] = 0.003,
    clip: Annotated[float, _option(TRAINING, "Largest gradient norm; 0 for no limit.")] = 1.0,
    test_rows: Annotated[int, _option(TRAINING, "Held-out sequences, for scores.")] = 500,
    points: Annotated[int, _option(OUTPUT, "How often each training is looked at.")] = 20,
    out: Annotated[
        Path | None, _option(OUTPUT, "The folder; runs/compare-TASK-TIME if left out.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the results as JSON.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Train the same network on the same task by several gradient methods, and compare.

    All have the same seeds, sequences and budget. Along the way each method's gradient is compared
    with that of full backpropagation. Writes comparison.csv, .json, .png and report.html.

    Example: throughtime compare --task adding:T=50 --methods bptt,tbptt:10,rtrl --seconds 5
    """
    from throughtime.cli.comparing.contest import contest_of

    contest = contest_of(
        task=task,
        methods=methods,
        cell=cell,
        hidden=hidden,
        layers=layers,
        budget={"seconds": seconds, "updates": updates, "sequences": sequences},
        seeds=seeds,
        rows=rows,
        optimizer=optimizer,
        learning_rate=learning_rate,
        clip=clip,
        test_rows=test_rows,
        points=points,
    )
    _run(contest, out, as_json)


def _run(contest: Contest, out: Path | None, as_json: bool) -> None:
    from rich.console import Console

    from throughtime.cli.comparing.live import Live
    from throughtime.cli.comparing.outcome import printed, record, write
    from throughtime.train.comparison import trials
    from throughtime.train.run_folder import RunFolder, uninterrupted

    use_threads(contest.hidden, contest.setting.rows)
    memory = contest.rehearse()
    interrupted = False
    with RunFolder(f"compare-{contest.task.name}", out) as folder:
        with Live(contest, Console(stderr=True)) as live:
            try:
                trials(
                    contest.setting, contest.contenders, contest.seeds, contest.budget,
                    contest.points, live,
                )  # fmt: skip
            except KeyboardInterrupt:
                interrupted = True
        done = live.trials
        if not any(len(trial.points) > 1 for trial in done):
            print("throughtime: interrupted before there was anything to compare", file=sys.stderr)
            raise SystemExit(130)
        with uninterrupted():
            found = record(contest, done, memory, interrupted)
            write(folder.path, found, done)
            folder.keep()
    if as_json:
        print(json.dumps({"folder": str(folder.final), **found}, allow_nan=False))
    else:
        printed(found)
        print(f"everything about this comparison: {folder.final}/report.html")
    if interrupted:
        print("throughtime: interrupted; what was done so far is saved", file=sys.stderr)
        raise SystemExit(130)
