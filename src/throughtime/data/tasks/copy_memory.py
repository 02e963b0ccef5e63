"""The copy memory task."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.data.batch import Batch
from throughtime.data.tasks.asked import Loss, cross_entropy
from throughtime.data.tasks.task import Task, one_hot, share_wrong, whole


@dataclass(frozen=True)
class CopyMemory(Task):
    """Remember a string over a long wait (Hochreiter & Schmidhuber 1997; Arjovsky et al. 2016).

    `length` symbols are shown, then T - 1 blanks, then a sign to begin, then `length` blanks during
    which the symbols are to be given in their order; before that, blanks are. Sequences have
    `T + 2 length` steps, all of which count in the loss: without memory its mean is at best
    `length log(symbols) / (T + 2 length)` nats.

    Args:
        T: Steps from the last symbol shown to the first asked for, less one; at least 1.
        length: Symbols to remember.
        symbols: How many kinds there are.
    """

    T: int = 100
    length: int = 10
    symbols: int = 8
    name = "copy_memory"
    measure = "share of the remembered symbols that are wrong"
    mark = 0.01

    def __post_init__(self) -> None:
        whole("T", self.T, 1)
        whole("length", self.length, 1)
        whole("symbols", self.symbols, 2)

    @property
    def input_size(self) -> int:
        """A column for each symbol, the blank and the sign to begin."""
        return self.symbols + 2

    @property
    def output_size(self) -> int:
        """A column for each symbol and the blank."""
        return self.symbols + 1

    @property
    def constant(self) -> float:
        """One symbol for all is right in one case of `symbols`."""
        return 1 - 1 / self.symbols

    @property
    def loss(self) -> Loss:
        """The negative log-likelihood at every step."""
        return cross_entropy

    def batch(self, rows: int, generator: torch.Generator | None = None) -> Batch:
        """Draw sequences; see `Task`."""
        blank, begin = self.symbols, self.symbols + 1
        shown = torch.randint(self.symbols, (self.length, rows), generator=generator)
        wait = torch.full((self.T, rows), blank)
        wait[-1] = begin
        after = torch.full((self.length, rows), blank)
        symbols = torch.cat([shown, wait, after])  # [T + 2 length, B]
        targets = torch.full_like(symbols, blank)
        targets[-self.length :] = shown
        return Batch(one_hot(symbols, self.input_size), targets)

    def score(self, outputs: Tensor, targets: Tensor, lengths: Tensor | None = None) -> float:
        """Give the share of the remembered symbols that are wrong; blanks do not count."""
        return share_wrong(outputs[-self.length :], targets[-self.length :])
