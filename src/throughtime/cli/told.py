"""How well classes were told, as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def print_told(metrics: Mapping[str, Any]) -> None:
    """Print accuracies, and what each class was taken for."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from throughtime.report.wording import shown

    console = Console()
    if not console.is_terminal:
        console = Console(width=100)  # a file or a pipe has no width to mind
    scores = metrics["scores"]
    model, usual = scores["model"], scores["commonest class"]
    console.print(
        f"{model['accuracy']:.1%} of {model['count']} recordings are told right "
        f"({usual['accuracy']:.1%} if the commonest class were always told)",
        highlight=False,
    )
    classes, counts = metrics["confusion"]["classes"], metrics["confusion"]["counts"]
    table = Table(title="By class", title_justify="left")
    for title in ("class", "recordings", "told right", "taken for"):
        table.add_column(title, justify="left" if title in ("class", "taken for") else "right")
    for place, (name, row) in enumerate(zip(classes, counts, strict=True)):
        if not sum(row):
            continue
        others = sorted(
            ((count, other) for i, (count, other) in enumerate(zip(row, classes, strict=True))
             if count and i != place),
            key=lambda pair: -pair[0],
        )  # fmt: skip
        taken = ", ".join(f"{shown(other, 40)} ({count})" for count, other in others[:4])
        table.add_row(  # a label may look like markup
            Text(shown(name, 60)), str(sum(row)), f"{row[place] / sum(row):.0%}", Text(taken)
        )  # fmt: skip
    console.print(table)
