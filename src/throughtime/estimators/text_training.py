"""A network of symbols about to learn a text: trained on it, and validated on what follows it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

from torch import Tensor

from throughtime.data.batch import Batch
from throughtime.data.tasks.asked import cross_entropy
from throughtime.data.text import Vocabulary
from throughtime.estimators.fitting import fitted, seeded
from throughtime.estimators.settings import Settings
from throughtime.estimators.symbol_network import encoded
from throughtime.estimators.text_flow import probe_of
from throughtime.estimators.text_score import score_of
from throughtime.estimators.text_stream import TextChunks, steps_of
from throughtime.flow.probe import FlowProbe
from throughtime.nn import Network
from throughtime.train import Checkpoint, Checkpoints, Outcome
from throughtime.train.training import Callback


class TextTraining:
    """A network with the weights that it begins with, and the text that it is to learn.

    Args:
        network: What `network_of_symbols` made, where the settings want it.
        vocabulary: What the numbers stand for.
        numbers: What is learned, longer than a window, [T].
        held: What is validated on after each epoch, [T]; None to keep the last weights.
        settings: How to train.

    Attributes:
        opening: The number of the first symbol of the text.
    """

    def __init__(
        self,
        network: Network,
        vocabulary: Vocabulary,
        numbers: Tensor,
        held: Tensor | None,
        settings: Settings,
    ) -> None:
        self.network, self.vocabulary, self.settings = network, vocabulary, settings
        self.numbers, self.held = numbers, held
        self.opening = int(numbers[0])

    def run(
        self,
        callbacks: Sequence[Callback] = (),
        checkpoints: Checkpoints | None = None,
        resume: Checkpoint | None = None,
    ) -> Outcome:
        """Train the network, and leave it with its best weights; see `fitted`."""
        settings = self.settings
        k1, chunk = steps_of(settings.gradient_method(), settings.window)

        def chunks() -> TextChunks:
            return TextChunks(
                self.numbers, settings.batch_size, settings.window, k1, chunk, self._read
            )

        first = self.numbers[:3, None]
        with warnings.catch_warnings():
            # The last chunk of a pass is as short as it comes.
            warnings.filterwarnings("ignore", ".*this is full backpropagation through time")
            return fitted(
                self.network,
                chunks,
                Batch(*self._read(first[:-1], first[1:])),
                cross_entropy,
                "mean",
                settings,
                seeded(settings.seed),
                None if self.held is None else self._validate,
                callbacks,
                checkpoints,
                resume,
            )

    def probe(self) -> FlowProbe:
        """Give a callback that looks at the gradient by lag while the network is trained."""
        return probe_of(self.network, self.vocabulary, self.numbers)

    def _read(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        inputs = encoded(self.network, inputs, self.vocabulary.unknown)
        return inputs, targets.to(inputs.device).long()

    def _validate(self) -> float:
        assert self.held is not None
        rows = min(self.settings.batch_size, len(self.held) // 2)
        score = score_of(self.network, self.vocabulary, self.held, rows)
        return score.bits_per_symbol * math.log(2)  # nats, as the loss
