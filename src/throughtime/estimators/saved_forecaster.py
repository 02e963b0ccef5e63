"""A forecaster on disk: weights as safetensors, everything else as JSON; never pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from torch import Tensor

from throughtime.data import DataError, Dataset, Scaling, ScalingBySeries
from throughtime.data.roles import ROW
from throughtime.estimators.saved import (
    CONFIG,
    FORMAT,
    WEIGHTS,
    SavedError,
    check_shapes,
    read_configuration,
    read_weights,
    write_configuration,
    write_weights,
)
from throughtime.estimators.series_model import SeriesModel, network_for
from throughtime.estimators.series_rows import SeriesRows
from throughtime.estimators.settings import Settings, SettingsError

_NETWORK = (
    "cell", "hidden", "layers", "dtype", "transform", "output", "difference", "calendar", "known",
    "joint",
)  # fmt: skip
"""The settings that say what the network is; the others say how it is trained."""
_BEFORE_OUTPUTS = {"joint": False}
"""What is true of networks whose configuration does not say it: they gave one number."""
_RESIDUALS = "residuals"
"""Beside the weights: errors from which those of a network of numbers alone are drawn."""


def save(forecaster: SeriesModel, dataset: Dataset, folder: Path, version: str) -> None:
    """Write all that is needed to rebuild a forecaster, its scaling included.

    Args:
        forecaster: What to save.
        dataset: What it was trained on; its names are noted.
        folder: An existing folder.
        version: Of the package, noted.

    Raises:
        StorageError: A file cannot be written.
    """
    write_model(forecaster, configuration(forecaster, dataset, version), folder)


def write_model(forecaster: SeriesModel, config: Mapping[str, Any], folder: Path) -> None:
    """Write a forecaster under a configuration of its own."""
    write_configuration(folder, config)
    residuals = {} if forecaster.residuals is None else {_RESIDUALS: forecaster.residuals}
    write_weights(folder, {**forecaster.network.state_dict(), **residuals}, config)


def configuration(forecaster: SeriesModel, dataset: Dataset, version: str) -> dict[str, Any]:
    """Give all that rebuilds a forecaster but its weights, and where its data came from."""
    settings, series = forecaster.settings.as_dict(), dataset.series
    several = {} if dataset.series_column is None else {"series": dataset.series_column}
    return {
        "format": FORMAT,
        "throughtime": version,
        "name": dataset.name,
        "source": series.source,
        "time": series.time_name,
        "target": series.target,
        "covariates": list(series.covariates),
        "network": {name: settings[name] for name in _NETWORK},
        "training": {k: v for k, v in settings.items() if k not in _NETWORK},
        "scaling": forecaster.scaling.as_dict(),
        "data": {**dataset.origin, "sha256": dataset.digest()},
        "sealed": True,
        **several,
    }


def load(folder: Path) -> tuple[SeriesModel, dict[str, Any]]:
    """Rebuild a forecaster from a run folder, on the CPU.

    Returns:
        The forecaster, and its configuration as it was saved.

    Raises:
        SavedError: A file is missing or damaged, or of a format that this version does not know.
    """
    config = read_configuration(folder, None)
    weights = read_weights(folder, config)
    settings, columns, scaling = model_settings(folder, config, device="cpu")
    residuals = weights.pop(_RESIDUALS, None)
    check_forecaster(folder / WEIGHTS, weights, columns, settings)
    forecaster = SeriesModel(columns, scaling, settings)
    wanted = (settings.torch_dtype, len(forecaster.rows.forecast))
    if residuals is not None and (residuals.dtype, *residuals.shape[1:]) != wanted:
        raise SavedError(
            f"{folder / WEIGHTS} does not hold this forecaster's residuals: expected "
            f"{wanted[1]} column(s), found {tuple(residuals.shape)}"
        )
    forecaster.residuals = residuals
    try:
        forecaster.network.load_state_dict(weights)
    except RuntimeError as error:
        raise SavedError(
            f"{folder / WEIGHTS} does not hold this network's weights: {error}"
        ) from error
    return forecaster, config


def time_of(config: Mapping[str, Any], given: str | None) -> str | None:
    """Give the time column of a file that a run is asked about.

    Args:
        config: The run's configuration.
        given: The column that was named; None for the one trained with.

    Returns:
        The column; None where rows were counted, and a column is to be recognised.
    """
    recorded = config.get("time")
    if given is not None or recorded == ROW or not isinstance(recorded, str):
        return given
    return recorded


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
        saved = {**_BEFORE_OUTPUTS, **config["training"], **config["network"], **other}
        settings = Settings(**{k: v for k, v in saved.items() if k in known})
        columns = [config["target"], *config["covariates"]]
        if not all(isinstance(name, str) for name in (*columns, config.get("series", ""))):
            raise SavedError(f"{path}: target, covariates and series must be names")
        kind = ScalingBySeries if "series" in config else Scaling
        scaling = kind.from_dict(config["scaling"])
        if scaling.columns != len(columns):
            raise SavedError(f"{path}: the scaling has not {len(columns)} columns")
        SeriesRows(columns, settings)
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise SavedError(f"{path} is damaged: {error!r:.200}; train again") from error
    except (DataError, SettingsError) as error:
        raise SavedError(f"{path} cannot be used: {error}") from error
    return settings, columns, scaling


def check_forecaster(
    path: Path, weights: Mapping[str, Tensor], columns: list[str], settings: Settings
) -> None:
    """Refuse weights of another forecaster's network; see `check_shapes`."""
    check_shapes(
        path,
        weights,
        settings.layers,
        (settings.hidden,),
        lambda: network_for(columns, settings, device="meta"),
    )
