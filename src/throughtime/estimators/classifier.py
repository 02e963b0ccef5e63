"""A recurrent network that tells which class a sequence is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from throughtime.data import DataError
from throughtime.estimators.sequence_flow import MEASURED, credit_of, flow_of, spread
from throughtime.estimators.sequence_training import SequenceTraining
from throughtime.estimators.sequences import SequenceEstimator
from throughtime.estimators.settings import SettingsError
from throughtime.flow import Flow


@dataclass(eq=False, repr=False)
class SequenceClassifier(SequenceEstimator):
    """Tells the class of a whole sequence; parameters, sequences and errors as above.

    `fit` takes as y the class of each sequence, two classes or more.

    Args:
        class_weight: "balanced" weighs each class by the inverse of its number of sequences; a
            mapping gives the weight of each class; None weighs all sequences alike.
        label_smoothing: Share of the target's probability that is spread over all classes (Szegedy
            et al. 2016).

    Attributes:
        classes_: The classes, sorted. Length K.

    Example:
        >>> import numpy as np
        >>> draw = np.random.default_rng(0)
        >>> X = [draw.normal(rising, 1, (draw.integers(20, 40), 2)) for rising in (0, 1) * 20]
        >>> classifier = SequenceClassifier(hidden=8, epochs=20).fit(X, ["low", "high"] * 20)
        >>> classifier.classes_.tolist(), classifier.score(X, ["low", "high"] * 20) > 0.9
        (['high', 'low'], True)
    """

    class_weight: str | Mapping[Any, float] | None = None
    label_smoothing: float = 0.0

    _kind: ClassVar[str] = "classifier"
    _saved: ClassVar[str] = "throughtime.estimators.saved_classifier"
    _estimator_type: ClassVar[str] = "classifier"

    def prepared(
        self,
        X: Any,
        y: Sequence[Any] | npt.NDArray[Any],
        groups: Sequence[Any] | None = None,
    ) -> SequenceTraining:
        """Give the training that `fit` goes through, before it begins: its network as it is drawn.

        Classes and scaling are known from here on. Errors are those of `fit`.
        """
        if not 0 <= self.label_smoothing < 1:
            raise SettingsError(
                f"label_smoothing must be at least 0 and below 1, got {self.label_smoothing!r}"
            )
        labels = np.asarray(y)
        if labels.ndim != 1:
            raise DataError(
                f"y should be a 1d array, a class a sequence; its shape is {labels.shape}"
            )
        if labels.dtype.kind == "f" and not np.all(labels == np.floor(labels)):
            raise DataError(
                "Unknown label type: y is continuous, not classes.\nTo mend: give classes."
            )
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(
                f"there is nothing to tell apart: all of {len(labels)} sequences are of "
                f"{len(self.classes_)} class.\nTo mend: give sequences of two classes or more."
            )
        weights = self._weights(numbers)

        def loss(outputs: Tensor, targets: Tensor) -> Tensor:
            losses = self._loss(outputs, targets)
            return losses * weights.to(losses)[targets]

        sequences = self._read(X, len(numbers))
        learned, held = self._parted(numbers.tolist(), groups)
        targets = torch.from_numpy(numbers)
        return self._prepared(sequences, targets, len(self.classes_), loss, learned, held)

    def _loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Give the loss of each sequence, whatever the weight of its class."""
        losses: Tensor = cross_entropy(
            outputs.movedim(-1, 1),
            targets,
            reduction="none",
            label_smoothing=self.label_smoothing,
        )
        return losses

    def _weights(self, numbers: npt.NDArray[Any]) -> Tensor:
        """Give the weight of each class; the mean over sequences is 1."""
        classes = self.classes_.tolist()
        counts = np.bincount(numbers, minlength=len(classes))
        if self.class_weight is None:
            return torch.ones(len(classes))
        if isinstance(self.class_weight, Mapping):
            unknown = [name for name in self.class_weight if name not in classes]
            values = [float(self.class_weight.get(name, 1.0)) for name in classes]
            if unknown or min(values) < 0 or max(values) == 0:
                raise SettingsError(
                    "class_weight must give classes weights of at least 0, not all 0; got "
                    f"{dict(self.class_weight)!r} for the classes {classes!r}"
                )
        elif self.class_weight == "balanced":
            values = [1 / count for count in counts.tolist()]
        else:
            raise SettingsError(
                f"class_weight must be 'balanced', a mapping or None, got {self.class_weight!r}"
            )
        weights = torch.tensor(values)  # [K]
        mean = float((weights * torch.from_numpy(counts)).sum()) / len(numbers)
        return weights / mean

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Give the probability of each class, [N, K], columns as in `classes_`."""
        probabilities = torch.softmax(self._run(X).double(), -1)
        return probabilities.cpu().numpy()

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Give the likeliest class of each sequence, [N]."""
        likeliest = self._run(X).argmax(-1).cpu().numpy()
        return np.asarray(self.classes_[likeliest])

    def score(self, X: Any, y: Sequence[Any] | npt.NDArray[Any]) -> float:
        """Give the accuracy: the share of sequences whose class is told."""
        told = self.predict(X)
        labels = np.asarray(y)
        if len(labels) != len(told):
            raise DataError(f"there are {len(told)} sequences and {len(labels)} classes")
        return float(np.mean(told == labels))

    def flow(self, X: Any, y: Sequence[Any] | npt.NDArray[Any]) -> Flow:
        """Measure how far back the gradient of the sequences' losses reaches.

        Measured are up to eight sequences, of as many classes as there are, and of longer ones the
        last 300 steps.

        Args:
            X: The sequences; see the class.
            y: The class of each.

        Raises:
            NotFittedError, DataError: As for `score`; or a class is none of those learned.
            NoFlowError: There is no gradient, or it is not finite.
        """
        inputs, targets = self._asked(X, y)
        chosen = spread(targets.tolist(), MEASURED)
        rows = [inputs[place] for place in chosen]
        return flow_of(self.network_, rows, targets[chosen], self._loss)

    def credit(self, X: Any, y: Sequence[Any] | npt.NDArray[Any]) -> list[npt.NDArray[np.float64]]:
        """Measure which steps of each sequence the loss of its class hears.

        Arguments and errors as for `flow`.

        Returns:
            |dE/dx_t| by step, [T_i] each, the inputs being scaled.
        """
        inputs, targets = self._asked(X, y)
        found = credit_of(self.network_, inputs, targets, self._loss)
        return [sizes.cpu().numpy() for sizes in found]

    def _asked(self, X: Any, y: Sequence[Any] | npt.NDArray[Any]) -> tuple[list[Tensor], Tensor]:
        """Give sequences as the network takes them, and the numbers of their classes."""
        inputs, labels = self._scaled(X), np.asarray(y)
        if len(labels) != len(inputs):
            raise DataError(f"there are {len(inputs)} sequences and {len(labels)} classes")
        unknown = sorted(set(labels.tolist()) - set(self.classes_.tolist()), key=str)
        if unknown:
            raise DataError(
                f"classes that were not learned: {', '.join(map(str, unknown[:5]))}.\n"
                f"To mend: give sequences of {', '.join(map(str, self.classes_.tolist()[:12]))}."
            )
        places = np.searchsorted(self.classes_, labels)
        return inputs, torch.from_numpy(places).to(self.settings().device)
