"""What saved models of every kind have in common: names, configuration, sealed weights; no pickle.

The configuration is JSON, the weights are safetensors under a digest of themselves and of what the
configuration says of the model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.storage import StorageError, read_json, read_sealed, write_sealed, write_whole

FORMAT = 1
WEIGHTS = "model.safetensors"
CONFIG = "config.json"
CHECKPOINT = "checkpoint.safetensors"
LANGUAGE_MODEL = "LanguageModel"
SEQUENCE_CLASSIFIER = "SequenceClassifier"
SEQUENCE_REGRESSOR = "SequenceRegressor"
"""What stands under "estimator" in the configuration of each; in a forecaster's, nothing."""
MODEL: dict[str | None, tuple[str, ...]] = {
    None: ("format", "target", "covariates", "network", "scaling"),
    LANGUAGE_MODEL: ("format", "estimator", "network", "vocabulary", "opening"),
    SEQUENCE_CLASSIFIER: (
        "format",
        "estimator",
        "network",
        "columns",
        "classes",
        "scaling",
        "features",
    ),
    SEQUENCE_REGRESSOR: (
        "format",
        "estimator",
        "network",
        "columns",
        "outputs",
        "flat",
        "scaling",
        "target_scaling",
        "rate",
    ),
}
"""What a configuration says of the model, by estimator; the digest of the weights covers it."""
_KINDS: dict[str | None, tuple[str, str]] = {
    None: (
        "a forecaster of a series",
        "`throughtime predict`, `evaluate`, `backtest`, `flow` and `export` take forecasters",
    ),
    LANGUAGE_MODEL: (
        "a language model of a text",
        "`throughtime generate`, `evaluate`, `flow` and `export` take models of text",
    ),
    SEQUENCE_CLASSIFIER: (
        "a classifier of sequences",
        "`throughtime predict`, `evaluate`, `flow` and `export` take classifiers, and "
        "in Python `SequenceClassifier.load` does",
    ),
    SEQUENCE_REGRESSOR: (
        "a regressor of sequences",
        "`throughtime predict`, `evaluate`, `flow` and `export` take regressors",
    ),
}
"""What an estimator is called, and what takes it."""
_LARGEST = 40_000_000
"""Bytes of a configuration: ours have a thousand, large tokenizers some ten million."""


class SavedError(ValueError):
    """A run folder cannot be loaded; the message says what is wrong with it."""


def write_configuration(folder: Path, config: Mapping[str, Any]) -> None:
    """Write a run's configuration, whole."""
    text = json.dumps(config, indent=2, allow_nan=False, ensure_ascii=False)
    write_whole(folder / CONFIG, (text + "\n").encode())


def read_configuration(folder: Path, *estimators: str | None) -> dict[str, Any]:
    """Read a run's configuration.

    Args:
        folder: The run's.
        estimators: Of what kinds of model it may be, None for a forecaster; of any, if none is
            given.

    Raises:
        SavedError: It is missing or damaged, of another kind of model, or of a format that this
            version does not know.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise no_run(folder, f"it has no {CONFIG}")
    try:
        if path.stat().st_size > _LARGEST:
            raise SavedError(f"{path} is damaged: it has more than {_LARGEST} bytes")
        config = read_json(path.read_bytes(), str(path))
    except StorageError as error:
        raise SavedError(f"{error}; train again") from None
    except OSError as error:
        raise SavedError(f"{path} cannot be read: {error.strerror or error}") from error
    if isinstance(config, dict):
        found, known = config.get("estimator"), estimators or tuple(MODEL)
        kind = _KINDS.get(found) if found is None or isinstance(found, str) else None
        if kind is None or found not in known:
            needed = " or ".join(_KINDS[name][0] for name in known)
            what, taken = kind or (f"an estimator {found!r:.80}", "this version knows no such kind")
            raise SavedError(f"{folder} holds {what}, and {needed} is needed here; {taken}")
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        found = config.get("format") if isinstance(config, dict) else type(config).__name__
        raise SavedError(
            f"{path} has format {found!r:.80}, this version reads format {FORMAT}; use the "
            "version of throughtime that wrote it"
        )
    return config


def write_weights(folder: Path, weights: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
    """Write a run's weights, whole, under a digest of them and of what the model is."""
    write_sealed(folder / WEIGHTS, weights, {"model": digest_of(config)})


def read_weights(folder: Path, config: Mapping[str, Any]) -> dict[str, Tensor]:
    """Read a run's weights, and see that they belong to its configuration.

    Raises:
        SavedError: They are missing or damaged, or belong to another configuration.
    """
    if not (folder / WEIGHTS).is_file():
        missing = f"it has no {WEIGHTS}"
        if (folder / CHECKPOINT).is_file():
            raise SavedError(
                f"{folder} has no model yet: {missing}, for its training was stopped before the "
                f"first epoch ended; go on with `throughtime resume {folder}`"
            )
        raise no_run(folder, missing)
    try:
        file = read_sealed(folder / WEIGHTS)
    except StorageError as error:
        raise SavedError(f"{error}; train again") from None
    digest = file.plain.get("model") if isinstance(file.plain, dict) else None
    if digest != digest_of(config) and (file.plain is not None or "sealed" in config):
        raise SavedError(
            f"{folder / WEIGHTS} and {folder / CONFIG} do not belong together: one of them has "
            "been changed since they were saved"
        )
    return file.tensors


def check_shapes(
    path: Path,
    weights: Mapping[str, Tensor],
    layers: int,
    widths: tuple[int, ...],
    network: Callable[[], nn.Module],
) -> None:
    """Refuse weights of another network before that network takes any memory.

    Args:
        path: The file that they are from.
        weights: What is in it.
        layers: Of the network.
        widths: Numbers that it has at least of weights: its units.
        network: Makes it, without memory of its own.

    Raises:
        SavedError: With what differs.
    """
    numbers = sum(tensor.numel() for tensor in weights.values())
    if layers > len(weights) or max(widths) > numbers:
        raise SavedError(
            f"{path} does not hold this network's weights: {layers} layers of "
            f"{' and '.join(map(str, widths))} units have more than its {numbers} numbers"
        )
    expected = network().state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in expected.items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if shapes != found:
        raise SavedError(
            f"{path} does not hold this network's weights: expected {_listed(shapes, found)}, "
            f"found {_listed(found, shapes)}"
        )


def restored(
    path: Path,
    weights: Mapping[str, Tensor],
    layers: int,
    widths: tuple[int, ...],
    network: Callable[[], nn.Module],
) -> nn.Module:
    """Make a network of weights that were read; what is in the file says how much memory it takes.

    Args:
        path: The file that they are from.
        weights: As for `check_shapes`, like the next two.
        layers: Of the network.
        widths: Numbers that it has at least of weights.
        network: Makes it.

    Raises:
        SavedError: They are another network's, or hold what is no number.
    """
    check_shapes(path, weights, layers, widths, lambda: without_memory(network))
    broken = [name for name, tensor in weights.items() if not bool(tensor.isfinite().all())]
    if broken:
        raise SavedError(f"{path}: {', '.join(broken)} holds what is no number; train again")
    made = without_memory(network)
    made.load_state_dict(weights, assign=True)
    return made.eval()


def without_memory(network: Callable[[], nn.Module]) -> nn.Module:
    """Make a network whose weights have shapes and no numbers."""
    with torch.device("meta"):
        return network()


def _listed(shapes: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    differ = [f"{name} {shape}" for name, shape in shapes.items() if other.get(name) != shape]
    return ", ".join(differ[:3]) + (", ..." if len(differ) > 3 else "") if differ else "nothing"


def digest_of(config: Mapping[str, Any]) -> str:
    """Give the SHA-256 of what a configuration says of the model."""
    said = json.dumps([config.get(name) for name in MODEL[config.get("estimator")]], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def no_run(folder: Path, why: str) -> SavedError:
    """Give the error of a folder that is no run's."""
    return SavedError(
        f"{folder} is no run folder: {why}; give the folder that `throughtime train` wrote"
    )


def write_json(path: Path, content: dict[str, Any], indent: int | None = 2) -> None:
    """Write JSON that strict readers take, no NaN, no infinity; on one line if not indented."""
    text = json.dumps(content, indent=indent, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
