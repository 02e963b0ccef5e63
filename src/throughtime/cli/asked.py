"""What `train` is to learn, and how, from all of its options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from throughtime.cli.machine import use_threads
from throughtime.cli.pair_run import PairLearner, pair_asked_for
from throughtime.cli.recordings_run import RecordingsLearner, recordings_asked_for
from throughtime.cli.series_run import SeriesLearner
from throughtime.cli.tasks import PAIR, RECORDINGS, TEXT, refuse_strange, task_of
from throughtime.cli.text_run import TextLearner, text_asked_for
from throughtime.cli.training_run import Learner
from throughtime.data import load, sources
from throughtime.estimators import Settings
from throughtime.estimators.forecaster_parameters import AUTOMATIC, suited

_PARAMETERS = (
    "transform", "output", "difference", "vocabulary", "cell", "hidden", "layers", "embedding",
    "dropout", "weight_dropout", "pooling", "bidirectional", "epochs", "learning_rate",
    "optimizer", "schedule", "window", "windows_per_epoch", "warm_up", "rows", "method",
    "patience", "clip", "seed", "device", "dtype",
)  # fmt: skip
"""The options that are parameters of an estimator."""


def learner_asked_for(source: str, given: Mapping[str, Any]) -> tuple[Learner, str]:
    """Give what is to be trained; data are read, and nothing is learned yet.

    Args:
        source: What was named.
        given: The values of `train`'s options by name; None for one that was not given.

    Returns:
        It, and what the data are called.

    Raises:
        UsageError: Options mean nothing for the task, or exclude each other.
        SettingsError: A parameter is out of range.
        DataError: The data cannot be used.
    """
    target = given["target"]
    kind = task_of(source, given["task"], given["pattern"], target)
    refuse_strange(given, kind)
    asked = {name: given[name] for name in _PARAMETERS if given[name] is not None}
    asked |= {name: None for name in ("clip", "patience") if given[name] == 0}
    if "rows" in asked:
        asked["batch_size"] = asked.pop("rows")
    shares = given["validation_share"], given["test_share"]
    if kind == TEXT:
        text, model = text_asked_for(source, asked, given["encoding"], given["pattern"], *shares)
        return TextLearner(text, model), text.text.name
    if kind == RECORDINGS:
        recordings, classifier = recordings_asked_for(
            source, asked, given["group"], given["test_files"], *shares
        )
        return RecordingsLearner(recordings, classifier), recordings.data.name
    if kind == PAIR:
        pair, tested, regressor = pair_asked_for(source, target, asked, *shares)
        return PairLearner(pair, tested, regressor), pair.files[1].stem
    return _series_asked_for(source, asked, given)


def _series_asked_for(
    source: str, asked: dict[str, Any], given: Mapping[str, Any]
) -> tuple[Learner, str]:
    if given["known"] is not None:
        asked["known"] = tuple(name.strip() for name in given["known"].split(",") if name.strip())
    if given["calendar"] not in (None, "auto"):
        asked["calendar"] = given["calendar"]
    Settings(**asked)  # what was asked for is checked before the file is read
    dataset = load(
        source,
        given["target"],
        given["time"],
        series=given["series"],
        validation=given["validation_share"],
        test=given["test_share"],
    )
    told = {**dataset.settings, **asked}
    left = () if source in sources else [name for name in AUTOMATIC if name not in told]
    settings = suited(Settings(**told), dataset, left)
    if settings.patience is None:
        dataset = dataset.without_validation()
    use_threads(settings.hidden, settings.batch_size)
    return SeriesLearner(dataset, settings), dataset.name
