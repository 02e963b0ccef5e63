"""What estimators of whole sequences share: parameters, training, and running them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from throughtime.data import Scaling
from throughtime.data.augmentation import Augmentation
from throughtime.data.groups import held_out
from throughtime.data.ragged import padded, ragged
from throughtime.data.tasks.asked import NOT_ASKED, Loss, Masked
from throughtime.estimators.parameters import Parameters
from throughtime.estimators.settings import Settings, SettingsError
from throughtime.gradients import Clipping, registry
from throughtime.named import NamedError, named
from throughtime.nn import Network
from throughtime.nn.pooled import POOLINGS, PooledNetwork
from throughtime.train import Batch, Outcome, make_optimizer, make_schedule, train
from throughtime.train.rehearsal import rehearse
from throughtime.train.run_folder import RunFolder
from throughtime.train.training import Callback

_ROWS = 256
"""Sequences that are run at once where nothing is learned."""


@dataclass(eq=False, repr=False)
class SequenceEstimator(Parameters, ABC):
    """A recurrent network that gives one answer a sequence, with scikit-learn's conventions.

    Parameters are stored as they are given and checked by `fit`; what `fit` finds ends in an
    underscore. Sequences are a list of arrays [T_i, I] of any lengths, one array [N, T, I], or
    [N, T] for sequences of one column.

    Args:
        cell: The name of a cell.
        hidden: Units a layer and direction.
        layers: Layers.
        bidirectional: Whether layers run in both directions.
        pooling: What is read out: "last" valid state, or "mean" or "max" over the steps.
        dropout: Share of each layer's outputs and of what is pooled, dropped while training.
        epochs: Times through the training sequences, at most.
        learning_rate: The first one.
        optimizer: The name of one of torch's optimisers.
        schedule: The name of a learning-rate schedule.
        weight_decay: The optimiser's.
        method: A gradient method with its arguments: "bptt", "tbptt:10:30", "checkpointed:64MB".
            Online ones take the last state of one direction, without dropout.
        clip: The largest gradient norm let through; None for no limit.
        batch_size: Sequences in a batch.
        validation: Share of the sequences that is held out to stop by; 0 for none.
        patience: Epochs without a better validation loss before training ends, with the weights
            that validated best; None to go through all epochs and keep the best.
        stretch: See `Augmentation`, like the next four.
        noise: Of the scaled inputs.
        offset: Of a whole scaled sequence.
        masked_columns: Neighbouring columns.
        masked_steps: Share of neighbouring steps.
        seed: Of the first weights and of all else that is random.
        device: Where to train.
        dtype: "float32" or "float64".

    Attributes:
        network_: The trained network.
        scaling_: Of the inputs, by the sequences learned from.
        n_features_in_: Columns of a sequence, I.
        outcome_: What the training came to: history, best epoch, why it ended.
    """

    cell: str = "gru"
    hidden: int = 64
    layers: int = 1
    bidirectional: bool = False
    pooling: str = "mean"
    dropout: float = 0.0
    epochs: int = 60
    learning_rate: float = 0.005
    optimizer: str = "adam"
    schedule: str = "cosine"
    weight_decay: float = 0.0
    method: str = "bptt"
    clip: float | None = 1.0
    batch_size: int = 32
    validation: float = 0.0
    patience: int | None = None
    stretch: float = 0.0
    noise: float = 0.0
    offset: float = 0.0
    masked_columns: int = 0
    masked_steps: float = 0.0
    seed: int = 0
    device: str = "cpu"
    dtype: str = "float32"

    _kind: ClassVar[str]

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        classifies = self._kind == "classifier"
        return Tags(
            estimator_type=self._kind,
            target_tags=TargetTags(required=True, multi_output=not classifies),
            classifier_tags=ClassifierTags() if classifies else None,
            regressor_tags=None if classifies else RegressorTags(),
            input_tags=InputTags(two_d_array=True, three_d_array=True),
        )

    def settings(self) -> Settings:
        """Check the parameters that say how to train, and give them together.

        Raises:
            SettingsError: One is out of range or unknown.
        """
        if self.pooling not in POOLINGS:
            raise SettingsError(
                f"unknown pooling {self.pooling!r}; known are {', '.join(POOLINGS)}"
            )
        for name, most in _SHARES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise SettingsError(f"{name} must be a number, got {value!r}")
            if not 0 <= value < most:
                raise SettingsError(f"{name} must be at least 0 and below {most:g}, got {value!r}")
        if not isinstance(self.bidirectional, bool):
            raise SettingsError(f"bidirectional must be True or False, got {self.bidirectional!r}")
        return Settings(
            cell=self.cell,
            hidden=self.hidden,
            layers=self.layers,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            optimizer=self.optimizer,
            schedule=self.schedule,
            weight_decay=self.weight_decay,
            method=self.method,
            clip=self.clip,
            batch_size=self.batch_size,
            patience=self.patience,
            seed=self.seed,
            device=self.device,
            dtype=self.dtype,
        )

    def build(self, columns: int, outputs: int) -> nn.Module:
        """Make the untrained network for sequences of some columns.

        Where the last state of one direction is read out and nothing is dropped, it is a plain
        `Network`, whose step online methods can differentiate; its weights have the same names.
        """
        settings = self.settings()
        plain = self.pooling == "last" and not self.bidirectional and not self.dropout
        sizes = (self.cell, columns, self.hidden, outputs)
        shape: dict[str, Any] = {"num_layers": self.layers, "dtype": settings.torch_dtype}
        if plain:
            return Network(*sizes, **shape)
        return PooledNetwork(
            *sizes,
            pooling=self.pooling,
            dropout=self.dropout,
            bidirectional=self.bidirectional,
            **shape,
        )

    def _train(
        self,
        X: Any,
        targets: Tensor,
        outputs: int,
        loss: Loss,
        labels: Sequence[Any],
        groups: Sequence[Any] | None,
        callbacks: Sequence[Callback],
    ) -> None:
        """Fit the network so that its answer for sequence i comes near targets[i].

        Args:
            X: The sequences.
            targets: Classes, [N], or numbers, [N, O].
            outputs: Columns of the answer.
            loss: Elementwise, of answers [1, N, outputs].
            labels: What the held-out share is stratified by.
            groups: Sequences of one group are never parted by it.
            callbacks: Told of each update and epoch.
        """
        settings = self.settings()
        sequences = ragged(X, settings.torch_dtype)
        if len(sequences) != len(targets):
            raise SettingsError(
                f"each sequence needs its target: there are {len(sequences)} sequences and "
                f"{len(targets)} targets"
            )
        fitted, kept = held_out(labels, groups, self.validation, self.seed)
        if self.patience is not None and not kept:
            raise SettingsError("patience waits for a better validation loss; give validation too")
        rows = torch.cat([sequences[i] for i in fitted])
        self.scaling_ = Scaling.fit(rows, range(len(rows)))
        self.n_features_in_ = rows.shape[1]
        inputs = [self.scaling_.apply(s).to(settings.device) for s in sequences]
        answers = targets.to(settings.device)
        batch_rows = min(settings.batch_size, len(fitted))
        asked = Masked(lambda y, d: loss(y, d) / batch_rows)
        augment = Augmentation(
            self.stretch, self.noise, self.offset, self.masked_columns, self.masked_steps
        )

        def batch(chosen: Sequence[int], change: Any = None) -> Batch:
            rows = [inputs[i] if change is None else change(inputs[i]) for i in chosen]
            x, lengths = padded(rows)
            return Batch(x, _at_the_end(answers[list(chosen)], lengths, len(x)), lengths)

        def batches() -> Iterator[Batch]:
            for chosen in torch.split(torch.randperm(len(fitted)), settings.batch_size):
                yield batch([fitted[i] for i in chosen.tolist()], augment)

        def validate() -> float:
            given = self._answers([inputs[i] for i in kept])  # [N, O]
            with torch.no_grad():
                return float(loss(given[None], answers[kept][None]).mean())

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.network_ = self.build(self.n_features_in_, outputs).to(settings.device)
            try:
                method = named(
                    self.method, registry, "gradient method", seed=settings.seed, reduce="sum"
                )
                rehearse(self.network_, batch(fitted[:1]), asked, method)
            except (NamedError, TypeError, ValueError) as error:
                raise SettingsError(
                    f"method {self.method!r} does not take this network: {error}"
                ) from None
            decay = {"weight_decay": self.weight_decay} if self.weight_decay else {}
            optimizer = make_optimizer(
                self.optimizer, self.network_.parameters(), self.learning_rate, **decay
            )
            self.outcome_: Outcome = train(
                self.network_,
                batches,
                asked,
                method,
                optimizer,
                epochs=self.epochs,
                schedule=make_schedule(self.schedule, optimizer, self.epochs),
                clipping=Clipping(norm=self.clip),
                validate=validate if kept else None,
                patience=self.patience,
                callbacks=callbacks,
            )
        if self.outcome_.stopped == "failed" and not self.outcome_.best_epoch:
            raise FloatingPointError(self.outcome_.failure)

    def save(self, folder: str | Path, **noted: Any) -> None:
        """Write what was fitted into a new folder: safetensors and JSON, whole or not at all.

        Args:
            folder: It must not exist, or be empty.
            noted: Further plain values for `config.json`.

        Raises:
            NotFittedError: Nothing was fitted.
            RunFolderError: The folder is taken, or cannot be written.
            SavedError: The classes are neither text nor numbers.
        """
        from throughtime.estimators.saved_sequences import write

        self._fitted("network_")
        with RunFolder("model", Path(folder)) as place:
            write(self, place.path, **noted)
            place.keep()

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Rebuild from a folder that `save` or `throughtime train` wrote, on the CPU.

        Raises:
            SavedError: The folder cannot be used, or holds another estimator.
        """
        from throughtime.estimators.saved import SavedError
        from throughtime.estimators.saved_sequences import read

        found, _ = read(Path(folder))
        if not isinstance(found, cls):
            raise SavedError(f"{folder} holds a {type(found).__name__}, not a {cls.__name__}")
        return found

    def _run(self, X: Any) -> Tensor:
        """Give the network's answer for each sequence, [N, O]."""
        self._fitted("network_")
        settings = self.settings()
        sequences = ragged(X, settings.torch_dtype, columns=self.n_features_in_)
        return self._answers([self.scaling_.apply(s).to(settings.device) for s in sequences])

    @torch.no_grad()
    def _answers(self, inputs: Sequence[Tensor]) -> Tensor:
        """Run scaled sequences, those of like lengths together."""
        self.network_.eval()
        order = sorted(range(len(inputs)), key=lambda i: len(inputs[i]))
        answers: list[Tensor] = []
        for start in range(0, len(order), _ROWS):
            x, lengths = padded([inputs[i] for i in order[start : start + _ROWS]])
            outputs, _ = self.network_(x, lengths=lengths)
            answers.append(outputs[lengths - 1, torch.arange(len(lengths))])
        place = torch.empty(len(order), dtype=torch.long)
        place[torch.tensor(order)] = torch.arange(len(order))
        return torch.cat(answers)[place]

    @abstractmethod
    def predict(self, X: Any) -> Any:
        """Give the answer for each sequence."""


_SHARES = {
    "dropout": 1.0,
    "validation": 1.0,
    "stretch": 1.0,
    "noise": float("inf"),
    "offset": float("inf"),
    "masked_columns": float("inf"),
    "masked_steps": 1.0,
}


def _at_the_end(targets: Tensor, lengths: Tensor, steps: int) -> Tensor:
    """Give targets [N, ...] to the last valid step of each row alone, [T, N, ...]."""
    empty = torch.nan if targets.is_floating_point() else NOT_ASKED
    spread = targets.new_full((steps, *targets.shape), empty)
    spread[lengths - 1, torch.arange(len(lengths))] = targets
    return spread
