"""A classifier's training on recordings taken up from its run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from throughtime.data.audio import RecordingsDataset, load_recordings
from throughtime.estimators.classifier import SequenceClassifier
from throughtime.estimators.run_checkpoints import (
    check_digest,
    check_epochs,
    last_checkpoint,
    origin_of,
)
from throughtime.estimators.saved import (
    CHECKPOINT,
    CONFIG,
    SEQUENCE_CLASSIFIER,
    SavedError,
    read_configuration,
)
from throughtime.estimators.saved_classifier import check_classifier, described
from throughtime.train import Checkpoint


def taken_up(
    run: Path, epochs: int | None = None, data: Path | None = None
) -> tuple[RecordingsDataset, SequenceClassifier, Checkpoint]:
    """Read what a training needs to go on from a run folder.

    Args:
        run: The folder.
        epochs: How many there shall be in all; None for as many as there were to be.
        data: Where the recordings are read from now; from where they were if None.

    Returns:
        The recordings, as they were; the classifier, which has learned nothing yet; the checkpoint.

    Raises:
        SavedError: The folder has no checkpoint, or is damaged or changed; or the recordings are
            not those that were trained on.
        SettingsError: The training cannot have so many epochs.
        DataError: The recordings cannot be read.
    """
    config = read_configuration(run, SEQUENCE_CLASSIFIER)
    checkpoint = last_checkpoint(run, config)
    classifier = described(run, config)
    check_classifier(run / CHECKPOINT, checkpoint.model, classifier)
    if epochs is not None and epochs != classifier.epochs:
        check_epochs(classifier.settings(), checkpoint, epochs)
        classifier.epochs = epochs
        classifier.settings()
    dataset = recordings_of(run, config, data)
    changed = "a file has been changed, added or removed"
    check_digest(run, config, dataset.data.source, dataset.digest(), changed)
    return dataset, classifier, checkpoint


def recordings_of(run: Path, config: dict[str, Any], data: Path | None = None) -> RecordingsDataset:
    """Read a run's recordings again, parted as they were.

    Args:
        run: The folder, for messages.
        config: What stands in it; it is not trusted.
        data: Where they are read from now; from where they were if None.

    Raises:
        SavedError: The configuration does not say where, or how they were parted.
        DataError: They cannot be read.
    """
    kept = origin_of(run, config, data)
    group, test_files, test, seed = (
        kept.get(name) for name in ("group", "test_files", "test", "seed")
    )
    named = all(name is None or isinstance(name, str) for name in (group, test_files))
    parted = test is None or (isinstance(test, float) and 0 < test < 1)
    if not named or not parted or type(seed) is not int:
        raise SavedError(f"{run / CONFIG} is damaged: how its recordings were parted is malformed")
    source = Path(kept["source"])
    try:
        there = source.exists()
    except (OSError, ValueError):
        there = False
    if not there:
        raise SavedError(
            f"the recordings of {run} are to be read from {kept['source']!r:.200}, where there is "
            "nothing; name where they are now with --data"
        )
    return load_recordings(kept["source"], group, test_files, test, seed)
