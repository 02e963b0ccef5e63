"""Tasks of strings: predict the next symbol, where several may be legal."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from throughtime.data.batch import Batch
from throughtime.data.tasks.asked import Loss, cross_entropy
from throughtime.data.tasks.task import Task, padded, whole


class Strings(Task):
    """A language whose strings are read symbol by symbol.

    At every step the next symbol is asked for. A string counts as known if at each of its steps
    every legal next symbol has a larger output than every illegal one.

    Attributes:
        alphabet: A letter for each symbol, in the order of the columns.
    """

    alphabet: ClassVar[str]
    measure = "share of the strings in which a legal symbol is ranked below an illegal one"
    constant = 1.0  # no one order of the symbols is right at every step

    @property
    def input_size(self) -> int:
        """A column for each symbol."""
        return len(self.alphabet)

    @property
    def output_size(self) -> int:
        """A column for each symbol."""
        return len(self.alphabet)

    @property
    def loss(self) -> Loss:
        """The negative log-likelihood of the next symbol."""
        return cross_entropy

    @abstractmethod
    def string(self, generator: torch.Generator | None = None) -> str:
        """Draw a string."""

    @abstractmethod
    def legal(self, string: str) -> list[str]:
        """Give the symbols that may follow each symbol of a string but the last.

        Raises:
            ValueError: The string is none of the language; where it leaves it is named.
        """

    def batch(self, rows: int, generator: torch.Generator | None = None) -> Batch:
        """Draw strings; see `Task`. T is that of the longest one drawn."""
        whole("rows", rows, 1)
        return self._side_by_side([self.string(generator) for _ in range(rows)])

    def laid(self, strings: Sequence[str]) -> Batch:
        """Lay strings of one's own side by side: a training set, say, to pick from again and again.

        Args:
            strings: B of them.

        Returns:
            As `batch` gives drawn ones.

        Raises:
            ValueError: There is none, or one is none of the language.

        Example:
            >>> from throughtime.data import tasks
            >>> batch = tasks.EmbeddedReber().laid(["BTBTXSETE", "BPBPVVEPE"])
            >>> tuple(batch.inputs.shape), batch.lengths.tolist()
            ((8, 2, 7), [8, 8])
        """
        if not strings:
            raise ValueError("there are no strings to lay side by side; give one or more")
        for string in strings:
            self.legal(string)
        return self._side_by_side(strings)

    def _side_by_side(self, strings: Sequence[str]) -> Batch:
        return Batch(*padded([self.numbers(string) for string in strings], len(self.alphabet)))

    def numbers(self, symbols: Iterable[str]) -> list[int]:
        """Give symbols as the numbers of their columns."""
        return [self.alphabet.index(symbol) for symbol in symbols]

    def score(self, outputs: Tensor, targets: Tensor, lengths: Tensor | None = None) -> float:
        """Give the share of the strings that are not known."""
        rows = targets.shape[1]
        stops: Sequence[int] = [len(targets)] * rows if lengths is None else lengths.tolist()
        wrong = 0
        for row, stop in enumerate(stops):
            string = self._first + "".join(self.alphabet[i] for i in targets[:stop, row])
            legal = torch.zeros(stop, len(self.alphabet), dtype=torch.bool)
            for step, symbols in enumerate(self.legal(string)):
                legal[step, self.numbers(symbols)] = True
            answers = outputs[:stop, row].detach().cpu()
            least = answers.masked_fill(~legal, torch.inf).amin(1)
            most = answers.masked_fill(legal, -torch.inf).amax(1)
            wrong += not bool((least > most).all())
        return wrong / rows

    @property
    def _first(self) -> str:
        """What every string starts with; it is never a target."""
        return self.alphabet[0]
