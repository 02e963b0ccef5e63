"""Torch's optimisers and learning-rate schedules by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
)

# Left out: those that need a closure, sparse gradients, or matrices alone.
_UNFIT = {"LBFGS", "SparseAdam", "Muon", "Optimizer"}

optimizers: dict[str, type[Optimizer]] = {
    name.lower(): kind
    for name, kind in vars(torch.optim).items()
    if isinstance(kind, type) and issubclass(kind, Optimizer) and name not in _UNFIT
}

Schedule = LRScheduler | ReduceLROnPlateau

schedules: dict[str, Callable[[Optimizer, int], Schedule | None]] = {
    "constant": lambda optimizer, epochs: None,
    "cosine": lambda optimizer, epochs: CosineAnnealingLR(optimizer, T_max=epochs),
    "linear": lambda optimizer, epochs: LinearLR(optimizer, 1.0, 0.01, total_iters=epochs),
    "one_cycle": lambda optimizer, epochs: OneCycleLR(
        optimizer,
        max_lr=optimizer.param_groups[0]["lr"],
        total_steps=epochs + 1,
        cycle_momentum=bool({"momentum", "betas"} & set(optimizer.defaults)),
    ),
    "plateau": lambda optimizer, epochs: ReduceLROnPlateau(optimizer, patience=10),
}

PLANNED = frozenset({"cosine", "linear", "one_cycle"})
"""Schedules whose rates depend on how many epochs there will be in all."""


def make_optimizer(
    name: str, parameters: Iterable[nn.Parameter], learning_rate: float, **options: Any
) -> Optimizer:
    """Make one of torch's optimisers.

    Args:
        name: One of `optimizers`: the class in lower case, such as "adam".
        parameters: What it steps.
        learning_rate: Its `lr`.
        options: Passed on.

    Raises:
        ValueError: The name is unknown (the known ones are listed), or the rate is not positive.
    """
    if name not in optimizers:
        raise ValueError(f"unknown optimizer {name!r}; known are {', '.join(optimizers)}")
    if not 0 < learning_rate < float("inf"):
        raise ValueError(f"the learning rate must be positive, got {learning_rate!r}")
    return optimizers[name](parameters, lr=learning_rate, **options)  # type: ignore[call-arg]


def make_schedule(name: str, optimizer: Optimizer, epochs: int) -> Schedule | None:
    """Make a learning-rate schedule that is stepped once an epoch; None where the rate stays.

    Raises:
        ValueError: The name is unknown; the known ones are listed.
    """
    if name not in schedules:
        raise ValueError(f"unknown schedule {name!r}; known are {', '.join(schedules)}")
    return schedules[name](optimizer, epochs)
