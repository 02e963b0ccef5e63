"""How a forecaster is built and trained: plain values that JSON can hold."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from throughtime import cells
from throughtime.data import DataError, transforms
from throughtime.data.calendar import Calendar
from throughtime.equations import CellError
from throughtime.estimators.outputs import registry as outputs
from throughtime.gradients import GradientMethod, registry
from throughtime.gradients.objective import Reduction
from throughtime.named import NamedError, named
from throughtime.train import make_optimizer, optimizers, schedules


class SettingsError(ValueError):
    """A setting is out of range or unknown; the message says what is allowed."""


@dataclass(frozen=True)
class Settings:
    """How to build and train a one-step forecaster.

    Attributes:
        cell: The name of a cell.
        hidden: Units a layer.
        layers: Layers.
        epochs: At most so many times through the training rows.
        learning_rate: The first one.
        optimizer: The name of one of torch's optimisers.
        schedule: The name of a learning-rate schedule.
        weight_decay: The optimiser's.
        method: A gradient method with its arguments, such as "bptt" or "tbptt:10:30".
        clip: The largest gradient norm let through; None for no limit.
        window: Steps of a training sequence.
        stride: Steps between the starts of neighbouring training sequences.
        batch_size: Training sequences in a batch.
        transform: Of the target, before it is scaled: "none", "sqrt" or "log1p".
        output: What is said of the next value: one of `throughtime.estimators.outputs.registry`.
        difference: Steps back from which changes are learned instead of values, the covariates'
            too: 1 for a series whose level drifts, a season for one that repeats with a drift; 0
            for values themselves.
        calendar: Cycles in which the time of a forecast row is placed, for the network to read:
            "day", "week" and "year", with commas between them; or "none".
        known: Covariates that are known before their row has come, such as prices and holidays:
            they are read for the row that is forecast. The others are read up to the row before.
        joint: Whether these others are forecast beside the target. Without, the network can not go
            on from its own forecasts, and says one step.
        patience: Epochs without a better validation loss before training ends, with the weights
            that validated best; None to train on the validation rows too, for all epochs.
        seed: Of the weights' first draw and of everything else that is random.
        device: Where to train: "cpu", "cuda", ...
        dtype: "float32" or "float64".
        windows_per_epoch: Training sequences that are drawn, anew, for each epoch; None for all.
    """

    cell: str = "gru"
    hidden: int = 32
    layers: int = 1
    epochs: int = 300
    learning_rate: float = 0.003
    optimizer: str = "adam"
    schedule: str = "constant"
    weight_decay: float = 0.0
    method: str = "bptt"
    clip: float | None = 1.0
    window: int = 50
    stride: int = 10
    batch_size: int = 64
    transform: str = "none"
    output: str = "point"
    difference: int = 0
    calendar: str = "none"
    known: tuple[str, ...] = ()
    joint: bool = True
    patience: int | None = 20
    seed: int = 0
    device: str = "cpu"
    dtype: str = "float32"
    windows_per_epoch: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            if isinstance(value := getattr(self, field.name), np.generic):
                object.__setattr__(self, field.name, value.item())
        try:
            cells.find(self.cell)
        except CellError as error:
            raise SettingsError(str(error)) from None
        for name, known in (
            ("optimizer", optimizers),
            ("schedule", schedules),
            ("transform", transforms),
            ("output", outputs),
        ):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in known:
                raise SettingsError(
                    f"unknown {name} {getattr(self, name)!r}; known are {', '.join(known)}"
                )
        counts = ("hidden", "layers", "epochs", "window", "stride", "batch_size")
        limits = ("patience", "windows_per_epoch")
        for name in (*counts, *(name for name in limits if getattr(self, name) is not None)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise SettingsError(f"{name} must be a whole number of at least 1, got {value!r}")
        self._check_rows()
        for name, kind in _NUMBERS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, kind):
                raise SettingsError(f"{name} must be a number, got {value!r}")
        if not 0 < self.learning_rate <= 1e6:
            raise SettingsError(
                f"learning_rate must be positive and at most 1e6, got {self.learning_rate!r}"
            )
        if not 0 <= self.weight_decay < math.inf:
            raise SettingsError(f"weight_decay must not be negative, got {self.weight_decay!r}")
        taken = inspect.signature(optimizers[self.optimizer]).parameters
        if self.weight_decay and "weight_decay" not in taken:
            raise SettingsError(f"optimizer {self.optimizer!r} has no weight_decay; leave it out")
        if self.clip is not None and not self.clip > 0:
            raise SettingsError(
                f"clip must be positive, got {self.clip!r}; for no limit give 0 on the command "
                "line, None in Python"
            )
        if not 0 <= self.seed < 2**63:
            raise SettingsError(f"seed must be between 0 and 2**63 - 1, got {self.seed!r}")
        if self.gradient_method().whole_step:
            raise SettingsError(
                f"method {self.method!r} proposes whole steps, which {self.optimizer} and clipping "
                "would change; take it in a loop of your own, with torch.optim.SGD(lr=1)"
            )
        if self.dtype not in DTYPES:
            raise SettingsError(f"unknown dtype {self.dtype!r}; known are {', '.join(DTYPES)}")
        _check_device(self.device)

    def _check_rows(self) -> None:
        """Refuse rows that could not be made as they are asked for."""
        steps = self.difference
        if not isinstance(steps, int) or isinstance(steps, bool) or steps < 0:
            raise SettingsError(f"difference must be a whole number of at least 0, got {steps!r}")
        if outputs[self.output].counts and (self.transform != "none" or steps):
            raise SettingsError(
                f"output {self.output!r} is of counts as they are; leave the transform and the "
                "difference out"
            )
        if not isinstance(self.calendar, str):
            raise SettingsError(f"calendar must be a line of text, got {self.calendar!r}")
        try:
            Calendar.named(self.calendar)
        except DataError as error:
            raise SettingsError(str(error)) from None
        if not isinstance(self.joint, bool):
            raise SettingsError(f"joint must be True or False, got {self.joint!r}")
        if isinstance(self.known, str) or not all(isinstance(name, str) for name in self.known):
            raise SettingsError(f"known must be the names of columns, got {self.known!r}")
        object.__setattr__(self, "known", tuple(self.known))  # a list, as JSON has it

    def gradient_method(self, reduce: Reduction = "mean") -> GradientMethod:
        """Make the gradient method; one that draws numbers at random draws them from the seed.

        Args:
            reduce: How it brings the losses of an update together, if it leaves the choice.

        Raises:
            SettingsError: It is unknown, or does not take its arguments.
        """
        try:
            return named(self.method, registry, "gradient method", seed=self.seed, reduce=reduce)
        except NamedError as error:
            raise SettingsError(str(error)) from None

    def make_optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Make the optimiser; the weight decay is the one asked for, 0 too, never torch's own."""
        taken = inspect.signature(optimizers[self.optimizer]).parameters
        decay = {"weight_decay": self.weight_decay} if "weight_decay" in taken else {}
        return make_optimizer(self.optimizer, parameters, self.learning_rate, **decay)

    @property
    def torch_dtype(self) -> torch.dtype:
        """The floating type that `dtype` names."""
        return DTYPES[self.dtype]

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return {**asdict(self), "known": list(self.known)}


_NUMBERS: dict[str, Any] = {
    "learning_rate": int | float, "weight_decay": int | float, "clip": int | float | None,
    "seed": int,
}  # fmt: skip
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def _check_device(name: str) -> None:
    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise SettingsError(
            f"device {name!r} cannot be used here ({reason}); 'cpu' always can"
        ) from None
