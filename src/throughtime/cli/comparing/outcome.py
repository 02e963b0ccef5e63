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
from throughtime.cli.machine import surroundings
from throughtime.estimators.saved import write_json
from throughtime.report.comparison import write_comparison_page, write_comparison_picture
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
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 132, highlight=False)
    task = found["task"]
    table = Table(
        title=f"{task['text']}: {task['measure']} after {found['budget']} each; "
        f"{task['mark']:g} or less is solved",
        title_justify="left",
    )
    titles = (
        "score", "solved", "updates", "sequences", "cosine", "norm ratio", "us a step", "MiB",
    )  # fmt: skip
    table.add_column("method")
    for title in titles:
        table.add_column(title, justify="right")
    for method in found["methods"]:
        step, memory = method["seconds_a_step"], method["memory"]
        table.add_row(
            method["method"],
            short(method["score"]),
            f"{method['solved']} of {method['seeds']}",
            f"{method['updates']:,.0f}",
            f"{method['sequences']:,.0f}",
            MISSING if method["cosine"] is None else f"{method['cosine']:.2f}",
            short(method["norm_ratio"]),
            short(None if step is None else 1e6 * step),
            short(None if memory is None else memory / 2**20),
        )
    console.print(table)
    for method in found["methods"]:
        if method["failed"]:
            console.print(
                f"{method['method']} ended early on {method['failed']} of {method['seeds']} "
                f"seeds: {method['failure']}",
                markup=False,
            )
