"""Any model that was saved, by what its folder says it is: `tt.load` and `tt.save`."""

from __future__ import annotations

from pathlib import Path

from throughtime.estimators.classifier import SequenceClassifier
from throughtime.estimators.forecaster import Forecaster
from throughtime.estimators.language_model import LanguageModel
from throughtime.estimators.regressor import SequenceRegressor
from throughtime.estimators.saved import (
    LANGUAGE_MODEL,
    SEQUENCE_CLASSIFIER,
    SEQUENCE_REGRESSOR,
    read_configuration,
)

Stored = Forecaster | LanguageModel | SequenceClassifier | SequenceRegressor
"""What can be saved."""

_CLASSES: dict[str | None, type[Stored]] = {
    None: Forecaster,
    LANGUAGE_MODEL: LanguageModel,
    SEQUENCE_CLASSIFIER: SequenceClassifier,
    SEQUENCE_REGRESSOR: SequenceRegressor,
}
"""The class of each, by what stands under "estimator" in its configuration."""


def load(folder: str | Path) -> Stored:
    """Load what `throughtime train`, `save` or an estimator's own `save` wrote, on the CPU.

    Nothing in the folder is trusted: it is JSON and safetensors under a digest, never pickle.

    Args:
        folder: A run folder, or one that a model was saved in.

    Returns:
        The model, by what the folder's config.json says it is: a `Forecaster`, a `LanguageModel`, a
        `SequenceClassifier` or a `SequenceRegressor`.

    Raises:
        SavedError: A file is missing or damaged, or of a kind or format that is not known.

    Example:
        >>> import tempfile
        >>> import throughtime as tt
        >>> folder = tempfile.TemporaryDirectory()
        >>> model = tt.LanguageModel(hidden=4, window=8, batch_size=2, epochs=1)
        >>> tt.save(model.fit("to be or not to be; " * 20), f"{folder.name}/model")
        >>> tt.load(f"{folder.name}/model").vocabulary_.size
        9
        >>> folder.cleanup()
    """
    place = Path(folder)
    return _CLASSES[read_configuration(place).get("estimator")].load(place)


def save(model: Stored, folder: str | Path) -> None:
    """Write a model that has learned into a new folder, whole or not at all.

    Args:
        model: A `Forecaster`, a `LanguageModel`, a `SequenceClassifier` or a `SequenceRegressor`.
        folder: It must not exist, or be empty.

    Raises:
        TypeError: It is no such model.
        NotFittedError: It has learned nothing.
        RunFolderError: The folder is taken, or cannot be written.
        SavedError: Something of it, a class say, is neither text nor a number.
    """
    if not isinstance(model, Stored):
        known = ", ".join(one.__name__ for one in _CLASSES.values())
        raise TypeError(
            f"a {type(model).__name__} is not saved here; one of {known} is expected (of a layer "
            "or network save the state_dict)"
        )
    model.save(folder)
