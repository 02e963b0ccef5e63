"""The training loop: the same for every gradient method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext

from torch import nn
from torch.optim import Optimizer

from throughtime.data.batch import Batch
from throughtime.gradients import Clipping, GradientMethod, Loss
from throughtime.train.checkpoint import Checkpoint, Checkpoints
from throughtime.train.optimizers import Schedule
from throughtime.train.outcome import Outcome
from throughtime.train.training import Callback, Training


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
    checkpoints: Checkpoints | None = None,
    resume: Checkpoint | None = None,
) -> Outcome:
    """Train a model, and leave it with its best weights.

    Each time the method yields: the gradient is checked and its norm recorded, then it is clipped
    by value and by norm, then the optimiser steps, then gradients are zeroed. After each epoch the
    model is validated, then the schedule steps. Every batch starts from the network's own start;
    the chunks of a stream go on from the state that the one before left.

    Ctrl-C, and a loss or gradient that is not finite, end the training like any other end: with the
    best weights so far. Without a validation, those that failed are not the best: the epoch before
    is.

    With checkpoints, the training can be taken up again and comes to the same bits as if it had
    never stopped. One is taken before the first batch, whenever one is due between two batches, and
    at the end. SIGINT and SIGTERM then wait for the end of the batch, a second at most.

        kept = CheckpointFile("checkpoint.safetensors")
        train(model, batches, loss, method, optimizer, 100, checkpoints=kept)
        # in another process, with everything made as it was made then:
        resume, _ = read_checkpoint("checkpoint.safetensors")
        train(model, batches, loss, method, optimizer, 100, checkpoints=kept, resume=resume)

    Args:
        model: `(inputs, state) -> (outputs, state)`.
        batches: Called at the start of each epoch; for a `Stream`, `lambda: stream`.
        loss: Elementwise.
        method: How to differentiate.
        optimizer: Steps the model's parameters.
        epochs: How often to go through the batches, in all.
        schedule: Stepped after each epoch.
        clipping: Applied to each complete gradient.
        validate: Gives the validation loss of the model as it stands. Without it, the best weights
            are the last.
        patience: Epochs without a better validation loss after which to stop; None for never.
        callbacks: Told of each update and epoch.
        checkpoints: Keeps what is needed to go on; a `CheckpointFile`, say.
        resume: Where to go on from; model, batches, method, optimiser and schedule are made as
            they were for the training that left it.

    Returns:
        What it came to, from the first start on; the model has the best weights.

    Raises:
        ValueError: The epochs are fewer than one, patience is given without a validation, or the
            chunks of a stream come in another order than it gave them.
        StorageError: A checkpoint cannot be written; or the one to go on from is one of another
            training.
    """
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    if patience is not None and validate is None:
        raise ValueError("patience waits for a better validation loss, and there is no validation")
    training = Training(
        model, batches, loss, method, optimizer, schedule, clipping or Clipping(), validate,
        callbacks, checkpoints,
    )  # fmt: skip
    if resume is not None:
        training.take_up(resume)
    with nullcontext() if checkpoints is None else training.stopping:
        return training.run(epochs, patience)
