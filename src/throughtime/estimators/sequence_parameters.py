"""The parameters of estimators of sequences: how a network is built and trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from throughtime.estimators.parameters import Parameters
from throughtime.estimators.settings import Settings, SettingsError
from throughtime.nn import Network
from throughtime.nn.pooled import POOLINGS, PooledNetwork


@dataclass(eq=False, repr=False)
class SequenceParameters(Parameters):
    """A recurrent network that answers for sequences, with scikit-learn's conventions.

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
        self._take_plain()
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


_SHARES = {
    "dropout": 1.0,
    "validation": 1.0,
    "stretch": 1.0,
    "noise": float("inf"),
    "offset": float("inf"),
    "masked_columns": float("inf"),
    "masked_steps": 1.0,
}
