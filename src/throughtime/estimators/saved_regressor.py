"""A regressor of sequences on disk: weights as safetensors, all else as JSON; never pickle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from throughtime.data import DataError, Scaling
from throughtime.equations import CellError
from throughtime.estimators.regressor import SequenceRegressor
from throughtime.estimators.saved import (
    CONFIG,
    FORMAT,
    SEQUENCE_REGRESSOR,
    WEIGHTS,
    SavedError,
    read_configuration,
    read_weights,
    restored,
    write_configuration,
    write_weights,
)
from throughtime.estimators.settings import SettingsError

_NETWORK = ("cell", "hidden", "layers", "bidirectional", "pooling", "dropout", "dtype", "per")
"""The parameters that say what the network is; the others say how it is trained."""


def save(regressor: SequenceRegressor, folder: Path) -> None:
    """Write all that is needed to rebuild a regressor.

    Args:
        regressor: One that has learned.
        folder: An existing folder.

    Raises:
        NotFittedError: Nothing has been learned.
        StorageError: A file cannot be written.
    """
    weights = regressor._fitted("network_").state_dict()
    config = configuration(regressor)
    write_configuration(folder, config)
    write_weights(folder, weights, config)


def configuration(regressor: SequenceRegressor) -> dict[str, Any]:
    """Give all that rebuilds a prepared regressor but its weights."""
    from throughtime import __version__

    parameters = regressor.get_params()
    return {
        "format": FORMAT,
        "estimator": SEQUENCE_REGRESSOR,
        "throughtime": __version__,
        "network": {name: parameters[name] for name in _NETWORK},
        "training": {name: value for name, value in parameters.items() if name not in _NETWORK},
        "columns": regressor.n_features_in_,
        "outputs": regressor.n_outputs_,
        "flat": regressor.flat_,
        "scaling": regressor.scaling_.as_dict(),
        "target_scaling": regressor.target_scaling_.as_dict(),
        "sealed": True,
    }


def load(folder: Path) -> SequenceRegressor:
    """Rebuild a regressor from a folder, on the CPU; nothing in the folder is trusted.

    Raises:
        SavedError: Something is missing or damaged; the message says what.
    """
    config = read_configuration(folder, SEQUENCE_REGRESSOR)
    weights = read_weights(folder, config)
    regressor = described(folder, config, device="cpu")
    regressor.network_ = restored(folder / WEIGHTS, weights, *_shape(regressor))
    return regressor


def described(folder: Path, config: Mapping[str, Any], **other: Any) -> SequenceRegressor:
    """Take from a configuration what a regressor is made of; all but its network.

    Args:
        folder: The run's, for messages.
        config: What stands in it; it is not trusted.
        other: Parameters that come first.

    Raises:
        SavedError: Something is missing or is not what it has to be.
    """
    path = folder / CONFIG
    try:
        regressor = SequenceRegressor(**{**config["training"], **config["network"], **other})
        regressor.check()
        for name, columns in (("scaling", "columns"), ("target_scaling", "outputs")):
            scaling = Scaling.from_dict(config[name])
            if type(config[columns]) is not int or len(scaling.center) != config[columns]:
                raise ValueError(f"{name} has not {config[columns]!r:.80} columns")
            setattr(regressor, f"{name}_", scaling)
        regressor.n_features_in_, regressor.n_outputs_ = config["columns"], config["outputs"]
        regressor.flat_ = config["flat"]
        if type(regressor.flat_) is not bool or (regressor.flat_ and regressor.n_outputs_ != 1):
            raise ValueError(f"flat is {regressor.flat_!r:.80} of {regressor.n_outputs_} columns")
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise SavedError(f"{path} is damaged: {error!r:.200}; train again") from error
    except (DataError, SettingsError, CellError, ValueError) as error:
        raise SavedError(f"{path} cannot be used: {error}") from error
    return regressor


def _shape(
    regressor: SequenceRegressor,
) -> tuple[int, tuple[int, ...], Callable[[], nn.Module]]:
    """Give layers, widths and what makes the network; see `check_shapes`."""
    columns, outputs = regressor.n_features_in_, regressor.n_outputs_
    return (
        regressor.layers,
        (regressor.hidden, outputs),
        lambda: regressor.build(columns, outputs),
    )
