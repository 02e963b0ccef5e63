"""Estimators of whole sequences on disk: weights as safetensors, all else as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from throughtime.data import DataError, Scaling
from throughtime.equations import CellError
from throughtime.estimators.classifier import SequenceClassifier
from throughtime.estimators.saved import (
    CONFIG,
    FORMAT,
    WEIGHTS,
    SavedError,
    read_configuration,
    read_weights,
    write_configuration,
    write_weights,
)
from throughtime.estimators.sequences import SequenceEstimator
from throughtime.estimators.settings import SettingsError

MODEL = ("format", "estimator", "parameters", "columns", "classes", "scaling", "features")
"""What a configuration says of the model; the digest of the weights covers it."""
ESTIMATORS: dict[str, type[SequenceEstimator]] = {"SequenceClassifier": SequenceClassifier}


def write(estimator: SequenceEstimator, folder: Path, **noted: Any) -> None:
    """Write all that is needed to rebuild a fitted estimator into an existing folder.

    Raises:
        SavedError: The classes are neither text nor numbers.
        StorageError: A file cannot be written.
    """
    from throughtime import __version__

    parameters = estimator.get_params()
    config: dict[str, Any] = {
        "format": FORMAT,
        "throughtime": __version__,
        "estimator": type(estimator).__name__,
        **noted,
    }
    if isinstance(estimator, SequenceClassifier):
        classes = estimator.classes_.tolist()
        if not all(isinstance(name, str | int | float) for name in classes):
            raise SavedError(f"classes must be text or numbers to be saved, got {classes!r:.80}")
        config["classes"] = classes
        if not isinstance(estimator.class_weight, str | None):  # keys of JSON are text alone
            parameters["class_weight"] = [list(pair) for pair in estimator.class_weight.items()]
    config |= {
        "parameters": parameters,
        "columns": estimator.n_features_in_,
        "scaling": estimator.scaling_.as_dict(),
        "sealed": True,
    }
    write_configuration(folder, config)
    write_weights(folder, estimator.network_.state_dict(), config, MODEL)


def read(folder: Path) -> tuple[SequenceEstimator, dict[str, Any]]:
    """Rebuild an estimator from a folder, on the CPU; nothing in the folder is trusted.

    Returns:
        The estimator, and the configuration as it was read.

    Raises:
        SavedError: Something is missing or damaged; the message says what.
    """
    config, place = read_configuration(folder, *ESTIMATORS), folder / CONFIG
    try:
        estimator = ESTIMATORS[config["estimator"]]()
        estimator.set_params(**{**config["parameters"], "device": "cpu"})
        _restore(estimator, config, place)
        _load_weights(estimator, folder, read_weights(folder, config, MODEL))
    except SavedError:
        raise
    except (DataError, SettingsError, CellError) as error:
        raise SavedError(f"{place} cannot be used: {error}") from error
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise SavedError(f"{place} is damaged: {error!r:.200}; train again") from error
    return estimator, config


def _restore(estimator: SequenceEstimator, config: dict[str, Any], place: Path) -> None:
    """Give back what was fitted, except the weights."""
    estimator.n_features_in_ = config["columns"]
    estimator.scaling_ = Scaling.from_dict(config["scaling"])
    if len(estimator.scaling_.center) != config["columns"]:
        raise SavedError(f"{place}: the scaling has not {config['columns']!r} columns")
    if isinstance(estimator, SequenceClassifier):
        classes = config["classes"]
        kinds = {type(name) for name in classes}
        if not isinstance(classes, list) or len(kinds) != 1 or not kinds <= {str, int, float, bool}:
            raise SavedError(f"{place}: classes must be a list of text or of numbers")
        estimator.classes_ = np.array(classes)
        if len(np.unique(estimator.classes_)) != len(classes) or len(classes) < 2:
            raise SavedError(f"{place}: classes must be two or more, and none of them twice")
        if isinstance(estimator.class_weight, list):
            estimator.class_weight = dict(estimator.class_weight)


def _load_weights(
    estimator: SequenceEstimator, folder: Path, weights: Mapping[str, Tensor]
) -> None:
    """Take weights, once they are known to be those of the network: its sizes are not trusted."""
    place = folder / WEIGHTS
    estimator.settings()
    if estimator.layers > len(weights):
        raise SavedError(f"{place} does not hold the weights of {estimator.layers} layers")
    outputs = weights["readout.weight"].shape[0] if "readout.weight" in weights else 0
    classes = getattr(estimator, "classes_", None)
    if outputs == 0 or (classes is not None and len(classes) != outputs):
        raise SavedError(f"{place} has {outputs} outputs; {folder / CONFIG} says otherwise")
    try:
        with torch.device("meta"):  # sizes alone, no memory
            network = estimator.build(estimator.n_features_in_, outputs)
    except RuntimeError as error:
        raise SavedError(f"{folder / CONFIG} has impossible sizes: {error}") from error
    wanted = {name: (tuple(t.shape), t.dtype) for name, t in network.state_dict().items()}
    if wanted != {name: (tuple(t.shape), t.dtype) for name, t in weights.items()}:
        raise SavedError(
            f"{place} does not hold the weights of the network that {CONFIG} beside it tells of"
        )
    broken = [name for name, tensor in weights.items() if not bool(tensor.isfinite().all())]
    if broken:
        raise SavedError(f"{place}: {', '.join(broken)} holds what is no number; train again")
    network.load_state_dict(weights, assign=True)
    estimator.network_ = network
