"""A training kept in its run folder, whatever is trained, so that it can be gone on with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from throughtime.estimators.saved import (
    CHECKPOINT,
    CONFIG,
    MODEL,
    SavedError,
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
        config: What its estimator's `configuration` gives.
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


def last_checkpoint(run: Path, config: Mapping[str, Any]) -> Checkpoint:
    """Read the checkpoint of a run folder, and see that it belongs to its configuration.

    Raises:
        SavedError: There is none, it is damaged, or belongs to another configuration.
    """
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
    return checkpoint


def _unchanging(config: Mapping[str, Any]) -> dict[str, Any]:
    """Give what stays as it is when a training is gone on with: model, settings, data."""
    training, data = config.get("training"), config.get("data")
    estimator = config.get("estimator")
    names = MODEL[estimator if isinstance(estimator, str) and estimator in MODEL else None]
    kept = {"estimator": estimator, **{name: config.get(name) for name in names}}
    if isinstance(training, dict):
        # There may come to be more epochs, unless the schedule was planned for so many; without a
        # word of them, it would be the default's.
        planned = training.get("schedule") in [*PLANNED]
        epochs = training.get("epochs") if planned else "epochs" in training
        kept["training"] = {**training, "epochs": epochs}
    if isinstance(data, dict):
        kept["data"] = data.get("sha256")
    return kept


def check_epochs(settings: Settings, checkpoint: Checkpoint, epochs: int) -> None:
    """Refuse a number of epochs that a training cannot have in all.

    Raises:
        SettingsError: More are done already, or the schedule was planned for another number.
    """
    done = checkpoint.epoch if checkpoint.complete else checkpoint.epoch - 1
    if epochs < done:
        raise SettingsError(f"{done} epochs are done already, {epochs} were asked for")
    if settings.schedule in PLANNED:
        raise SettingsError(
            f"the schedule {settings.schedule!r} was planned for {settings.epochs} epochs and "
            f"cannot be stretched to {epochs}; train again with --epochs {epochs}"
        )


def origin_of(run: Path, config: Mapping[str, Any], data: Path | None) -> dict[str, Any]:
    """Give where a run's data are to be read from again, and how they were read.

    Args:
        run: The folder, for messages.
        config: What stands in it; it is not trusted.
        data: The file that they are read from now; the one trained on if None.

    Raises:
        SavedError: The configuration does not say.
    """
    origin = config.get("data")
    if not isinstance(origin, dict):
        raise SavedError(f"{run / CONFIG} does not say where its data came from; train again")
    source = origin.get("source") if data is None else str(data.absolute())
    if not isinstance(source, str):
        raise SavedError(f"{run / CONFIG} does not name a source of data; name it with --data")
    kept = {name: value for name, value in origin.items() if name not in ("source", "sha256")}
    if not all(value is None or isinstance(value, str | float | int) for value in kept.values()):
        raise SavedError(f"{run / CONFIG} is damaged: its data have malformed names or shares")
    return {**kept, "source": source}


def check_digest(
    run: Path, config: Mapping[str, Any], source: str, digest: str, changed: str
) -> None:
    """Refuse data that are not those of the run.

    Args:
        run: The folder, for messages.
        config: What stands in it.
        source: Where the data are from.
        digest: What they come to.
        changed: What may have happened to them.

    Raises:
        SavedError: They are others.
    """
    data = config.get("data")
    if not isinstance(data, dict) or digest != data.get("sha256"):
        raise SavedError(
            f"{source} is not what {run} was trained on: {changed}. To go on, give the data as "
            "they were with --data; to learn from those of today, train again"
        )
