"""A run folder as `throughtime export` takes it: the model, its name, and what is told with it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughtime.cli.errors import UsageError

if TYPE_CHECKING:
    from throughtime.estimators import (
        LanguageModel,
        SequenceClassifier,
        SequenceRegressor,
        SeriesModel,
    )


@dataclass(frozen=True)
class ExportedRun:
    """What a run folder holds.

    Attributes:
        model: What has learned.
        kind: What it is, for people.
        cell: The name of its cell.
        hidden: Units a layer.
        name: What it was learned from, if that has a name.
        notes: What is told with the file beyond what the model itself says.
    """

    model: SeriesModel | LanguageModel | SequenceClassifier | SequenceRegressor
    kind: str
    cell: str
    hidden: int
    name: str
    notes: dict[str, str] = field(default_factory=dict)


def read_run(run: Path, series: str | None) -> ExportedRun:
    """Load the model of a run folder.

    Args:
        run: The folder.
        series: Which of several series; None for the only one.

    Raises:
        UsageError: A series is named, and the model has not learned several.
        SavedError: The folder cannot be loaded.
        DataError: There is no such series.
    """
    from throughtime.estimators.saved import (
        LANGUAGE_MODEL,
        SEQUENCE_CLASSIFIER,
        SEQUENCE_REGRESSOR,
        read_configuration,
    )

    kind = read_configuration(run).get("estimator")
    if kind is None:
        return _of_series(run, series)
    if series is not None:
        raise UsageError(f"{run} has learned no series; leave --series out")
    return {
        LANGUAGE_MODEL: _of_text,
        SEQUENCE_CLASSIFIER: _of_classes,
        SEQUENCE_REGRESSOR: _of_numbers,
    }[kind](run)


def _of_series(run: Path, series: str | None) -> ExportedRun:
    from throughtime.estimators import load

    model, config = load(run)
    if series is not None:
        if "series" not in config:
            raise UsageError(f"{run} has learned one series; leave --series out")
        model = model.for_series(series)
    settings = model.settings
    name = _name(config) if series is None else series
    return ExportedRun(model, "forecaster", settings.cell, settings.hidden, name)


def _of_text(run: Path) -> ExportedRun:
    from throughtime.estimators import LanguageModel

    model = LanguageModel.load(run)
    return ExportedRun(model, "language model", model.cell, model.hidden, _named(run))


def _of_classes(run: Path) -> ExportedRun:
    from throughtime.data.audio.log_mel import FLOOR
    from throughtime.estimators.saved import SEQUENCE_CLASSIFIER, read_configuration
    from throughtime.estimators.saved_classifier import load, load_of_recordings

    notes: dict[str, str] = {}
    if "features" in read_configuration(run, SEQUENCE_CLASSIFIER):
        model, features, _ = load_of_recordings(run)
        told: dict[str, Any] = {
            "name": "log-mel",
            **features.as_dict(),
            "samples": features.samples,
            "hop": features.hop,
            "points": features.points,
            "floor": FLOOR,
        }
        notes["features"] = json.dumps(told)
    else:
        model = load(run)
    return ExportedRun(model, "classifier", model.cell, model.hidden, _named(run), notes)


def _of_numbers(run: Path) -> ExportedRun:
    from throughtime.estimators.saved import SEQUENCE_REGRESSOR, read_configuration
    from throughtime.estimators.saved_regressor import load, load_of_pair

    notes: dict[str, str] = {}
    if "rate" in read_configuration(run, SEQUENCE_REGRESSOR):
        model, rate = load_of_pair(run)
        notes["rate"] = str(rate)
    else:
        model = load(run)
    return ExportedRun(model, "regressor", model.cell, model.hidden, _named(run), notes)


def _named(run: Path) -> str:
    from throughtime.estimators.saved import read_configuration

    return _name(read_configuration(run))


def _name(config: dict[str, Any]) -> str:
    return str(config.get("name", "network"))
