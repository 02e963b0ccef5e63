"""The temporal order problem."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.data.batch import Batch
from throughtime.data.tasks.asked import NOT_ASKED, Loss, Masked, cross_entropy
from throughtime.data.tasks.task import Task, drawn, one_hot, share_wrong, whole

_TENTHS = {2: (0.1, 0.5), 3: (0.1, 0.33, 0.66)}
_X, _E, _B = 4, 6, 7  # after the distractors 0 to 3: X and Y, then the signs of start and end


@dataclass(frozen=True)
class TemporalOrder(Task):
    """Name the order of a few symbols (Hochreiter & Schmidhuber 1997, tasks 6a and 6b).

    A sequence starts with E and ends with B; between them are random distractors a, b, c, d, and at
    a few places X or Y. At B the order of these is asked for: of two, one of four classes (6a); of
    three, one of eight (6b). For T = 100 everything is where the paper has it: lengths from 100 to
    110; the places in steps 10 to 20 and 50 to 60, or 10 to 20, 33 to 43 and 66 to 76. For another
    T it is that in proportion.

    Rows differ in length, so after B a row has zeros, and nothing is asked of them.

    Args:
        T: Steps of the shortest sequence, at least 20. All have `T + T // 10` steps with the zeros.
        symbols: How many X or Y there are: 2 (6a) or 3 (6b).
    """

    T: int = 100
    symbols: int = 2
    name = "temporal_order"
    measure = "share of the rows whose class is wrong"
    mark = 0.01
    input_size = 8

    def __post_init__(self) -> None:
        whole("T", self.T, 20)
        if self.symbols not in _TENTHS:
            raise ValueError(f"symbols must be 2 (task 6a) or 3 (task 6b), got {self.symbols!r}")

    @property
    def output_size(self) -> int:
        """A column for each order."""
        return int(2**self.symbols)

    @property
    def constant(self) -> float:
        """One order for all is right in one case of all orders."""
        return 1 - 1 / self.output_size

    @property
    def steps(self) -> int:
        """Steps of the longest sequence."""
        return self.T + self.T // 10

    @property
    def loss(self) -> Loss:
        """The negative log-likelihood at each row's end."""
        return Masked(cross_entropy, share=1 / self.steps)

    def batch(self, rows: int, generator: torch.Generator | None = None) -> Batch:
        """Draw sequences; see `Task`."""
        row, order = torch.arange(rows), torch.zeros(rows, dtype=torch.long)
        symbols = torch.randint(4, (self.steps, rows), generator=generator)
        symbols[0] = _E
        for begin in _TENTHS[self.symbols]:
            first = round(begin * self.T)
            place = drawn(first, first + self.T // 10 + 1, rows, generator)
            which = drawn(0, 2, rows, generator)
            symbols[place, row] = _X + which
            order = 2 * order + which
        end = drawn(self.T - 1, self.steps, rows, generator)
        symbols[end, row] = _B
        inputs = one_hot(symbols, self.input_size)
        inputs[torch.arange(self.steps)[:, None] > end] = 0
        targets = torch.full((self.steps, rows), NOT_ASKED)
        targets[end, row] = order
        return Batch(inputs, targets)

    def score(self, outputs: Tensor, targets: Tensor, lengths: Tensor | None = None) -> float:
        """Give the share of the rows whose class is wrong."""
        return share_wrong(outputs, targets)
