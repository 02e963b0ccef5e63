"""A training under way: what the loop does, and where it stands."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from throughtime.data.batch import Batch, Chunk
from throughtime.gradients import Clipping, GradientMethod, Loss
from throughtime.gradients.state import mapped
from throughtime.storage import StorageError
from throughtime.train.checkpoint import (
    Checkpoint,
    Checkpoints,
    Pace,
    generators,
    set_generators,
    weights,
)
from throughtime.train.feed import Feed
from throughtime.train.history import History, Row
from throughtime.train.optimizer_state import restore
from throughtime.train.optimizers import Schedule
from throughtime.train.outcome import Outcome
from throughtime.train.stopping import Stopping, number_of

MEMORY = 0.5
"""Seconds between checkpoints that are kept in memory alone."""


class Callback(Protocol):
    """Something that watches the training."""

    def after_update(self, row: Row, steps: int) -> None:
        """Take note of an update that covered so many time steps of all rows together."""
        ...

    def after_epoch(self, row: Row) -> None:
        """Take note of an epoch's last row, with its validation loss."""
        ...


class Training:
    """A training under way; arguments as for `train`."""

    def __init__(
        self,
        model: nn.Module,
        batches: Callable[[], Iterable[Batch]],
        loss: Loss,
        method: GradientMethod,
        optimizer: Optimizer,
        schedule: Schedule | None,
        clipping: Clipping,
        validate: Callable[[], float] | None,
        callbacks: Sequence[Callback],
        checkpoints: Checkpoints | None,
    ) -> None:
        self.model, self.batches, self.loss, self.method = model, batches, loss, method
        self.optimizer, self.schedule, self.clipping = optimizer, schedule, clipping
        self.validate, self.callbacks, self.checkpoints = validate, callbacks, checkpoints
        self.outcome = Outcome()
        self.best = self.before = weights(model)
        self.epoch, self.complete = 1, False
        self.feed: Feed | None = None
        self.carried: Any = None
        self.chunk: int | None = None
        self.started = time.perf_counter()
        self.resumed = False  # and no update since
        self.stopping = Stopping()
        self.improved = False  # since the last checkpoint that was saved
        self.latest: Checkpoint | None = None  # in memory, newer than the one that was saved
        self.memory = Pace(MEMORY)

    def run(self, epochs: int, patience: int | None) -> Outcome:
        """Go on to the end; see `train`."""
        outcome = self.outcome
        try:
            self._run(epochs, patience)
        except KeyboardInterrupt as stop:
            outcome.stopped = "interrupted"
            outcome.signal = self.stopping.signal or number_of(stop)
            if self.checkpoints is not None and self.latest is not None:
                with self.stopping.held():
                    self.checkpoints.save(self.latest)
        except FloatingPointError as error:
            outcome.stopped, outcome.failure = "failed", str(error)
            if self.validate is None and outcome.best_epoch:
                # Nothing vouches for the last weights but the loss that has just failed with them.
                self.best, outcome.best_epoch = self.before, outcome.best_epoch - 1
        outcome.seconds = time.perf_counter() - self.started
        self.model.load_state_dict(self.best)
        return outcome

    def _run(self, epochs: int, patience: int | None) -> None:
        while True:
            if self.complete:
                if patience is not None and self.epoch - self.outcome.best_epoch >= patience:
                    self.outcome.stopped = "early"
                    break
                if self.epoch >= epochs:
                    break
                self.epoch, self.complete, self.feed = self.epoch + 1, False, None
            self._learn()
            self._judge()
            self.complete = True
            self._between()
        if self.checkpoints is not None and self.feed is not None:  # there was something to do
            with self.stopping.held():
                self.checkpoints.save(self.checkpoint())

    def _learn(self) -> None:
        """Go through what is left of an epoch's batches."""
        self.model.train()
        self.optimizer.zero_grad()
        if self.feed is None:
            self.feed = Feed(self.batches, recording=self.checkpoints is not None)
            self.carried, self.chunk = None, None
        while True:
            self._between()
            batch = self.feed.next()
            if batch is None:
                break
            self._learn_from(batch)
        history = self.outcome.history
        if not len(history) or history[-1].epoch != self.epoch:
            raise ValueError("there are no batches to train on")

    def _learn_from(self, batch: Batch) -> None:
        goes_on: dict[str, Any] = {}
        if isinstance(batch, Chunk):
            if self.chunk is not None and batch.number != self.chunk + 1:
                raise ValueError(
                    f"chunk {batch.number} of a stream came after chunk {self.chunk}: the state "
                    "that is carried on belongs to another; give chunks as the stream gives them, "
                    "without shuffling"
                )
            goes_on, self.chunk = {"state": self.carried, "reset": batch.reset}, batch.number
        history = self.outcome.history
        for update in self.method(
            self.model, batch.inputs, batch.targets, self.loss, lengths=batch.lengths, **goes_on
        ):
            self.carried = update.state
            norm, clipped = self.clipping.apply(self.model)
            row = Row(
                update=len(history) + 1,
                epoch=self.epoch,
                loss=update.loss,
                gradient_norm=norm,
                clipped=clipped,
                learning_rate=float(self.optimizer.param_groups[0]["lr"]),
                validation_loss=None,
                seconds=time.perf_counter() - self.started,
                resumed=self.resumed,
            )
            self.resumed = False
            self.optimizer.step()
            self.optimizer.zero_grad()
            history.append(row)
            for callback in self.callbacks:
                callback.after_update(row, len(update.steps) * batch.inputs.shape[1])

    def _judge(self) -> None:
        """Validate, keep the best weights, let the schedule step."""
        outcome, score = self.outcome, math.nan
        if self.validate is not None:
            score = self.validate()
            outcome.history.validate(score)
            if not math.isfinite(score):
                raise FloatingPointError(
                    f"the validation loss is {score} after epoch {self.epoch}; lower the learning "
                    "rate or clip the gradient"
                )
        seen = outcome.best_validation_loss
        if self.validate is None or seen is None or score < seen:
            self.before, self.best = self.best, weights(self.model)
            outcome.best_epoch, self.improved = self.epoch, True
            outcome.best_validation_loss = None if self.validate is None else score
        for callback in self.callbacks:
            callback.after_epoch(outcome.history[-1])
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(score if self.validate else outcome.history[-1].loss)
        elif self.schedule is not None:
            self.schedule.step()

    def _between(self) -> None:
        """Stop here if a signal asks for it; keep a checkpoint if one is due."""
        if self.checkpoints is None:
            return
        asked = self.stopping.signal is not None
        if asked or self.checkpoints.due(self.improved):
            with self.stopping.held():
                self.checkpoints.save(self.checkpoint())
                self.latest, self.improved = None, False
        elif self.memory.due() and self.memory.cheap():
            with self.memory:  # for a signal that comes in a batch that is long
                self.latest = self.checkpoint()
        if asked:
            raise KeyboardInterrupt

    def checkpoint(self) -> Checkpoint:
        """Give where the training stands; nothing in it changes when the training goes on."""
        outcome = self.outcome
        assert self.feed is not None  # it is made before the first checkpoint
        return Checkpoint(
            epoch=self.epoch,
            complete=self.complete,
            place=self.feed.state_dict(),
            carried=None if self.chunk is None else _copied(self.carried),
            chunk=self.chunk,
            model=weights(self.model),
            optimizer=_copied(self.optimizer.state_dict()),
            schedule=None if self.schedule is None else _copied(self.schedule.state_dict()),
            method=_copied(self.method.state_dict()),
            random=generators(self.model),
            history=History(outcome.history),
            best=self.best,
            before=self.before if self.validate is None else None,
            best_epoch=outcome.best_epoch,
            best_validation_loss=outcome.best_validation_loss,
            seconds=time.perf_counter() - self.started,
        )

    def take_up(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint.

        Raises:
            StorageError: It is one of another training.
        """
        try:
            self._restore(checkpoint)
            self._try_a_step()
            self._restore(checkpoint)
            feed = None
            if not checkpoint.complete or "own" in checkpoint.place:  # a stream counts its passes
                recording = self.checkpoints is not None
                feed = Feed(self.batches, recording, checkpoint.place)
            self.feed = None if checkpoint.complete else feed
            device = next(self.model.parameters()).device
            self.carried = mapped(lambda tensor: tensor.to(device), checkpoint.carried)
            self.chunk = checkpoint.chunk
            set_generators(checkpoint.random)
        except _UNFIT as error:
            raise StorageError(
                f"the checkpoint is one of another training, or damaged: {error}"
            ) from error
        self.epoch, self.complete = checkpoint.epoch, checkpoint.complete
        self.best = checkpoint.best
        self.before = checkpoint.best if checkpoint.before is None else checkpoint.before
        self.outcome = Outcome(
            history=History(checkpoint.history),
            best_epoch=checkpoint.best_epoch,
            best_validation_loss=checkpoint.best_validation_loss,
        )
        self.started = time.perf_counter() - checkpoint.seconds
        self.resumed = len(checkpoint.history) > 0

    def _restore(self, checkpoint: Checkpoint) -> None:
        for kept in (checkpoint.best, checkpoint.before or {}, checkpoint.model):
            if kept:
                self.model.load_state_dict(kept)
        restore(self.optimizer, _copied(checkpoint.optimizer))
        self.method.load_state_dict(_copied(checkpoint.method))
        if (self.schedule is None) != (checkpoint.schedule is None):
            raise ValueError("one of the two has a schedule, and the other has none")
        if self.schedule is not None:
            _check_alike(checkpoint.schedule, self.schedule.state_dict())
            self.schedule.load_state_dict(_copied(checkpoint.schedule))

    def _try_a_step(self) -> None:
        """Let the optimiser step, so that it fails here if its state does not fit."""
        for parameter in self.model.parameters():
            parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
        self.optimizer.step()
        self.optimizer.zero_grad()


_UNFIT = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, ArithmeticError,
)  # fmt: skip
"""What a state that belongs to something else is refused with, by torch and by its optimisers."""


def _check_alike(saved: dict[str, Any] | None, own: dict[str, Any]) -> None:
    if saved is None or sorted(saved) != sorted(own):
        raise ValueError("the schedule is another")


def _copied(state: Any) -> Any:
    return mapped(lambda tensor: tensor.detach().clone(), state)
