"""The parameters of a forecaster: what it reads, and how its network is built and trained."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import Tensor

from throughtime.data import DataError, Dataset
from throughtime.data.calendar import Calendar
from throughtime.data.clock import Clock
from throughtime.data.drift import suited_difference
from throughtime.data.scaling import transformed
from throughtime.data.stored.scratch import release
from throughtime.estimators.outputs import registry as outputs
from throughtime.estimators.parameters import Parameters
from throughtime.estimators.settings import Settings, SettingsError


@dataclass(eq=False, repr=False)
class ForecasterParameters(Parameters):
    """Forecasts the next values of a series, or of many, and how far they may be off.

    A recurrent network learns to say how the next value is distributed, from all rows before.
    Forecasts of many steps are drawn: the network reads what it has drawn and goes on.

    Args:
        target: The column to forecast; may be left out where there is one column of numbers.
        time: The time column; recognised if left out.
        series: The column that tells several series apart; None for one series.
        known: Covariates that are known before their row has come; see `Settings`, like what
            follows but for the names below.
        joint: Whether the other covariates are forecast beside the target.
        calendar: "auto" takes the cycles of which every series has seen two.
        difference: Steps back from which changes are learned instead of values; "auto" takes 1
            where the level drifts, see `suited_difference`.
        transform: Of the target: "none", "sqrt" or "log1p".
        output: "gaussian", "student_t" (outliers), "negative_binomial" (counts), "quantiles" (no
            shape assumed), or "point" (a number, its errors taken from rows that are held out).
        cell: The name of a cell.
        hidden: Units a layer.
        layers: Layers.
        epochs: Times through the training rows, at most.
        learning_rate: The first one.
        optimizer: The name of one of torch's optimisers.
        schedule: The name of a learning-rate schedule.
        weight_decay: The optimiser's.
        method: A gradient method with its arguments: "bptt", "tbptt:10:30".
        clip: The largest gradient norm let through; None for no limit.
        window: Steps of a training sequence.
        stride: Steps between the starts of neighbouring training sequences.
        batch_size: Training sequences in a batch.
        validation: Share of the rows of each series, the last, that is held out to stop by.
        patience: Epochs without a better validation loss before training ends, with the weights
            that validated best; None to learn from all rows, for all epochs.
        seed: Of the first weights and of all else that is random.
        device: Where to train.
        dtype: "float32" or "float64".
    """

    target: str | None = None
    time: str | None = None
    series: str | None = None
    known: Sequence[str] = ()
    joint: bool = True
    calendar: str = "auto"
    difference: int | str = "auto"
    transform: str = "none"
    output: str = "gaussian"
    cell: str = "gru"
    hidden: int = 32
    layers: int = 1
    epochs: int = 300
    learning_rate: float = 0.003
    optimizer: str = "adam"
    schedule: str = "constant"
    weight_decay: float = 0.0
    method: str = "bptt"
    clip: float | None = 1.0
    window: int = 50
    stride: int = 10
    batch_size: int = 64
    validation: float = 0.15
    patience: int | None = 20
    seed: int = 0
    device: str = "cpu"
    dtype: str = "float32"

    _estimator_type: ClassVar[str] = "regressor"

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=False),
            regressor_tags=RegressorTags(),
            input_tags=InputTags(two_d_array=True, one_d_array=True),
        )

    def settings(self, dataset: Dataset | None = None) -> Settings:
        """Check the parameters that say how to build and train, and give them together.

        Args:
            dataset: By which "auto" is decided; without, it is no calendar and no difference.

        Raises:
            SettingsError: One is out of range or unknown.
        """
        self._take_plain()
        share = self.validation
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
            raise SettingsError(f"validation must be at least 0 and below 1, got {share!r}")
        if self.patience is not None and share == 0:
            raise SettingsError("patience waits for a better validation loss; give validation too")
        roles = ("target", "time", "series", "validation")
        given = {name: value for name, value in self.get_params().items() if name not in roles}
        automatic = [
            name for name in AUTOMATIC if isinstance(given[name], str) and given[name] == AUTO
        ]
        settings = Settings(**{name: v for name, v in given.items() if name not in automatic})
        return settings if dataset is None else suited(settings, dataset, automatic)


AUTO = "auto"
AUTOMATIC = ("calendar", "difference")
"""Settings that can be decided by the training rows."""


def suited(settings: Settings, dataset: Dataset, names: Collection[str] = AUTOMATIC) -> Settings:
    """Decide settings by the training rows of a data set.

    Args:
        settings: The others.
        dataset: Its test rows are not looked at.
        names: Which of `AUTOMATIC` to decide: the calendar by the times, the difference by whether
            levels drift; counts are not differenced.

    Raises:
        DataError: The transform does not take a value of a target.
    """
    rows = [(member.series, member.split.train) for member in dataset.members]
    chosen: dict[str, Any] = {}
    if "calendar" in names:
        clocks = (_seen(s.clock, part) for s, part in rows)
        chosen["calendar"] = str(Calendar.suited(clocks))
    if "difference" in names and not outputs[settings.output].counts:
        try:
            chosen["difference"] = suited_difference(
                _target(series.values[part.start : part.stop, :1], settings.transform)
                for series, part in rows
            )
        except DataError as error:
            raise DataError(f"{dataset.series.source}: {error}") from None
    return replace(settings, **chosen)


def _seen(clock: Clock | None, rows: range) -> Clock | None:
    release()  # of what may lie on disk
    return None if clock is None else clock.part(rows)


def _target(values: Tensor, transform: str) -> Tensor:
    found = transformed(values, transform)[:, 0].clone()
    release()
    return found
