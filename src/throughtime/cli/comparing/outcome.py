"""What a comparison came to: recorded, written, and printed as a table."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch

from throughtime.cli.comparing.contest import Contest
from throughtime.cli.comparing.live import fits
from throughtime.cli.machine import surroundings
from throughtime.estimators.saved import write_json
from throughtime.report.comparison import write_comparison_page, write_comparison_picture
from throughtime.report.comparison.page import reached
from throughtime.report.comparison.recorded import CURVES, FIGURES, FORMAT
from throughtime.report.numerals import MISSING, short
from throughtime.train.comparison import Point, Trial, summarised


def record(
    contest: Contest,
    done: Sequence[Trial],
    memory: Mapping[str, int | None],
    interrupted: bool,
) -> dict[str, Any]:
    """Give everything but the curves, for JSON.

    Args:
        contest: What was compared.
        done: The trials, the last one perhaps cut short.
        memory: What each method takes.
        interrupted: Whether some trials are missing.
    """
    from throughtime import __version__

    setting, task = contest.setting, contest.task
    methods = []
    for contender in contest.contenders:
        own = [trial for trial in done if trial.method == contender.name]
        if own:
            summary = summarised(contender.name, own, task, memory[contender.name])
            rate = contender.learning_rate or setting.learning_rate
            methods.append(
                {
                    **asdict(summary),
                    "made": repr(contender.method(0)),
                    "learning_rate": 1.0 if contender.method(0).whole_step else rate,
                }
            )
    return {
        "format": FORMAT,
        "throughtime": __version__,
        "interrupted": interrupted,
        "budget": str(contest.budget),
        "seeds": list(contest.seeds),
        "task": {
            "name": task.name,
            "text": contest.text,
            "measure": task.measure,
            "mark": task.mark,
            "constant": task.constant and round(task.constant, 6),
        },
        "network": {"network": contest.network},
        "training": {
            "rows": setting.rows,
            "test_rows": setting.test_rows,
            "optimizer": setting.optimizer,
            "learning_rate": setting.learning_rate,
            "clip": setting.clip,
        },
        "machine": surroundings(torch.get_num_threads()),
        "methods": methods,
    }


def write(folder: Path, found: dict[str, Any], done: Sequence[Trial]) -> None:
    """Write curves, figures, picture and page into a folder."""
    with (folder / CURVES).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = [field.name for field in fields(Point)]
        writer.writerow(["method", "seed", *names])
        for trial in done:
            for point in trial.points:
                writer.writerow([trial.method, trial.seed, *(getattr(point, n) for n in names)])
    write_json(folder / FIGURES, found)
    write_comparison_picture(folder)
    write_comparison_page(folder)


def printed(found: dict[str, Any]) -> None:
    """Print what each method came to."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 132, highlight=False)
    task = found["task"]
    title = (
        f"{task['text']}: {task['measure']} after {found['budget']} each; "
        f"{reached(task['mark'])} is solved"
    )
    rows = [(method["method"], _figures(method)) for method in found["methods"]]
    table = Table(title=title, title_justify="left")
    table.add_column("method")
    for name in rows[0][1]:
        table.add_column(name, justify="right")
    for method, figures in rows:
        table.add_row(escape(method), *figures.values())
    if fits(table, console):
        console.print(table)
    else:  # a block a method
        console.print(title, markup=False)
        for method, figures in rows:
            console.print(f"\n{method}", markup=False)
            widest = max(map(len, figures))
            for name, figure in figures.items():
                console.print(f"  {name:{widest}}  {figure}", markup=False)
    for method in found["methods"]:
        if method["failed"]:
            console.print(
                f"{method['method']} ended early on {method['failed']} of {method['seeds']} "
                f"seeds: {method['failure']}",
                markup=False,
            )


def _figures(method: Mapping[str, Any]) -> dict[str, str]:
    """Give what is printed of a method, by title."""
    step, memory, cosine = method["seconds_a_step"], method["memory"], method["cosine"]
    return {
        "score": short(method["score"]),
        "solved": f"{method['solved']} of {method['seeds']}",
        "updates": f"{method['updates']:,.0f}",
        "sequences": f"{method['sequences']:,.0f}",
        "cosine": MISSING if cosine is None else f"{cosine:.2f}",
        "norm ratio": short(method["norm_ratio"]),
        "us a step": short(None if step is None else 1e6 * step),
        "MiB": short(None if memory is None else memory / 2**20),
    }
