"""What estimators of sequences share: how they learn, run, are written and are read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from throughtime.data import Scaling
from throughtime.data.augmentation import Augmentation
from throughtime.data.groups import held_out
from throughtime.data.ragged import ragged
from throughtime.data.tasks.asked import Loss
from throughtime.estimators.sequence_parameters import SequenceParameters
from throughtime.estimators.sequence_training import SequenceTraining, answers
from throughtime.estimators.settings import SettingsError
from throughtime.estimators.step_training import StepTraining
from throughtime.train import Checkpoint, Checkpoints, Outcome
from throughtime.train.run_folder import RunFolder
from throughtime.train.training import Callback


@dataclass(eq=False, repr=False)
class SequenceEstimator(SequenceParameters, ABC):
    """A network of some parameters with what it has learned.

    Attributes:
        network_: The trained network.
        scaling_: Of the inputs, by the sequences learned from.
        n_features_in_: Columns of a sequence, I.
        outcome_: What the training came to: history, best epoch, why it ended.
    """

    _saved: ClassVar[str]
    """The module that writes and reads such an estimator."""

    def _read(self, X: Any, targets: int) -> list[Tensor]:
        """Give the sequences to learn from, [T_i, I] each.

        Raises:
            DataError: They cannot be used.
            SettingsError: There is another number of targets, or a parameter is out of range.
        """
        sequences = ragged(X, self.settings().torch_dtype)
        if len(sequences) != targets:
            raise SettingsError(
                f"each sequence needs its target: there are {len(sequences)} sequences and "
                f"{targets} targets"
            )
        return sequences

    def _parted(
        self, labels: Sequence[Any], groups: Sequence[Any] | None
    ) -> tuple[list[int], list[int]]:
        """Give the places of what is learned from and of what is held out to validate on.

        Args:
            labels: What the held-out share is stratified by.
            groups: Sequences of one group are never parted by it.
        """
        learned, held = held_out(labels, groups, self.validation, self.seed)
        if self.patience is not None and not held:
            raise SettingsError("patience waits for a better validation loss; give validation too")
        return learned, held

    def _fit_scaling(self, sequences: Sequence[Tensor], learned: Sequence[int]) -> list[Tensor]:
        """Fit the scaling on what is learned from; give all sequences scaled, where they train."""
        rows = torch.cat([sequences[i] for i in learned])
        self.scaling_ = Scaling.fit(rows, range(len(rows)))
        self.n_features_in_ = rows.shape[1]
        return [self.scaling_.apply(s).to(self.device) for s in sequences]

    def _augmentation(self) -> Augmentation:
        return Augmentation(
            self.stretch, self.noise, self.offset, self.masked_columns, self.masked_steps
        )

    def _prepared(
        self,
        sequences: Sequence[Tensor],
        targets: Tensor,
        outputs: int,
        loss: Loss,
        learned: Sequence[int],
        held: Sequence[int],
    ) -> SequenceTraining:
        """Give the training after which the answer for sequence i comes near targets[i].

        Args:
            sequences: As they were read.
            targets: Classes, [N], or numbers, [N, O].
            outputs: Columns of the answer.
            loss: Elementwise, of answers [1, N, outputs].
            learned: Which sequences are learned from.
            held: Which are held out.
        """
        settings = self.settings()
        inputs = self._fit_scaling(sequences, learned)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return SequenceTraining(
                network=self.build(self.n_features_in_, outputs).to(settings.device),
                inputs=inputs,
                targets=targets.to(settings.device),
                learned=learned,
                held=held,
                loss=loss,
                augmentation=self._augmentation(),
                settings=settings,
            )

    @abstractmethod
    def prepared(
        self, X: Any, y: Any, groups: Sequence[Any] | None = None
    ) -> SequenceTraining | StepTraining:
        """Give the training that `fit` goes through, before it begins: its network as it is drawn.

        What is said of targets, and the scaling, is known from here on. Errors are those of `fit`.
        """

    def fit(
        self,
        X: Any,
        y: Any,
        groups: Sequence[Any] | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoints: Checkpoints | None = None,
        resume: Checkpoint | None = None,
    ) -> Self:
        """Learn from sequences and what is asked of them.

        Args:
            X: The sequences; see the class.
            y: What is asked; see the class.
            groups: The group of each; a held-out share for validation parts no group.
            callbacks: Told of each update and epoch.
            checkpoints: Keeps what is needed to go on with the training; see `throughtime.train`.
            resume: Where to go on from: a checkpoint of an estimator with these parameters, fitted
                on these sequences.

        Returns:
            This estimator. Ctrl-C, or a loss that is not finite, leaves it with its best weights;
            `outcome_` says so.

        Raises:
            DataError: A sequence or a target cannot be used, or does not fit the other.
            SettingsError: A parameter is out of range, or the method does not take the network.
            FloatingPointError: The loss was not finite before the first epoch had ended.
            StorageError: A checkpoint cannot be written; or the one to go on from is one of
                another training.
        """
        outcome = self.learn(self.prepared(X, y, groups), callbacks, checkpoints, resume)
        if outcome.stopped == "failed" and not outcome.best_epoch:
            raise FloatingPointError(outcome.failure)
        return self

    def learn(
        self,
        training: SequenceTraining | StepTraining,
        callbacks: Sequence[Callback] = (),
        checkpoints: Checkpoints | None = None,
        resume: Checkpoint | None = None,
    ) -> Outcome:
        """Go through a training that `prepared` gave; the rest is as for `fit`."""
        outcome = training.run(callbacks, checkpoints, resume)
        self.network_, self.outcome_ = training.network, outcome
        return outcome

    def _run(self, X: Any) -> Tensor:
        """Give the network's answer for each sequence, [N, O]."""
        inputs = self._scaled(X)
        return answers(self.network_, inputs)

    def _scaled(self, X: Any) -> list[Tensor]:
        """Give sequences as the network takes them."""
        self._fitted("network_")
        settings = self.settings()
        sequences = ragged(X, settings.torch_dtype, columns=self.n_features_in_)
        return [self.scaling_.apply(s).to(settings.device) for s in sequences]

    @abstractmethod
    def predict(self, X: Any) -> Any:
        """Give the answer for each sequence."""

    def save(self, folder: str | Path) -> None:
        """Write what was fitted into a new folder: safetensors and JSON, whole or not at all.

        Args:
            folder: It must not exist, or be empty.

        Raises:
            NotFittedError: Nothing was fitted.
            RunFolderError: The folder is taken, or cannot be written.
            SavedError: Something of it, a class say, is neither text nor a number.
        """
        self._fitted("network_")
        with RunFolder("model", Path(folder)) as place:
            import_module(self._saved).save(self, place.path)
            place.keep()

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Load what `save` or `throughtime train` wrote, on the CPU.

        Raises:
            SavedError: A file is missing or damaged, or of another kind of model.
        """
        loaded: Self = import_module(cls._saved).load(Path(folder))
        return loaded
