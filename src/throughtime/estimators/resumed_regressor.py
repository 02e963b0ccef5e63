"""A regressor's training on a pair of recordings taken up from its run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from throughtime.data.audio import RecordingPair, read_pair
from throughtime.estimators.regressor import SequenceRegressor
from throughtime.estimators.run_checkpoints import (
    check_digest,
    check_epochs,
    last_checkpoint,
    origin_of,
)
from throughtime.estimators.saved import (
    CHECKPOINT,
    CONFIG,
    SEQUENCE_REGRESSOR,
    SavedError,
    read_configuration,
)
from throughtime.estimators.saved_regressor import check_regressor, described
from throughtime.train import Checkpoint


def taken_up(
    run: Path, epochs: int | None = None, data: Path | None = None
) -> tuple[RecordingPair, float, SequenceRegressor, Checkpoint]:
    """Read what a training needs to go on from a run folder.

    Args:
        run: The folder.
        epochs: How many there shall be in all; None for as many as there were to be.
        data: Where the input is read from now, and beside it the output under its name; from where
            they were if None.

    Returns:
        The recordings, as they were; the share of them that is held out; the regressor, which has
        learned nothing yet; the checkpoint.

    Raises:
        SavedError: The folder has no checkpoint, or is damaged or changed; or the recordings are
            not those that were trained on.
        SettingsError: The training cannot have so many epochs.
        DataError: The recordings cannot be read.
    """
    config = read_configuration(run, SEQUENCE_REGRESSOR)
    checkpoint = last_checkpoint(run, config)
    regressor = described(run, config)
    check_regressor(run / CHECKPOINT, checkpoint.model, regressor)
    if epochs is not None and epochs != regressor.epochs:
        check_epochs(regressor.check(), checkpoint, epochs)
        regressor.epochs = epochs
        regressor.check()
    pair, test = pair_of(run, config, data)
    check_digest(run, config, pair.source, pair.digest(), "a file has been changed")
    return pair, test, regressor, checkpoint


def pair_of(
    run: Path, config: dict[str, Any], data: Path | None = None
) -> tuple[RecordingPair, float]:
    """Read a run's recordings again.

    Args:
        run: The folder, for messages.
        config: What stands in it; it is not trusted.
        data: Where the input is read from now, and beside it the output under its name; from where
            they were if None.

    Returns:
        The recordings; the share of them, the last, that is held out.

    Raises:
        SavedError: The configuration does not say where, or how they were parted.
        DataError: They cannot be read.
    """
    kept = origin_of(run, config, data)
    target, test = kept.get("target"), kept.get("test")
    if not isinstance(target, str) or not isinstance(test, float) or not 0 < test < 1:
        raise SavedError(f"{run / CONFIG} is damaged: how its recordings were parted is malformed")
    dry = Path(kept["source"])
    wet = Path(target) if data is None else dry.with_name(Path(target).name)
    if data is None and not _there(dry) and not _there(wet):
        raise SavedError(
            f"the recordings of {run} are to be read from {str(dry)!r:.200} and "
            f"{str(wet)!r:.200}, where there is nothing; name where they are now with --data"
        )
    return read_pair(dry, wet), test


def _there(file: Path) -> bool:
    try:
        return file.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False
