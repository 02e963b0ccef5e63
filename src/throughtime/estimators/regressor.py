"""A recurrent network that gives numbers for a sequence, or for each of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from throughtime.data import DataError, Scaling
from throughtime.data.targets import check_steps, numbers, numbers_by_step
from throughtime.data.tasks.asked import squared
from throughtime.estimators import regressor_flow
from throughtime.estimators.regression_scores import determination
from throughtime.estimators.sequence_training import SequenceTraining
from throughtime.estimators.sequences import SequenceEstimator
from throughtime.estimators.settings import Settings, SettingsError
from throughtime.estimators.step_training import StepTraining, first_part, step_answers
from throughtime.estimators.streaming import SampleStream
from throughtime.flow import Flow
from throughtime.flow.walk import Walk
from throughtime.nn import Network

PER = ("sequence", "step")


@dataclass(eq=False, repr=False)
class SequenceRegressor(SequenceEstimator):
    """Gives numbers for a whole sequence, or for each step; parameters and errors as above.

    It learns by the squared error of scaled targets. Scaling of inputs and targets is fitted on
    what is learned from. With `per="step"` each step is answered from its own state, as a filter
    does, and long sequences are learned in windows that begin without a state: a warm-up that
    carries no loss brings the network into one.

    `fit` takes as y, per sequence, [N] or [N, O]; per step a list of arrays [T_i] or [T_i, O], or
    one array [N, T] or [N, T, O].

    Args:
        per: What is answered for: "sequence" or "step".
        window: Of answers per step: steps that carry loss in a row of a batch, at least; longer
            sequences are cut into several. None for whole sequences.
        warm_up: Of answers per step: steps before them that carry no loss. Those of a window are
            the last of the window before; in front of a sequence's first window they are its own.
        pooling: "last", for answers per step; for those per sequence as above.
        validation: Share of the sequences that is held out to stop by; of a single one that is
            answered per step, its last steps.

    Attributes:
        target_scaling_: Of the targets, by the sequences learned from.
        n_outputs_: Columns of a target, O.
        flat_: Whether targets came without a dimension of columns, as answers then do.

    Example:
        >>> import numpy as np
        >>> draw = np.random.default_rng(0)
        >>> X = [draw.normal(size=(draw.integers(50, 90), 1)) for _ in range(20)]
        >>> y = [np.convolve(x[:, 0], [0.5, 0.3])[: len(x)] for x in X]
        >>> regressor = SequenceRegressor(per="step", hidden=8, learning_rate=0.05).fit(X, y)
        >>> regressor.score(X, y) > 0.9
        True
    """

    pooling: str = "last"
    per: str = "sequence"
    window: int | None = None
    warm_up: int = 0

    _kind: ClassVar[str] = "regressor"
    _saved: ClassVar[str] = "throughtime.estimators.saved_regressor"
    _estimator_type: ClassVar[str] = "regressor"

    def check(self) -> Settings:
        """Refuse parameters that are out of range or unknown, or that mean nothing together.

        Raises:
            SettingsError: The message says what is allowed.
        """
        settings = self.settings()
        if self.per not in PER:
            raise SettingsError(f"unknown per {self.per!r}; known are {', '.join(PER)}")
        for name, least in (("window", 1), ("warm_up", 0)):
            value = getattr(self, name)
            if value is None and name == "window":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise SettingsError(
                    f"{name} must be a whole number of at least {least}, got {value!r}"
                )
        if self.per == "sequence" and (self.window is not None or self.warm_up):
            raise SettingsError(
                "window and warm_up are of answers per step, and per is 'sequence': a sequence "
                "is learned whole; leave them out, or give per='step'"
            )
        if self.per == "step" and self.pooling != "last":
            raise SettingsError(
                f"with per='step' each step's own state is read, and pooling is {self.pooling!r}; "
                "leave it out, or give per='sequence'"
            )
        if self.per == "step" and self.stretch:
            raise SettingsError(
                "with per='step' inputs cannot be stretched: targets would belong to other steps; "
                "leave stretch out"
            )
        return settings

    def build(self, columns: int, outputs: int) -> nn.Module:
        """Make the untrained network for sequences of some columns."""
        if self.per == "sequence":
            return super().build(columns, outputs)
        return Network(
            self.cell,
            columns,
            self.hidden,
            outputs,
            num_layers=self.layers,
            dropout=self.dropout if self.layers > 1 else 0.0,
            readout_dropout=self.dropout,
            bidirectional=self.bidirectional,
            dtype=self.settings().torch_dtype,
        )

    def prepared(
        self, X: Any, y: Any, groups: Sequence[Any] | None = None
    ) -> SequenceTraining | StepTraining:
        """Give the training that `fit` goes through, before it begins: its network as it is drawn.

        The scaling is known from here on. Errors are those of `fit`.
        """
        self.check()
        prepare = self._prepared_by_step if self.per == "step" else self._prepared_whole
        return prepare(X, y, groups)

    def _prepared_whole(self, X: Any, y: Any, groups: Sequence[Any] | None) -> SequenceTraining:
        targets, self.flat_ = numbers(y)  # [N, O]
        sequences = self._read(X, len(targets))
        learned, held = self._parted([0] * len(targets), groups)
        self.n_outputs_ = targets.shape[1]
        self.target_scaling_ = Scaling.fit(targets[learned], range(len(learned)))
        scaled = self.target_scaling_.apply(targets).to(self.settings().torch_dtype)
        return self._prepared(
            sequences,
            scaled,
            self.n_outputs_,
            lambda outputs, given: squared(outputs, given) / self.n_outputs_,
            learned,
            held,
        )

    def _prepared_by_step(self, X: Any, y: Any, groups: Sequence[Any] | None) -> StepTraining:
        settings = self.settings()
        targets, self.flat_ = numbers_by_step(y, settings.torch_dtype)
        sequences = self._read(X, len(targets))
        check_steps(sequences, targets, self.warm_up)
        if len(sequences) == 1 and self.validation and groups is None:
            cut = first_part(len(targets[0]), self.validation, self.warm_up)
            sequences, targets = ([x[:cut], x[cut:]] for x in (sequences[0], targets[0]))
            learned, held = [0], [1]
        else:
            learned, held = self._parted([0] * len(targets), groups)
        inputs = self._fit_scaling(sequences, learned)
        rows = torch.cat([targets[i] for i in learned])
        self.target_scaling_ = Scaling.fit(rows, range(len(rows)))
        self.n_outputs_ = rows.shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return StepTraining(
                network=self.build(self.n_features_in_, self.n_outputs_).to(settings.device),
                inputs=inputs,
                targets=[self.target_scaling_.apply(d).to(settings.device) for d in targets],
                learned=learned,
                held=held,
                loss=squared,
                window=self.window,
                warm_up=self.warm_up,
                augmentation=self._augmentation(),
                settings=settings,
            )

    def predict(self, X: Any) -> Any:
        """Give the answers, in the units of the targets, shaped as these were.

        Args:
            X: The sequences; see the class.

        Returns:
            Per sequence [N] or [N, O]. Per step a list of arrays [T_i] or [T_i, O], as a rule; one
            array [N, T] or [N, T, O] if X is one array.
        """
        self._fitted("network_")
        if self.per == "sequence":
            return self._in_units(self._run(X))
        answers = [self._in_units(y) for y in step_answers(self.network_, self._scaled(X))]
        return np.stack(answers) if isinstance(X, np.ndarray | Tensor) else answers

    def _in_units(self, answers: Tensor) -> npt.NDArray[np.float64]:
        given = self.target_scaling_.invert(answers.double().cpu()).numpy()
        return given[..., 0] if self.flat_ else given

    def score(self, X: Any, y: Any) -> float:
        """Give the coefficient of determination R^2 of the answers, averaged over their columns.

        Per step it is over all steps of all sequences together, those of a warm-up too.
        """
        answers = self.predict(X)
        if self.per == "sequence":
            targets, _ = numbers(y)
            given = torch.from_numpy(np.asarray(answers)).reshape(len(answers), -1)
            if given.shape != targets.shape:
                raise DataError(
                    f"answers are {list(given.shape)} and targets {list(targets.shape)}; they must "
                    "be alike"
                )
            return determination(targets, given)
        steps, _ = numbers_by_step(y, torch.float64)
        found = [torch.from_numpy(a).reshape(len(a), -1) for a in answers]
        check_steps(found, steps, 0)
        return determination(torch.cat(steps), torch.cat(found))

    def flow(self, X: Any, y: Any) -> Flow:
        """Measure how far back the gradient of the losses reaches.

        Per step it is measured on up to four excerpts of at most 600 steps after the warm-up, each
        begun with the state that the steps before lead to. Per sequence on up to eight sequences,
        of longer ones on the last 300 steps: where a sequence's one loss enters is followed back.

        Args:
            X: The sequences; see the class.
            y: Their targets, as `fit` takes them.

        Raises:
            NotFittedError: Nothing was fitted.
            DataError: Sequences or targets are not like those learned, or do not fit each other.
            SettingsError: Answers are per step by layers in both directions.
            NoFlowError: There is no gradient, or it is not finite.
        """
        return regressor_flow.flow_of(self, X, y)

    def walk(self, X: Any, y: Any) -> Walk:
        """Walk through the last steps of the last sequence, up to 64 after the warm-up.

        Arguments and errors as for `flow`.

        Raises:
            SettingsError: Answers are not per step, or layers run in both directions.
            FloatingPointError: A loss or a state is not finite.
        """
        return regressor_flow.walk_of(self, X, y)

    def stream(self) -> SampleStream:
        """Answer step by step, or a few steps at a time, as inputs come in; see `SampleStream`.

        Raises:
            NotFittedError: Nothing was fitted.
            SettingsError: Answers are not per step, or layers run in both directions.
        """
        network = self._fitted("network_")
        if self.per != "step" or self.bidirectional:
            raise SettingsError(
                "only answers per step by layers of one direction are there before a sequence has "
                f"ended; this is {self!r}"
            )
        return SampleStream(network, self.scaling_, self.target_scaling_, self.flat_)
