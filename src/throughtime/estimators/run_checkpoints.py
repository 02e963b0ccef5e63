"""A forecaster's training kept in its run folder, so that it can be gone on with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from throughtime.data import Dataset, load
from throughtime.estimators.forecaster import Forecaster
from throughtime.estimators.saved import (
    CHECKPOINT,
    CONFIG,
    MODEL,
    SavedError,
    check_shapes,
    configuration,
    model_settings,
    read_configuration,
    write_configuration,
    write_weights,
)
from throughtime.estimators.settings import Settings, SettingsError
from throughtime.storage import StorageError
from throughtime.train import Checkpoint, read_checkpoint, write_checkpoint
from throughtime.train.checkpoint import Pace
from throughtime.train.optimizers import PLANNED
from throughtime.train.run_folder import RunFolder

EVERY = 60.0
"""Seconds between checkpoints."""


class RunCheckpoints:
    """Keeps the latest checkpoint of a training, and its best model, in a run folder.

    The first one puts the folder in its place, with the configuration; from then on whatever kills
    the process leaves a folder that can be gone on with. The folder is worth keeping once there has
    been an update.

    Args:
        folder: The run folder in the making, or gone on with.
        config: What `configuration` gives.
        every: Seconds between checkpoints. At a new best there is one before, so long as writing
            takes a fiftieth of the time at most.
        resume: The checkpoint that the training goes on from.
    """

    def __init__(
        self,
        folder: RunFolder,
        config: Mapping[str, Any],
        every: float = EVERY,
        resume: Checkpoint | None = None,
    ) -> None:
        self.folder, self.config, self._pace = folder, config, Pace(every)
        self._best = 0 if resume is None else resume.best_epoch
        self._begun = False

    def due(self, improved: bool) -> bool:
        """See `Checkpoints`."""
        return self._pace.due() or (improved and self._pace.cheap())

    def save(self, checkpoint: Checkpoint) -> None:
        """Write what has changed: configuration, best weights, and the checkpoint last.

        Raises:
            StorageError: A file cannot be written.
            RunFolderError: Another run has taken the folder's place.
        """
        with self._pace:
            place = self.folder.path
            if not self._begun:
                write_configuration(place, self.config)
            if checkpoint.best_epoch != self._best:
                write_weights(place, checkpoint.best, self.config)
            write_checkpoint(place / CHECKPOINT, checkpoint, self.config)
            self.folder.publish()
            self._begun, self._best = True, checkpoint.best_epoch
            if len(checkpoint.history):
                self.folder.keep()


def taken_up(
    run: Path, epochs: int | None = None, data: Path | None = None
) -> tuple[Dataset, Settings, Checkpoint]:
    """Read what a training needs to go on from a run folder.

    Args:
        run: The folder.
        epochs: How many there shall be in all; None for as many as there were to be.
        data: The file that the data are read from now; the one trained on if None.

    Returns:
        The data, as they were; the settings; the checkpoint.

    Raises:
        SavedError: The folder has no checkpoint, or is damaged or changed; or the data are not
            those that were trained on.
        SettingsError: The training cannot have so many epochs.
        DataError: The data cannot be read.
    """
    config = read_configuration(run)
    if not (run / CHECKPOINT).is_file():
        raise SavedError(
            f"{run} has no {CHECKPOINT}: it was removed, or the run is from a version that left "
            "none; its model can be used, its training cannot be gone on with: train again"
        )
    try:
        checkpoint, noted = read_checkpoint(run / CHECKPOINT)
    except StorageError as error:
        raise SavedError(f"{error}; train again") from None
    if _unchanging(config) != _unchanging(noted):
        raise SavedError(
            f"{run / CONFIG} and {run / CHECKPOINT} do not belong together: one of them has been "
            "changed since they were saved"
        )
    settings, columns, _ = model_settings(run, config)
    check_shapes(run / CHECKPOINT, checkpoint.model, columns, settings)
    if epochs is not None and epochs != settings.epochs:
        _check_epochs(settings, checkpoint, epochs)
        settings = replace(settings, epochs=epochs)
    dataset = _data(run, config, data)
    if settings.patience is None:
        dataset = dataset.without_validation()
    if dataset.digest() != config["data"].get("sha256"):
        raise SavedError(
            f"{dataset.series.source} is not what {run} was trained on: a value, a time or a "
            "column has changed, or rows have come. To go on, give the data as they were with "
            "--data; to learn from those of today, train again"
        )
    return dataset, settings, checkpoint


def run_configuration(forecaster: Forecaster, dataset: Dataset) -> dict[str, Any]:
    """Give the configuration of a run of this version."""
    from throughtime import __version__

    return configuration(forecaster, dataset, __version__)


def _unchanging(config: Mapping[str, Any]) -> dict[str, Any]:
    """Give what stays as it is when a training is gone on with: model, settings, data."""
    training, data = config.get("training"), config.get("data")
    kept = {name: config.get(name) for name in MODEL}
    if isinstance(training, dict):
        kept["training"] = {k: v for k, v in training.items() if k != "epochs"}
    if isinstance(data, dict):
        kept["data"] = data.get("sha256")
    return kept


def _check_epochs(settings: Settings, checkpoint: Checkpoint, epochs: int) -> None:
    done = checkpoint.epoch if checkpoint.complete else checkpoint.epoch - 1
    if epochs < done:
        raise SettingsError(f"{done} epochs are done already, {epochs} were asked for")
    if settings.schedule in PLANNED:
        raise SettingsError(
            f"the schedule {settings.schedule!r} was planned for {settings.epochs} epochs and "
            f"cannot be stretched to {epochs}; train again with --epochs {epochs}"
        )


def _data(run: Path, config: Mapping[str, Any], data: Path | None) -> Dataset:
    origin = config.get("data")
    if not isinstance(origin, dict):
        raise SavedError(f"{run / CONFIG} does not say where its data came from; train again")
    source = origin.get("source") if data is None else str(data.absolute())
    if not isinstance(source, str):
        raise SavedError(f"{run / CONFIG} does not name a source of data; name it with --data")
    kept = {name: origin.get(name) for name in ("target", "time", "series", "validation", "test")}
    if not all(value is None or isinstance(value, str | float | int) for value in kept.values()):
        raise SavedError(f"{run / CONFIG} is damaged: its data have malformed names or shares")
    return load(
        source,
        kept["target"],
        kept["time"],
        series=kept["series"],
        validation=kept["validation"],
        test=kept["test"],
    )
