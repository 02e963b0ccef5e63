"""A network about to learn an answer at every step of sequences, however long they are."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from throughtime.data import DataError
from throughtime.data.augmentation import Augmentation
from throughtime.data.batch import Batch
from throughtime.data.ragged import padded
from throughtime.data.tasks.asked import Loss, Masked
from throughtime.estimators.fitting import fitted
from throughtime.estimators.settings import Settings
from throughtime.estimators.step_flow import causal, probe_of
from throughtime.flow.probe import FlowProbe
from throughtime.train import Checkpoint, Checkpoints, Outcome
from throughtime.train.training import Callback

_STEPS = 2**18
"""Steps of all rows together that are run at once where nothing is learned."""


@dataclass(frozen=True)
class Window:
    """Steps of a sequence that are learned from in one row of a batch.

    Attributes:
        sequence: Its number.
        steps: With those of the warm-up, which come first.
    """

    sequence: int
    steps: range


def windows_of(lengths: Sequence[int], size: int | None, warm_up: int) -> list[Window]:
    """Cut sequences into windows, each of which begins with a warm-up that carries no loss.

    A warm-up lies in the steps before, so that all steps of a sequence carry loss in one window and
    in one alone, but for its first ones, the warm-up of the first window.

    Args:
        lengths: Steps of each sequence, more than the warm-up.
        size: Steps that carry loss in each window, at least; what is left is spread over all of a
            sequence's. None for one window a sequence.
        warm_up: Steps before, that carry none.
    """
    found = []
    for number, T in enumerate(lengths):
        counted = T - warm_up
        count = 1 if size is None else max(1, counted // size)
        ends = [warm_up + counted * part // count for part in range(count + 1)]
        found += [
            Window(number, range(start - warm_up, stop)) for start, stop in itertools.pairwise(ends)
        ]
    return found


def first_part(steps: int, held: float, warm_up: int) -> int:
    """Give how many steps of one sequence are learned from, if its last share is held out.

    Raises:
        DataError: Either part would be no longer than the warm-up.
    """
    first = steps - round(held * steps)
    if min(first, steps - first) <= warm_up:
        raise DataError(
            f"one sequence of {steps} steps is parted into {first} to learn from and "
            f"{steps - first} to validate on, and both must be longer than the warm-up, {warm_up}."
            "\nTo mend: give another share for validation (0 for none), or a shorter warm-up."
        )
    return first


@dataclass(eq=False)
class StepTraining:
    """A network with the weights that it begins with, and the sequences that it is to learn.

    Every window begins without a state: the warm-up brings the network into the one that it would
    have come to, and costs nothing where the state is wrong still. Made under a seed: what is
    drawn in training comes from torch's generator as it stands then.

    Attributes:
        network: (inputs, state, lengths) -> (outputs, state).
        inputs: Scaled, where the network is, [T_i, I] each.
        targets: Scaled likewise, [T_i, O] each.
        learned: Which sequences are learned from.
        held: Which are validated on after each epoch, whole; none to keep the last weights.
        loss: Elementwise.
        window: Steps that carry loss in a row of a batch; None for whole sequences.
        warm_up: Steps before them that carry none; of what is validated on, likewise.
        augmentation: Of the inputs; it leaves their number of steps.
        settings: How to train.
    """

    network: nn.Module
    inputs: Sequence[Tensor]
    targets: Sequence[Tensor]
    learned: Sequence[int]
    held: Sequence[int]
    loss: Loss
    window: int | None
    warm_up: int
    augmentation: Augmentation
    settings: Settings
    _random: Tensor = field(default_factory=torch.get_rng_state, repr=False)

    def probe(self) -> FlowProbe | None:
        """Give a callback that looks at the gradient by lag while it learns.

        None where layers run in both directions: a loss then reaches later steps too.
        """
        if not causal(self.network):
            return None
        inputs, targets = ([part[i] for i in self.learned] for part in (self.inputs, self.targets))
        return probe_of(self.network, inputs, targets, self.loss, self.warm_up)

    def run(
        self,
        callbacks: Sequence[Callback] = (),
        checkpoints: Checkpoints | None = None,
        resume: Checkpoint | None = None,
    ) -> Outcome:
        """Train the network, and leave it with its best weights; see `fitted`."""
        windows = self.windows()
        steps = sum(len(window.steps) for window in windows)
        share = 1 - self.warm_up * len(windows) / steps
        with warnings.catch_warnings():
            # Windows may be as short as they like.
            warnings.filterwarnings("ignore", ".*full backpropagation through time")
            return fitted(
                self.network,
                self._batches,
                self._batch(windows[:1], None),
                Masked(self.loss, share),
                "mean",
                self.settings,
                self._random,
                self._validate if self.held else None,
                callbacks,
                checkpoints,
                resume,
            )

    def windows(self) -> list[Window]:
        """Give what the rows of batches are drawn from, each once an epoch."""
        lengths = [len(self.inputs[i]) for i in self.learned]
        found = windows_of(lengths, self.window, self.warm_up)
        return [Window(self.learned[w.sequence], w.steps) for w in found]

    def _batches(self) -> Iterator[Batch]:
        windows = self.windows()
        for chosen in torch.split(torch.randperm(len(windows)), self.settings.batch_size):
            yield self._batch([windows[i] for i in chosen.tolist()], self.augmentation)

    def _batch(self, windows: Sequence[Window], augmentation: Augmentation | None) -> Batch:
        rows = [self.inputs[w.sequence][w.steps.start : w.steps.stop] for w in windows]
        x, lengths = padded(rows if augmentation is None else [augmentation(x) for x in rows])
        d = pad_sequence(
            [self.targets[w.sequence][w.steps.start : w.steps.stop] for w in windows]
        )  # [T, B, O]
        d[: self.warm_up] = torch.nan  # not asked for
        return Batch(x, d, None if bool((lengths == len(x)).all()) else lengths)

    def _validate(self) -> float:
        given = step_answers(self.network, [self.inputs[i] for i in self.held])
        losses = [
            self.loss(y[self.warm_up :, None], self.targets[i][self.warm_up :, None]).flatten()
            for i, y in zip(self.held, given, strict=True)
        ]
        return float(torch.cat(losses).mean())


@torch.no_grad()
def step_answers(network: nn.Module, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Give a network's answers at every step of each sequence, [T_i, O] each.

    Sequences of like lengths run together. What runs in one direction is run some steps at a time,
    its state carried on, so that memory does not grow with the longest sequence.

    Args:
        network: As in `StepTraining`; it is left in evaluation mode.
        inputs: Scaled, [T_i, I] each.
    """
    network.eval()
    forward = causal(network)
    order = sorted(range(len(inputs)), key=lambda i: -len(inputs[i]))
    found: dict[int, Tensor] = {}
    while order:
        rows = max(1, _STEPS // len(inputs[order[0]]))
        chosen, order = order[:rows], order[rows:]
        x, lengths = padded([inputs[i] for i in chosen])
        each = max(1, _STEPS // len(chosen)) if forward else len(x)
        state, pieces = None, []
        for start in range(0, len(x), each):
            piece = x[start : start + each]
            left = (lengths - start).clamp(0, len(piece))
            y, state = network(piece, state, lengths=left)
            pieces.append(y)
        y = torch.cat(pieces)  # [T, B, O]
        found |= {i: y[: len(inputs[i]), row] for row, i in enumerate(chosen)}
    return [found[i] for i in range(len(inputs))]
