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
    # Over series of unlike sizes, errors in units of each say more than squares of them all.
    measure = "mase" if "series" in metrics else "arv"
    title = "Average relative variance, one step ahead"
    if "series" in metrics:
        title = f"Mean absolute scaled error over {metrics['series']} series, one step ahead"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    best: dict[str, float | None] = {}
    for period in periods:
        table.add_column(period, justify="right", min_width=5)
        known = [_of(score[period], measure) for score in scores.values()]
        best[period] = min((score for score in known if score is not None), default=None)
    for name, by_period in scores.items():
        table.add_row(
            name, *(_cell(_of(by_period[period], measure), best[period]) for period in periods)
        )
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

    from throughtime.report.numerals import percent

    if horizon is None:
        Console().print("No gradient flows back in time: it is zero, or not finite.")
        return
    for name, steps in zip(horizon["layers"], horizon["steps_by_layer"], strict=True):
        counted = "step" if steps == 1 else "steps"
        reach = "nowhere in the steps looked at" if steps is None else f"after {steps} {counted}"
        Console().print(
            f"{name.capitalize()}: on its way back in time a gradient falls to "
            f"{percent(horizon['fraction'])} of itself {reach}",
            highlight=False,
            soft_wrap=True,
        )


def _of(score: dict[str, Any] | None, measure: str) -> float | None:
    return None if score is None else score[measure]


def _cell(score: float | None, best: float | None) -> str:
    if score is None:
        return "-"
    text = f"{score:.3f}"
    return f"[bold]{text}[/]" if score == best else text
