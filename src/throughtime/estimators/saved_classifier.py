"""A classifier of sequences on disk: weights as safetensors, all else as JSON; never pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from throughtime.data import DataError, Scaling
from throughtime.equations import CellError
from throughtime.estimators.classifier import SequenceClassifier
from throughtime.estimators.saved import (
    CONFIG,
    FORMAT,
    SEQUENCE_CLASSIFIER,
    WEIGHTS,
    SavedError,
    check_shapes,
    read_configuration,
    read_weights,
    write_configuration,
    write_weights,
)
from throughtime.estimators.settings import SettingsError

if TYPE_CHECKING:
    from throughtime.data.audio import LogMel, RecordingsDataset

_NETWORK = ("cell", "hidden", "layers", "bidirectional", "pooling", "dropout", "dtype")
"""The parameters that say what the network is; the others say how it is trained."""


def save(
    classifier: SequenceClassifier, folder: Path, dataset: RecordingsDataset | None = None
) -> None:
    """Write all that is needed to rebuild a classifier.

    Args:
        classifier: One that has learned.
        folder: An existing folder.
        dataset: The recordings it was trained on; where they are from is noted, and what was
            computed of them.

    Raises:
        NotFittedError: Nothing has been learned.
        SavedError: The classes are neither text nor numbers.
        StorageError: A file cannot be written.
    """
    weights = classifier._fitted("network_").state_dict()
    config = configuration(classifier, dataset)
    write_configuration(folder, config)
    write_weights(folder, weights, config)


def configuration(
    classifier: SequenceClassifier, dataset: RecordingsDataset | None = None
) -> dict[str, Any]:
    """Give all that rebuilds a prepared classifier but its weights, and where its data came from.

    Raises:
        SavedError: The classes are neither text nor numbers.
    """
    from throughtime import __version__

    parameters, classes = classifier.get_params(), classifier.classes_.tolist()
    if not all(isinstance(name, str | int | float) for name in classes):
        raise SavedError(f"classes must be text or numbers to be saved, got {classes!r:.80}")
    if not isinstance(classifier.class_weight, str | None):  # keys of JSON are text alone
        parameters["class_weight"] = [list(pair) for pair in classifier.class_weight.items()]
    named: dict[str, Any] = {}
    if dataset is not None:
        named = {
            "name": dataset.data.name,
            "source": dataset.data.source,
            "features": dataset.data.features.as_dict(),
            "data": {**dataset.origin, "sha256": dataset.digest()},
            "commonest": dataset.commonest,
        }
    return {
        "format": FORMAT,
        "estimator": SEQUENCE_CLASSIFIER,
        "throughtime": __version__,
        "network": {name: parameters[name] for name in _NETWORK},
        "training": {name: value for name, value in parameters.items() if name not in _NETWORK},
        "columns": classifier.n_features_in_,
        "classes": classes,
        "scaling": classifier.scaling_.as_dict(),
        **named,
        "sealed": True,
    }


def load(folder: Path) -> SequenceClassifier:
    """Rebuild a classifier from a folder, on the CPU; nothing in the folder is trusted.

    Raises:
        SavedError: Something is missing or damaged; the message says what.
    """
    config = read_configuration(folder, SEQUENCE_CLASSIFIER)
    weights = read_weights(folder, config)
    classifier = described(folder, config, device="cpu")
    check_classifier(folder / WEIGHTS, weights, classifier)
    broken = [name for name, tensor in weights.items() if not bool(tensor.isfinite().all())]
    if broken:
        raise SavedError(
            f"{folder / WEIGHTS}: {', '.join(broken)} holds what is no number; train again"
        )
    network = _without_memory(classifier)  # what is in the file says how much is taken
    network.load_state_dict(weights, assign=True)
    classifier.network_ = network.eval()
    return classifier


def load_of_recordings(folder: Path) -> tuple[SequenceClassifier, LogMel, dict[str, Any]]:
    """Load a classifier of recordings, with the features that it takes and its configuration.

    Raises:
        SavedError: It cannot be loaded, or is of something else.
    """
    from throughtime.data.audio import LogMel

    classifier, config = load(folder), read_configuration(folder, SEQUENCE_CLASSIFIER)
    try:
        features = LogMel.from_dict(config.get("features"))
    except DataError as error:
        raise SavedError(f"{folder} is of no recordings: {error}") from None
    if features.bands != classifier.n_features_in_:
        raise SavedError(f"{folder} does not hold a classifier of {features.bands} mel bands")
    return classifier, features, config


def described(folder: Path, config: Mapping[str, Any], **other: Any) -> SequenceClassifier:
    """Take from a configuration what a classifier is made of; all but its network.

    Args:
        folder: The run's, for messages.
        config: What stands in it; it is not trusted.
        other: Parameters that come first.

    Raises:
        SavedError: Something is missing or is not what it has to be.
    """
    path = folder / CONFIG
    try:
        parameters = {**config["training"], **config["network"], **other}
        if isinstance(parameters.get("class_weight"), list):
            parameters["class_weight"] = dict(parameters["class_weight"])
        classifier = SequenceClassifier(**parameters)
        classifier.settings()
        classifier.n_features_in_ = config["columns"]
        classifier.scaling_ = Scaling.from_dict(config["scaling"])
        if len(classifier.scaling_.center) != config["columns"]:
            raise ValueError(f"the scaling has not {config['columns']!r:.80} columns")
        classifier.classes_ = _classes(config["classes"])
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise SavedError(f"{path} is damaged: {error!r:.200}; train again") from error
    except (DataError, SettingsError, CellError, ValueError) as error:
        raise SavedError(f"{path} cannot be used: {error}") from error
    return classifier


def _classes(saved: Any) -> Any:
    kinds = {type(name) for name in saved}
    if not isinstance(saved, list) or len(kinds) != 1 or not kinds <= {str, int, float, bool}:
        raise ValueError("classes must be a list of text or of numbers")
    classes = np.array(saved)
    if len(np.unique(classes)) != len(saved) or len(saved) < 2:
        raise ValueError("classes must be two or more, and none of them twice")
    return classes


def check_classifier(
    path: Path, weights: Mapping[str, Tensor], classifier: SequenceClassifier
) -> None:
    """Refuse weights of another classifier's network before it takes memory; see `check_shapes`."""
    widths = (classifier.hidden, len(classifier.classes_))
    check_shapes(path, weights, classifier.layers, widths, lambda: _without_memory(classifier))


def _without_memory(classifier: SequenceClassifier) -> nn.Module:
    with torch.device("meta"):
        return classifier.build(classifier.n_features_in_, len(classifier.classes_))
