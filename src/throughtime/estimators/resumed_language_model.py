"""A language model's training taken up from its run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from throughtime.data.text import STANDARD_INPUT, TextDataset, load_text
from throughtime.estimators.language_model import LanguageModel
from throughtime.estimators.run_checkpoints import (
    check_digest,
    check_epochs,
    last_checkpoint,
    origin_of,
)
from throughtime.estimators.saved import CHECKPOINT, CONFIG, SavedError, read_configuration
from throughtime.estimators.saved import LANGUAGE_MODEL as KIND
from throughtime.estimators.saved_language_model import check_language_model, described
from throughtime.train import Checkpoint


def taken_up(
    run: Path, epochs: int | None = None, data: Path | None = None
) -> tuple[TextDataset, LanguageModel, Checkpoint]:
    """Read what a training needs to go on from a run folder.

    Args:
        run: The folder.
        epochs: How many there shall be in all; None for as many as there were to be.
        data: Where the text is read from now; from where it was if None.

    Returns:
        The text, as it was; the model, which has learned nothing yet; the checkpoint.

    Raises:
        SavedError: The folder has no checkpoint, or is damaged or changed; or the text is not the
            one that was trained on, or came from standard input.
        SettingsError: The training cannot have so many epochs.
        DataError: The text cannot be read.
    """
    config = read_configuration(run, KIND)
    checkpoint = last_checkpoint(run, config)
    model, vocabulary, _ = described(run, config)
    check_language_model(run / CHECKPOINT, checkpoint.model, model, vocabulary)
    if epochs is not None and epochs != model.epochs:
        check_epochs(model.check(), checkpoint, epochs)
        model.epochs = epochs
        model.check()
    model.vocabulary = vocabulary  # a tokenizer's file may have gone
    dataset = text_of(run, config, data)
    changed = "it, or its encoding, has changed"
    check_digest(run, config, dataset.text.source, dataset.digest(), changed)
    return dataset, model, checkpoint


def text_of(run: Path, config: dict[str, Any], data: Path | None = None) -> TextDataset:
    """Read a run's text again.

    Args:
        run: The folder, for messages.
        config: What stands in it; it is not trusted.
        data: Where it is read from now; from where it was if None.

    Raises:
        SavedError: The configuration does not say where, or it came from standard input.
        DataError: It cannot be read.
    """
    kept = origin_of(run, config, data)
    if kept["source"] == STANDARD_INPUT:
        raise SavedError(
            f"{run} was trained on standard input, which cannot be read again; give the text as a "
            "file with --data"
        )
    encoding, pattern, test = (kept.get(name) for name in ("encoding", "pattern", "test"))
    named = all(name is None or isinstance(name, str) for name in (encoding, pattern))
    if not named or not isinstance(test, float) or not 0 < test < 1:
        raise SavedError(f"{run / CONFIG} is damaged: how its text was read is malformed")
    source = Path(kept["source"])
    try:
        there = source.is_file() or source.is_dir()
    except (OSError, ValueError):
        there = False
    if not there:
        raise SavedError(
            f"the text of {run} is to be read from {kept['source']!r:.200}, which is no file or "
            "folder; name where it is now with --data"
        )
    return load_text(kept["source"], encoding, pattern, test)
