"""What training recorded: one row an update."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from throughtime.report.numerals import number
from throughtime.report.table_file import read_columns


@dataclass(frozen=True)
class Epoch:
    """One pass over the training part.

    `loss` is the mean over its updates, `gradient_norm` the largest before clipping.
    """

    number: int
    update: float
    loss: float | None
    validation_loss: float | None
    gradient_norm: float | None


@dataclass(frozen=True)
class History:
    """The columns of `history.csv`; None stands for an empty cell and for NaN or infinity.

    `overflowed` are the updates whose gradient norm was no finite number, `resumed` those before
    which training was taken up again.
    """

    update: Sequence[float]
    epoch: Sequence[float | None]
    loss: Sequence[float | None]
    gradient_norm: Sequence[float | None]
    validation_loss: Sequence[float | None]
    clipped: Sequence[float | None]
    overflowed: Sequence[float] = ()
    resumed: Sequence[float] = ()

    def __len__(self) -> int:
        """Return the number of updates."""
        return len(self.update)

    def epochs(self) -> list[Epoch]:
        """Return the epochs in order."""
        rows: dict[int, list[int]] = {}
        for row, epoch in enumerate(self.epoch):
            if epoch is not None:
                rows.setdefault(int(epoch), []).append(row)
        return [self._epoch(name, of_epoch) for name, of_epoch in rows.items()]

    def _epoch(self, name: int, rows: list[int]) -> Epoch:
        losses = [loss for row in rows if (loss := self.loss[row]) is not None]
        norms = [norm for row in rows if (norm := self.gradient_norm[row]) is not None]
        return Epoch(
            number=name,
            update=self.update[rows[-1]],
            loss=sum(losses) / len(losses) if losses else None,
            validation_loss=self.validation_loss[rows[-1]],
            gradient_norm=max(norms, default=None),
        )


def read_history(path: Path) -> History:
    """Read `history.csv`.

    Args:
        path: The file.

    Raises:
        ValueError: The column `update` or `loss` is missing.
    """
    columns = read_columns(path, needed=["update", "loss"])
    rows = len(columns["update"])

    def numbers(name: str) -> list[float | None]:
        return [number(cell) for cell in columns.get(name, [""] * rows)]

    norms = columns.get("gradient_norm", [])
    # A row whose update is unreadable still counts: it takes the number of its row.
    updates = [row if found is None else found for row, found in enumerate(numbers("update"), 1)]
    return History(
        update=updates,
        epoch=numbers("epoch"),
        loss=numbers("loss"),
        gradient_norm=numbers("gradient_norm"),
        validation_loss=numbers("validation_loss"),
        clipped=numbers("clipped"),
        overflowed=[
            update
            for update, cell in zip(updates, norms, strict=False)
            if cell.strip() and number(cell) is None
        ],
        resumed=[update for update, flag in zip(updates, numbers("resumed"), strict=True) if flag],
    )
