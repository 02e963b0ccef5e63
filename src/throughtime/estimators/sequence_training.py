"""A network about to learn one answer a sequence: trained on them, validated on those held out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from throughtime.data.augmentation import Augmentation
from throughtime.data.batch import Batch
from throughtime.data.ragged import padded
from throughtime.data.tasks.asked import Loss, Masked
from throughtime.estimators.fitting import fitted
from throughtime.estimators.sequence_flow import at_the_end, probe_of
from throughtime.estimators.settings import Settings
from throughtime.flow.probe import FlowProbe
from throughtime.train import Checkpoint, Checkpoints, Outcome
from throughtime.train.training import Callback

_ROWS = 256
"""Sequences that are run at once where nothing is learned."""


@dataclass(eq=False)
class SequenceTraining:
    """A network with the weights that it begins with, and the sequences that it is to learn.

    Made under a seed: what is drawn in training comes from torch's generator as it stands then.

    Attributes:
        network: (inputs, state, lengths) -> (outputs, state); its output at a sequence's last step
            is the answer.
        inputs: Scaled, where the network is, [T_i, I] each.
        targets: Classes, [N], or numbers, [N, O].
        learned: Which sequences are learned from.
        held: Which are validated on after each epoch; none to keep the last weights.
        loss: Elementwise, of answers [1, N, outputs] and targets [1, N, ...].
        augmentation: Of what is learned from.
        settings: How to train.
    """

    network: nn.Module
    inputs: Sequence[Tensor]
    targets: Tensor
    learned: Sequence[int]
    held: Sequence[int]
    loss: Loss
    augmentation: Augmentation
    settings: Settings
    _random: Tensor = field(default_factory=torch.get_rng_state, repr=False)

    def probe(self) -> FlowProbe:
        """Give a callback that looks at the gradient by lag while it learns."""
        rows = [self.inputs[place] for place in self.learned]
        return probe_of(self.network, rows, self.targets[list(self.learned)], self.loss)

    def run(
        self,
        callbacks: Sequence[Callback] = (),
        checkpoints: Checkpoints | None = None,
        resume: Checkpoint | None = None,
    ) -> Outcome:
        """Train the network, and leave it with its best weights; see `fitted`."""
        rows = min(self.settings.batch_size, len(self.learned))
        return fitted(
            self.network,
            self._batches,
            self._batch(self.learned[:1], None),
            Masked(lambda y, d: self.loss(y, d) / rows),
            "sum",
            self.settings,
            self._random,
            self._validate if self.held else None,
            callbacks,
            checkpoints,
            resume,
        )

    def _batches(self) -> Iterator[Batch]:
        for chosen in torch.split(torch.randperm(len(self.learned)), self.settings.batch_size):
            yield self._batch([self.learned[i] for i in chosen.tolist()], self.augmentation)

    def _batch(self, chosen: Sequence[int], augmentation: Augmentation | None) -> Batch:
        rows = [self.inputs[i] for i in chosen]
        x, lengths = padded(rows if augmentation is None else [augmentation(x) for x in rows])
        return Batch(x, at_the_end(self.targets[list(chosen)], lengths, len(x)), lengths)

    def _validate(self) -> float:
        held = list(self.held)
        given = answers(self.network, [self.inputs[i] for i in held])  # [N, O]
        with torch.no_grad():
            return float(self.loss(given[None], self.targets[held][None]).mean())


@torch.no_grad()
def answers(network: nn.Module, inputs: Sequence[Tensor]) -> Tensor:
    """Give a network's answer for each sequence, [N, O]; those of like lengths run together.

    Args:
        network: As in `SequenceTraining`; it is left in evaluation mode.
        inputs: Scaled, [T_i, I] each.
    """
    network.eval()
    order = sorted(range(len(inputs)), key=lambda i: len(inputs[i]))
    found: list[Tensor] = []
    for start in range(0, len(order), _ROWS):
        x, lengths = padded([inputs[i] for i in order[start : start + _ROWS]])
        outputs, _ = network(x, lengths=lengths)
        found.append(outputs[lengths - 1, torch.arange(len(lengths))])
    place = torch.empty(len(order), dtype=torch.long)
    place[torch.tensor(order)] = torch.arange(len(order))
    return torch.cat(found)[place]
