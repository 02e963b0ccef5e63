"""A forecaster on disk: weights as safetensors, everything else as JSON; never pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from torch import Tensor

from throughtime.data import DataError, Dataset, Scaling, ScalingBySeries
from throughtime.estimators.forecaster import Forecaster, network_for
from throughtime.estimators.settings import Settings, SettingsError
from throughtime.storage import StorageError, read_json, read_sealed, write_sealed, write_whole

FORMAT = 1
WEIGHTS = "model.safetensors"
CONFIG = "config.json"
CHECKPOINT = "checkpoint.safetensors"
_NETWORK = ("cell", "hidden", "layers", "dtype")
"""The settings that say what the network is; the others say how it is trained."""
MODEL = ("format", "target", "covariates", "network", "scaling")
"""What a configuration says of the model; the digest of the weights covers it."""
_LARGEST = 10_000_000
"""Bytes of a configuration: ours have a thousand."""


class SavedError(ValueError):
    """A run folder cannot be loaded; the message says what is wrong with it."""


def save(forecaster: Forecaster, dataset: Dataset, folder: Path, version: str) -> None:
    """Write all that is needed to rebuild a forecaster, its scaling included.

    Args:
        forecaster: What to save.
        dataset: What it was trained on; its names are noted.
        folder: An existing folder.
        version: Of the package, noted.

    Raises:
        StorageError: A file cannot be written.
    """
    config = configuration(forecaster, dataset, version)
    write_configuration(folder, config)
    write_weights(folder, forecaster.network.state_dict(), config)


def configuration(forecaster: Forecaster, dataset: Dataset, version: str) -> dict[str, Any]:
    """Give all that rebuilds a forecaster but its weights, and where its data came from."""
    settings, series = forecaster.settings, dataset.series
    return {
        "format": FORMAT,
        "throughtime": version,
        "name": dataset.name,
        "source": series.source,
        "time": series.time_name,
        "target": series.target,
        "covariates": list(series.covariates),
        "network": {name: getattr(settings, name) for name in _NETWORK},
        "training": {k: v for k, v in settings.as_dict().items() if k not in _NETWORK},
        "scaling": forecaster.scaling.as_dict(),
        "data": {**dataset.origin, "sha256": dataset.digest()},
        "sealed": True,
    } | ({} if dataset.series_column is None else {"series": dataset.series_column})


def write_configuration(folder: Path, config: Mapping[str, Any]) -> None:
    """Write a run's configuration, whole."""
    text = json.dumps(config, indent=2, allow_nan=False, ensure_ascii=False)
    write_whole(folder / CONFIG, (text + "\n").encode())


def write_weights(folder: Path, weights: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
    """Write a run's weights, whole, under a digest of them and of what the model is."""
    write_sealed(folder / WEIGHTS, weights, {"model": digest_of(config, MODEL)})


def load(folder: Path) -> tuple[Forecaster, dict[str, Any]]:
    """Rebuild a forecaster from a run folder, on the CPU.

    Returns:
        The forecaster, and its configuration as it was saved.

    Raises:
        SavedError: A file is missing or damaged, or of a format that this version does not know.
    """
    config = read_configuration(folder)
    if not (folder / WEIGHTS).is_file():
        missing = f"it has no {WEIGHTS}"
        if (folder / CHECKPOINT).is_file():
            raise SavedError(
                f"{folder} has no model yet: {missing}, for its training was stopped before the "
                f"first epoch ended; go on with `throughtime resume {folder}`"
            )
        raise _no_run(folder, missing)
    settings, columns, scaling = model_settings(folder, config, device="cpu")
    try:
        file = read_sealed(folder / WEIGHTS)
    except StorageError as error:
        raise SavedError(f"{error}; train again") from None
    digest = file.plain.get("model") if isinstance(file.plain, dict) else None
    if digest != digest_of(config, MODEL) and (file.plain is not None or "sealed" in config):
        raise SavedError(
            f"{folder / WEIGHTS} and {folder / CONFIG} do not belong together: one of them has "
            "been changed since they were saved"
        )
    check_shapes(folder / WEIGHTS, file.tensors, columns, settings)
    forecaster = Forecaster(columns, scaling, settings)
    try:
        forecaster.network.load_state_dict(file.tensors)
    except RuntimeError as error:
        raise SavedError(
            f"{folder / WEIGHTS} does not hold this network's weights: {error}"
        ) from error
    return forecaster, config


def read_configuration(folder: Path, estimator: str | None = None) -> dict[str, Any]:
    """Read a run's configuration.

    Args:
        folder: The run's.
        estimator: What kind of model it has to be of; None for a forecaster.

    Raises:
        SavedError: It is missing or damaged, of another kind of model, or of a format that this
            version does not know.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise _no_run(folder, f"it has no {CONFIG}")
    try:
        if path.stat().st_size > _LARGEST:
            raise SavedError(f"{path} is damaged: it has more than {_LARGEST} bytes")
        config = read_json(path.read_bytes(), str(path))
    except StorageError as error:
        raise SavedError(f"{error}; train again") from None
    except OSError as error:
        raise SavedError(f"{path} cannot be read: {error.strerror or error}") from error
    if isinstance(config, dict) and config.get("estimator") != estimator:
        found = config.get("estimator", "forecaster of a series")
        raise SavedError(
            f"{folder} holds a {found!r:.80}, and a {estimator or 'forecaster of a series'} is "
            "needed here; `throughtime generate` and `evaluate` take models of text, `predict` "
            "takes forecasters"
        )
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        found = config.get("format") if isinstance(config, dict) else type(config).__name__
        raise SavedError(
            f"{path} has format {found!r:.80}, this version reads format {FORMAT}; use the "
            "version of throughtime that wrote it"
        )
    return config


def model_settings(
    folder: Path, config: Mapping[str, Any], **other: Any
) -> tuple[Settings, list[str], Scaling | ScalingBySeries]:
    """Take from a configuration what a forecaster is made of.

    Args:
        folder: The run's, for messages.
        config: What stands in it; it is not trusted.
        other: Settings that come first.

    Returns:
        Its settings, its columns and their scaling.

    Raises:
        SavedError: Something is missing or is not what it has to be.
    """
    path = folder / CONFIG
    try:
        known = {field.name for field in fields(Settings)}
        saved = {**config["training"], **config["network"], **other}
        settings = Settings(**{k: v for k, v in saved.items() if k in known})
        columns = [config["target"], *config["covariates"]]
        if not all(isinstance(name, str) for name in (*columns, config.get("series", ""))):
            raise SavedError(f"{path}: target, covariates and series must be names")
        kind = ScalingBySeries if "series" in config else Scaling
        scaling = kind.from_dict(config["scaling"])
        if scaling.columns != len(columns):
            raise SavedError(f"{path}: the scaling has not {len(columns)} columns")
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise SavedError(f"{path} is damaged: {error!r:.200}; train again") from error
    except (DataError, SettingsError) as error:
        raise SavedError(f"{path} cannot be used: {error}") from error
    return settings, columns, scaling


def check_shapes(
    path: Path, weights: Mapping[str, Tensor], columns: list[str], settings: Settings
) -> None:
    """Refuse weights of another network before that network takes any memory.

    Raises:
        SavedError: With what differs.
    """
    numbers = sum(tensor.numel() for tensor in weights.values())
    if settings.layers > len(weights) or settings.hidden > numbers:
        raise SavedError(
            f"{path} does not hold this network's weights: {settings.layers} layers of "
            f"{settings.hidden} units have more than its {numbers} numbers"
        )
    expected = network_for(columns, settings, device="meta").state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in expected.items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if shapes != found:
        raise SavedError(
            f"{path} does not hold this network's weights: expected {_listed(shapes, found)}, "
            f"found {_listed(found, shapes)}"
        )


def _listed(shapes: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    differ = [f"{name} {shape}" for name, shape in shapes.items() if other.get(name) != shape]
    return ", ".join(differ[:3]) + (", ..." if len(differ) > 3 else "") if differ else "nothing"


def digest_of(config: Mapping[str, Any], names: Sequence[str]) -> str:
    """Give the SHA-256 of what a configuration says under some names."""
    said = json.dumps([config.get(name) for name in names], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _no_run(folder: Path, why: str) -> SavedError:
    return SavedError(
        f"{folder} is no run folder: {why}; give the folder that `throughtime train` wrote"
    )


def write_json(path: Path, content: dict[str, Any], indent: int | None = 2) -> None:
    """Write JSON that strict readers take, no NaN, no infinity; on one line if not indented."""
    text = json.dumps(content, indent=indent, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
