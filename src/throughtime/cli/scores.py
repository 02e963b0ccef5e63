"""The scores of a run as a table for people."""

from __future__ import annotations

from typing import Any


def print_scores(metrics: dict[str, Any]) -> None:
    """Print the scores of the test periods, the best of each marked, and how far gradients reach.

    Args:
        metrics: As they stand in a run's metrics.json.
    """
    from rich.console import Console
    from rich.table import Table

    scores: dict[str, dict[str, Any]] = metrics["scores"]
    periods = list(scores["model"])
    table = Table(
        title="Average relative variance, one step ahead",
        title_justify="left",
    )
    table.add_column("")
    best: dict[str, float | None] = {}
    for period in periods:
        table.add_column(period, justify="right", min_width=5)
        known = [score[period]["arv"] for score in scores.values() if score[period]]
        best[period] = min(known, default=None)
    for name, by_period in scores.items():
        table.add_row(name, *(_cell(by_period[period], best[period]) for period in periods))
    console = Console()
    if not console.is_terminal:
        console = Console(width=100)  # a file or a pipe has no width to mind
    console.print(table)
    print_horizon(metrics["gradient_horizon"])


def print_horizon(horizon: dict[str, Any] | None) -> None:
    """Print how far gradients reach, layer by layer.

    Args:
        horizon: As it stands in a run's metrics.json.
    """
    from rich.console import Console

    if horizon is None:
        Console().print("No gradient flows back in time: it is zero, or not finite.")
        return
    for name, steps in zip(horizon["layers"], horizon["steps_by_layer"], strict=True):
        reach = "has not yet within the steps looked at" if steps is None else f"{steps} steps"
        Console().print(
            f"{name.capitalize()}: a gradient falls to {horizon['fraction']:.0%} of itself on its "
            f"way back in time after: {reach}",
            highlight=False,
            soft_wrap=True,
        )


def _cell(score: dict[str, Any] | None, best: float | None) -> str:
    if score is None:
        return "-"
    text = f"{score['arv']:.3f}"
    return f"[bold]{text}[/]" if score["arv"] == best else text
