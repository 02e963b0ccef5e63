"""A network fitted to batches of sequences as the settings of an estimator say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from throughtime.data.batch import Batch
from throughtime.data.tasks.asked import Loss
from throughtime.estimators.settings import Settings, SettingsError
from throughtime.gradients import Clipping
from throughtime.gradients.objective import Reduction
from throughtime.train import (
    Checkpoint,
    Checkpoints,
    Outcome,
    make_schedule,
    train,
)
from throughtime.train.rehearsal import rehearse
from throughtime.train.training import Callback


def fitted(
    network: nn.Module,
    batches: Callable[[], Iterable[Batch]],
    first: Batch,
    loss: Loss,
    reduce: Reduction,
    settings: Settings,
    random: Tensor,
    validate: Callable[[], float] | None,
    callbacks: Sequence[Callback],
    checkpoints: Checkpoints | None,
    resume: Checkpoint | None,
) -> Outcome:
    """Train a network, and leave it with its best weights.

    Args:
        network: (inputs, state, lengths) -> (outputs, state).
        batches: Called for the batches of an epoch.
        first: On which it is found out whether the method takes the network.
        loss: Elementwise.
        reduce: How the gradient method brings the losses of an update together.
        settings: How to train.
        random: Torch's generator as it is to stand where training begins.
        validate: The loss on what is held out; None for none.
        callbacks: Told of each update and epoch.
        checkpoints: Keeps what is needed to go on with the training; see `throughtime.train`.
        resume: Where to go on from.

    Returns:
        What it came to.

    Raises:
        SettingsError: The gradient method does not take the network.
        StorageError: A checkpoint cannot be written; or the one to go on from is one of another
            training.
    """
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(random)
        method = settings.gradient_method(reduce)
        try:
            rehearse(network, first, loss, method)
        except (TypeError, ValueError) as error:
            raise SettingsError(
                f"method {settings.method!r} does not take this network: {error}"
            ) from None
        optimizer = settings.make_optimizer(network.parameters())
        return train(
            network,
            batches,
            loss,
            method,
            optimizer,
            epochs=settings.epochs,
            schedule=make_schedule(settings.schedule, optimizer, settings.epochs),
            clipping=Clipping(norm=settings.clip),
            validate=validate,
            patience=settings.patience,
            callbacks=callbacks,
            checkpoints=checkpoints,
            resume=resume,
        )


def seeded(seed: int) -> Tensor:
    """Give torch's generator as a seed puts it; the generator itself is left as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.get_rng_state()
