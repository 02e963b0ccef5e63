"""What a task is: batches drawn from a generator, a loss, and a score with a mark to reach."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from throughtime.data.batch import Batch
from throughtime.data.tasks.asked import Loss, asked


class Task(ABC):
    """A problem whose sequences are drawn: for what a network can learn, and how far back.

    Scores are errors: lower is better, 0 is perfect.

    Attributes:
        name: In the registry.
        input_size: Inputs a step, I.
        output_size: Outputs a step, O.
        loss: Elementwise, for any gradient method: its mean over all valid elements is the mean
            over those that are asked for. See `Masked`.
        T: The task's length; each task says what it counts.
        measure: What the score is.
        mark: The score at which the task counts as solved.
        constant: What the best answer that is the same for all inputs scores on average; None where
            that says nothing.

    Example:
        >>> import torch, throughtime as tt
        >>> from throughtime.data import tasks
        >>> task = tasks.Adding(T=20)
        >>> batch = task.batch(4, torch.Generator().manual_seed(0))
        >>> model = tt.Network("gru", task.input_size, 8, task.output_size)
        >>> for update in tt.BPTT()(model, batch.inputs, batch.targets, task.loss):
        ...     pass
        >>> task.solved(task.score(model(batch.inputs)[0], batch.targets))
        False
    """

    name: ClassVar[str]
    measure: ClassVar[str]
    mark: ClassVar[float]
    T: int

    @property
    @abstractmethod
    def input_size(self) -> int:
        """Inputs a step, I."""

    @property
    @abstractmethod
    def output_size(self) -> int:
        """Outputs a step, O."""

    @property
    @abstractmethod
    def loss(self) -> Loss:
        """Elementwise; its mean is that over what is asked for."""

    @property
    @abstractmethod
    def constant(self) -> float | None:
        """What the best answer that is the same for all inputs scores."""

    @abstractmethod
    def batch(self, rows: int, generator: torch.Generator | None = None) -> Batch:
        """Draw sequences.

        Args:
            rows: How many, B.
            generator: Where chance comes from; the same state gives the same sequences. None for
                torch's own.

        Returns:
            Inputs [T, B, I]; targets [T, B, O], NaN where nothing is asked, or classes [T, B], -100
            there; lengths [B] where rows differ in length, of steps that are all asked for.
        """

    @abstractmethod
    def score(self, outputs: Tensor, targets: Tensor, lengths: Tensor | None = None) -> float:
        """Give the error of a network's answers, as `measure` has it.

        Args:
            outputs: [T, B, O]
            targets: As `batch` gave them.
            lengths: Likewise.
        """

    def network(self) -> nn.Module | None:
        """Give the network that the task is made for; None where any will do."""
        return None

    def solved(self, score: float) -> bool:
        """Whether a score reaches the mark."""
        return score <= self.mark


def whole(name: str, value: object, least: int) -> None:
    """Refuse what is no whole number from some least one.

    Raises:
        ValueError: With what came.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} is a whole number, at least {least}; got {value!r}")


def drawn(low: int, high: int, rows: int, generator: torch.Generator | None) -> Tensor:
    """Draw whole numbers from low to high, exclusive, one a row: [B]."""
    return torch.randint(low, high, (rows,), generator=generator)


def one_hot(symbols: Tensor, count: int) -> Tensor:
    """Give symbols a column each: [..., count], of the default floating type."""
    return torch.nn.functional.one_hot(symbols, count).to(torch.get_default_dtype())


def share_wrong(outputs: Tensor, targets: Tensor) -> float:
    """Give the share of classes asked for that are not those of the largest outputs.

    Args:
        outputs: [T, B, classes]
        targets: [T, B]
    """
    where = asked(targets)
    return float((outputs.argmax(-1)[where] != targets[where]).double().mean())


def padded(strings: Sequence[Sequence[int]], symbols: int) -> tuple[Tensor, Tensor, Tensor]:
    """Lay strings side by side, to predict each symbol from those before it.

    Args:
        strings: Symbols by number; B strings of two or more.
        symbols: How many symbols there are.

    Returns:
        Inputs, one column a symbol, [T, B, symbols]; the next symbols, [T, B]; lengths, [B]. T is
        that of the longest string less one; beyond its length a row has zeros.
    """
    lengths = torch.tensor([len(string) - 1 for string in strings])
    T = int(lengths.max())
    inputs = torch.zeros(T, len(strings), symbols)
    targets = torch.zeros(T, len(strings), dtype=torch.long)
    for row, string in enumerate(strings):
        symbol = torch.tensor(string)
        inputs[: len(symbol) - 1, row] = one_hot(symbol[:-1], symbols)
        targets[: len(symbol) - 1, row] = symbol[1:]
    return inputs, targets, lengths
