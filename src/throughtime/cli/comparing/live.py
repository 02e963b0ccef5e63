"""A comparison on standard error: a live table in a terminal, a line a trial elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from throughtime.cli.comparing.contest import Contest
from throughtime.train.comparison import Point, Trial

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_TITLES = (
    ("seed", "spent", "updates", "sequences", "loss", "score", "cosine"),
    ("seed", "spent", "updates", "score", "cosine"),
    ("spent", "score", "cosine"),
    ("spent", "score"),
)
"""What is shown of a trial beside the method's name, from wide terminals to narrow ones."""


class Live:
    """Shows where each method stands.

    Args:
        contest: What is compared.
        console: Where to show it.

    Attributes:
        trials: All that were begun, in order.
    """

    def __init__(self, contest: Contest, console: Console) -> None:
        from rich.live import Live as Display

        self.contest, self.console = contest, console
        self.trials: list[Trial] = []
        terminal = console.is_terminal and not console.is_dumb_terminal
        self._display = Display(self._table(), console=console) if terminal else None

    def __call__(self, trial: Trial) -> None:
        """Take note of a point of a trial."""
        if not self.trials or self.trials[-1] is not trial:
            self.trials.append(trial)
        if self._display is not None:
            self._display.update(self._table())
        elif trial.failure or trial.points[-1].share == 1.0:
            self.console.print(
                f"{trial.method}, seed {trial.seed}: {described(trial)}",
                markup=False, highlight=False, soft_wrap=True,
            )  # fmt: skip

    def __enter__(self) -> Live:
        contest = self.contest
        total = len(contest.contenders) * len(contest.seeds)
        self.console.print(
            f"{contest.text}: {contest.network}; {total} training{'s' if total > 1 else ''} of "
            f"{contest.budget} each",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
        if self._display is not None:
            self._display.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._display is not None:
            self._display.stop()

    def _table(self) -> Table:
        from rich.table import Table

        table = Table()
        for titles in _TITLES:  # as many columns as fit beside each other
            table = Table()
            table.add_column("method")
            for title in titles:
                table.add_column(title, justify="right")
            latest = {trial.method: trial for trial in self.trials}
            for contender in self.contest.contenders:
                trial = latest.get(contender.name)
                figures = {} if trial is None else _standing(trial)
                table.add_row(contender.name, *(figures.get(title, "") for title in titles))
            if fits(table, self.console):
                break
        return table


def fits(table: Table, console: Console) -> bool:
    """Whether a table can be shown in a terminal with nothing folded or cut off."""
    unbounded = console.options.update(width=10_000)
    return console.measure(table, options=unbounded).maximum <= console.width


def _standing(trial: Trial) -> dict[str, str]:
    """Give where a trial stands, by title."""
    point = trial.points[-1]
    loss, score, cosine = _figures(point)
    return {
        "seed": str(trial.seed),
        "spent": "failed" if trial.failure else f"{100 * point.share:.0f} %",
        "updates": f"{point.updates:,}",
        "sequences": f"{point.sequences:,}",
        "loss": loss,
        "score": score,
        "cosine": cosine,
    }


def described(trial: Trial) -> str:
    """Put where a trial stands into words."""
    point = trial.points[-1]
    loss, score, cosine = _figures(point)
    said = (
        f"loss {loss}, score {score}, cosine {cosine}, after {point.updates:,} updates from "
        f"{point.sequences:,} sequences in {point.seconds:.1f} s"
    )
    return f"{said}; ended early: {trial.failure}" if trial.failure else said


def _figures(point: Point) -> tuple[str, str, str]:
    return (
        "-" if point.loss is None else f"{point.loss:.4g}",
        "-" if point.score is None else f"{point.score:.4g}",
        "-" if point.cosine is None else f"{point.cosine:.2f}",
    )
