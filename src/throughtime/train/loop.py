"""The training loop: the same for every gradient method."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from throughtime.data.batch import Batch, Chunk
from throughtime.gradients import Clipping, GradientMethod, Loss
from throughtime.train.history import History, Row
from throughtime.train.optimizers import Schedule


class Callback(Protocol):
    """Something that watches the training."""

    def after_update(self, row: Row, steps: int) -> None:
        """Take note of an update that covered so many time steps of all rows together."""
        ...

    def after_epoch(self, row: Row) -> None:
        """Take note of an epoch's last row, with its validation loss."""
        ...


@dataclass
class Outcome:
    """What a training run came to.

    Attributes:
        history: One row an update.
        best_epoch: The epoch whose weights the model now has; 0 for those it started with.
        best_validation_loss: Its validation loss; None without a validation part.
        stopped: Why it ended: "finished", "early" (validation no longer improved), "interrupted"
            (Ctrl-C) or "failed" (a loss or gradient that is not finite).
        failure: The message, where it failed.
        seconds: How long it took.
    """

    history: History = field(default_factory=History)
    best_epoch: int = 0
    best_validation_loss: float | None = None
    stopped: str = "finished"
    failure: str = ""
    seconds: float = 0.0


def train(
    model: nn.Module,
    batches: Callable[[], Iterable[Batch]],
    loss: Loss,
    method: GradientMethod,
    optimizer: Optimizer,
    epochs: int,
    schedule: Schedule | None = None,
    clipping: Clipping | None = None,
    validate: Callable[[], float] | None = None,
    patience: int | None = None,
    callbacks: Sequence[Callback] = (),
) -> Outcome:
    """Train a model, and leave it with its best weights.

    Each time the method yields: the gradient is checked and its norm recorded, then it is clipped
    by value and by norm, then the optimiser steps, then gradients are zeroed. After each epoch the
    model is validated, then the schedule steps. Every batch starts from the network's own start;
    the chunks of a stream go on from the state that the one before left.

    Ctrl-C, and a loss or gradient that is not finite, end the training like any other end: with the
    best weights so far. Without a validation, those that failed are not the best: the epoch before
    is.

    Args:
        model: `(inputs, state) -> (outputs, state)`.
        batches: Called at the start of each epoch; for a `Stream`, `lambda: stream`.
        loss: Elementwise.
        method: How to differentiate.
        optimizer: Steps the model's parameters.
        epochs: How often to go through the batches.
        schedule: Stepped after each epoch.
        clipping: Applied to each complete gradient.
        validate: Gives the validation loss of the model as it stands. Without it, the best weights
            are the last.
        patience: Epochs without a better validation loss after which to stop; None for never.
        callbacks: Told of each update and epoch.

    Returns:
        What it came to; the model has the best weights.

    Raises:
        ValueError: The epochs are fewer than one, patience is given without a validation, or the
            chunks of a stream come in another order than it gave them.
    """
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    if patience is not None and validate is None:
        raise ValueError("patience waits for a better validation loss, and there is no validation")
    outcome = Outcome()
    best = before = _weights(model)
    started = time.perf_counter()
    try:
        for epoch in range(1, epochs + 1):
            _epoch(
                model, batches(), loss, method, optimizer, clipping or Clipping(), epoch,
                outcome.history, started, callbacks,
            )  # fmt: skip
            score = math.nan
            if validate is not None:
                score = validate()
                outcome.history.validate(score)
                if not math.isfinite(score):
                    raise FloatingPointError(
                        f"the validation loss is {score} after epoch {epoch}; lower the learning "
                        "rate or clip the gradient"
                    )
            seen = outcome.best_validation_loss
            if validate is None or seen is None or score < seen:
                before, best, outcome.best_epoch = best, _weights(model), epoch
                outcome.best_validation_loss = None if validate is None else score
            for callback in callbacks:
                callback.after_epoch(outcome.history[-1])
            if isinstance(schedule, ReduceLROnPlateau):
                schedule.step(score if validate else outcome.history[-1].loss)
            elif schedule is not None:
                schedule.step()
            if patience is not None and epoch - outcome.best_epoch >= patience:
                outcome.stopped = "early"
                break
    except KeyboardInterrupt:
        outcome.stopped = "interrupted"
    except FloatingPointError as error:
        outcome.stopped, outcome.failure = "failed", str(error)
        if validate is None and outcome.best_epoch:
            # Nothing vouches for the last weights but the loss that has just failed with them.
            best, outcome.best_epoch = before, outcome.best_epoch - 1
    outcome.seconds = time.perf_counter() - started
    model.load_state_dict(best)
    return outcome


def _epoch(
    model: nn.Module,
    batches: Iterable[Batch],
    loss: Loss,
    method: GradientMethod,
    optimizer: Optimizer,
    clipping: Clipping,
    epoch: int,
    history: History,
    started: float,
    callbacks: Sequence[Callback],
) -> None:
    model.train()
    optimizer.zero_grad()
    updates = 0
    state, number = None, None
    for batch in batches:
        goes_on: dict[str, Any] = {}
        if isinstance(batch, Chunk):
            if number is not None and batch.number != number + 1:
                raise ValueError(
                    f"chunk {batch.number} of a stream came after chunk {number}: the state that "
                    "is carried on belongs to another; give chunks as the stream gives them, "
                    "without shuffling"
                )
            goes_on, number = {"state": state, "reset": batch.reset}, batch.number
        for update in method(
            model, batch.inputs, batch.targets, loss, lengths=batch.lengths, **goes_on
        ):
            state = update.state
            norm, clipped = clipping.apply(model)
            row = Row(
                update=len(history) + 1,
                epoch=epoch,
                loss=update.loss,
                gradient_norm=norm,
                clipped=clipped,
                learning_rate=float(optimizer.param_groups[0]["lr"]),
                validation_loss=None,
                seconds=time.perf_counter() - started,
            )
            optimizer.step()
            optimizer.zero_grad()
            history.append(row)
            updates += 1
            for callback in callbacks:
                callback.after_update(row, len(update.steps) * batch.inputs.shape[1])
    if not updates:
        raise ValueError("there are no batches to train on")


@torch.no_grad()
def _weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
