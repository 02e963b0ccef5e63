"""A trial: one network trained from one seed, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from lags.training import Setting

FRESH = 1_000_000
"""Added to a seed: where the sequences come from that a network is judged by."""


@dataclass(frozen=True)
class Trial:
    """What came of a training.

    Attributes:
        seed: Of the network's start and of all sequences.
        solved: Whether the task's criterion was met.
        sequences: Sequences learned from, each as often as it was.
        seconds: Wall time from making the network to the end of the training.
        error: On fresh sequences, as the experiment measures it.
        weights: Numbers that were learned.
    """

    seed: int
    solved: bool
    sequences: int
    seconds: float
    error: float
    weights: int


@dataclass(frozen=True)
class Experiment:
    """A task, what counts as solving it, and the setting of each cell.

    Attributes:
        what: The task as the table names it.
        measure: What a trial's error is.
        train: Trains once: a setting, a seed, and whether torch's own layer runs.
        settings: By cell.
        paper: Sequences that the LSTM of 1997 needed; None where its task was another.
    """

    what: str
    measure: str
    train: Callable[[Setting, int, bool], Trial]
    settings: dict[str, Setting]
    paper: int | None = None


def fresh(seed: int) -> torch.Generator:
    """Give a generator of sequences that no training of this seed draws."""
    return torch.Generator().manual_seed(FRESH + seed)


def count(network: torch.nn.Module) -> int:
    """Count the weights of a network."""
    return sum(parameter.numel() for parameter in network.parameters())
