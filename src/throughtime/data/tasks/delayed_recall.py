"""Recall of one symbol after distracting ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.data.batch import Batch
from throughtime.data.tasks.asked import NOT_ASKED, Loss, Masked, cross_entropy
from throughtime.data.tasks.task import Task, drawn, one_hot, share_wrong, whole


@dataclass(frozen=True)
class DelayedRecall(Task):
    """Say at the end which symbol came first (after the latch of Bengio, Simard & Frasconi 1994).

    The first step shows one of `symbols`. Then come T - 2 steps of random distractors, of as many
    other kinds, and a cue, at which the first symbol is asked for. The one thing to be kept has to
    outlive whatever else comes in.

    Args:
        T: Steps, at least 2.
        symbols: How many kinds there are.
    """

    T: int = 100
    symbols: int = 4
    name = "delayed_recall"
    measure = "share of the rows whose answer is wrong"
    mark = 0.01

    def __post_init__(self) -> None:
        whole("T", self.T, 2)
        whole("symbols", self.symbols, 2)

    @property
    def input_size(self) -> int:
        """A column for each symbol, each distractor and the cue."""
        return 2 * self.symbols + 1

    @property
    def output_size(self) -> int:
        """A column for each symbol."""
        return self.symbols

    @property
    def constant(self) -> float:
        """One symbol for all is right in one case of `symbols`."""
        return 1 - 1 / self.symbols

    @property
    def loss(self) -> Loss:
        """The negative log-likelihood at the last step."""
        return Masked(cross_entropy, share=1 / self.T)

    def batch(self, rows: int, generator: torch.Generator | None = None) -> Batch:
        """Draw sequences; see `Task`."""
        kinds = self.symbols
        symbols = torch.randint(kinds, 2 * kinds, (self.T, rows), generator=generator)
        symbols[0] = drawn(0, kinds, rows, generator)
        symbols[-1] = 2 * kinds
        targets = torch.full((self.T, rows), NOT_ASKED)
        targets[-1] = symbols[0]
        return Batch(one_hot(symbols, self.input_size), targets)

    def score(self, outputs: Tensor, targets: Tensor, lengths: Tensor | None = None) -> float:
        """Give the share of the rows whose answer is wrong."""
        return share_wrong(outputs, targets)
