"""A forecaster's training taken up from its run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from throughtime.data import Dataset, load
from throughtime.estimators.run_checkpoints import (
    check_digest,
    check_epochs,
    last_checkpoint,
    origin_of,
)
from throughtime.estimators.saved import CHECKPOINT, read_configuration
from throughtime.estimators.saved_forecaster import check_forecaster, model_settings
from throughtime.estimators.settings import Settings
from throughtime.train import Checkpoint


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
    config = read_configuration(run, None)
    checkpoint = last_checkpoint(run, config)
    settings, columns, _ = model_settings(run, config)
    check_forecaster(run / CHECKPOINT, checkpoint.model, columns, settings)
    if epochs is not None and epochs != settings.epochs:
        check_epochs(settings, checkpoint, epochs)
        settings = replace(settings, epochs=epochs)
    dataset = dataset_of(run, config, data)
    if settings.patience is None:
        dataset = dataset.without_validation()
    check_digest(
        run,
        config,
        dataset.series.source,
        dataset.digest(),
        "a value, a time or a column has changed, or rows have come",
    )
    return dataset, settings, checkpoint


def dataset_of(run: Path, config: Mapping[str, Any], data: Path | None = None) -> Dataset:
    """Read again what a run was trained on, as it is now, split as it was.

    Args:
        run: The folder, for messages.
        config: What stands in it; it is not trusted.
        data: The file that it is read from now; the one trained on if None.

    Raises:
        SavedError: The configuration does not say what it was.
        DataError: It cannot be read any more.
    """
    kept = origin_of(run, config, data)
    return load(
        kept["source"], kept.get("target"), kept.get("time"), series=kept.get("series"),
        validation=kept.get("validation"), test=kept.get("test"),
    )  # fmt: skip
