"""Progress of a training on standard error: a live line in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from throughtime.train.history import Row

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID


class Progress:
    """A callback that shows epoch, loss, validation loss, gradient norm, steps/s and time left.

    Args:
        epochs: How many are planned.
        console: Where to show it; its `is_terminal` decides between a live bar and plain lines.
        every: Seconds between plain lines.
    """

    def __init__(self, epochs: int, console: Console, every: float = 2.0) -> None:
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        self.epochs = epochs
        self.console = console
        self.every = every
        self._live = console.is_terminal and not console.is_dumb_terminal
        self._steps = 0
        self._first: tuple[float, int] | None = None  # when the first epoch ended, steps until then
        self._started = self._shown = time.perf_counter()
        self._bar = Bar(
            TextColumn("epoch {task.completed:>4.0f}/{task.total:.0f}"),
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            console=console,
            transient=True,
            disable=not self._live,
        )
        self._task: TaskID = self._bar.add_task("", total=epochs)

    def __enter__(self) -> Progress:
        self._started = self._shown = time.perf_counter()
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def after_update(self, row: Row, steps: int) -> None:
        """Count the steps of an update."""
        self._steps += steps

    def after_epoch(self, row: Row) -> None:
        """Show where the training stands."""
        now = time.perf_counter()
        if self._first is None:  # it pays for what is imported and made on the way
            self._first = now, self._steps
        if self._live:
            self._bar.update(self._task, completed=row.epoch, description=self.described(row, now))
        elif now - self._shown >= self.every or row.epoch in (1, self.epochs):
            self._shown = now
            self.console.print(
                f"epoch {row.epoch}/{self.epochs}  {self.described(row, now)}",
                highlight=False,
                soft_wrap=True,
            )

    def described(self, row: Row, now: float) -> str:
        """Put a row into words."""
        began, before = self._first if self._first and row.epoch > 1 else (self._started, 0)
        spent = max(now - began, 1e-9)
        epochs = row.epoch - (row.epoch > 1)
        left = spent / epochs * (self.epochs - row.epoch)
        validation = (
            "" if row.validation_loss is None else f"  validation {row.validation_loss:.4g}"
        )
        return (
            f"loss {row.loss:.4g}{validation}  gradient {row.gradient_norm:.3g}"
            f"  {(self._steps - before) / spent:,.0f} steps/s  {_clock(left)} left"
        )


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"
