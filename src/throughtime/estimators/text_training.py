"""A network of symbols trained on a text, and validated on what follows it."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from throughtime.data.batch import Batch, Chunk
from throughtime.data.tasks.asked import cross_entropy
from throughtime.data.text import Vocabulary
from throughtime.estimators.settings import Settings, SettingsError
from throughtime.estimators.symbol_network import encoded
from throughtime.estimators.text_score import score_of
from throughtime.estimators.text_stream import cut_anew, steps_of
from throughtime.gradients import Clipping
from throughtime.nn import Network
from throughtime.train import Outcome, make_optimizer, make_schedule, optimizers, train
from throughtime.train.rehearsal import rehearse
from throughtime.train.training import Callback


def learn(
    network: Network,
    vocabulary: Vocabulary,
    numbers: Tensor,
    held: Tensor | None,
    settings: Settings,
    callbacks: Sequence[Callback] = (),
) -> Outcome:
    """Train a network on a text, and leave it with its best weights.

    Args:
        network: What `network_of_symbols` made, where the settings want it.
        vocabulary: What the numbers stand for.
        numbers: What is learned, longer than a window, [T].
        held: What is validated on after each epoch, [T]; None to keep the last weights.
        settings: How to train.
        callbacks: Told of each update and epoch.

    Returns:
        What it came to.

    Raises:
        SettingsError: The gradient method does not take the network.
    """

    def pair(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        inputs = encoded(network, inputs, vocabulary.unknown)
        return inputs, targets.to(inputs.device).long()

    method = settings.gradient_method()
    k1, chunk = steps_of(method, settings.window)

    def chunks() -> Iterator[Chunk]:
        for piece in cut_anew(numbers, settings.batch_size, settings.window, k1, chunk):
            inputs, targets = pair(piece.inputs, piece.targets)
            yield replace(piece, inputs=inputs, targets=targets)

    def validate() -> float:
        assert held is not None
        score = score_of(network, vocabulary, held, min(settings.batch_size, len(held) // 2))
        return score.bits_per_symbol * math.log(2)  # nats, as the loss

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        try:
            first = numbers[:3, None]
            rehearse(network, Batch(*pair(first[:-1], first[1:])), cross_entropy, method)
        except (TypeError, ValueError) as error:
            raise SettingsError(
                f"method {settings.method!r} does not take this network: {error}"
            ) from None
        decays = "weight_decay" in inspect.signature(optimizers[settings.optimizer]).parameters
        optimizer = make_optimizer(
            settings.optimizer,
            network.parameters(),
            settings.learning_rate,
            **({"weight_decay": settings.weight_decay} if decays else {}),
        )
        with warnings.catch_warnings():
            # The last chunk of a pass is as short as it comes.
            warnings.filterwarnings("ignore", ".*this is full backpropagation through time")
            return train(
                network,
                chunks,
                cross_entropy,
                method,
                optimizer,
                epochs=settings.epochs,
                schedule=make_schedule(settings.schedule, optimizer, settings.epochs),
                clipping=Clipping(norm=settings.clip),
                validate=None if held is None else validate,
                patience=settings.patience,
                callbacks=callbacks,
            )
