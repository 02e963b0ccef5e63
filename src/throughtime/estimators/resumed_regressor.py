"""A regressor's training on a pair of recordings taken up from its run folder."""

from __future__ import annotations

from pathlib import Path

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
    kept = origin_of(run, config, data)
    target, test = kept.get("target"), kept.get("test")
    if not isinstance(target, str) or not isinstance(test, float) or not 0 < test < 1:
        raise SavedError(f"{run / CONFIG} is damaged: how its recordings were parted is malformed")
    dry = Path(kept["source"])
    pair = read_pair(dry, target if data is None else dry.with_name(Path(target).name))
    check_digest(run, config, pair.source, pair.digest(), "a file has been changed")
    return pair, test, regressor, checkpoint
