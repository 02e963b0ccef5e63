"""A regressor of sequences on disk: weights as safetensors, all else as JSON; never pickle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from throughtime.data import DataError, Scaling
from throughtime.equations import CellError
from throughtime.estimators.regressor import SequenceRegressor
from throughtime.estimators.saved import (
    CONFIG,
    FORMAT,
    SEQUENCE_REGRESSOR,
    WEIGHTS,
    SavedError,
    check_shapes,
    read_configuration,
    read_weights,
    restored,
    without_memory,
    write_configuration,
    write_weights,
)
from throughtime.estimators.settings import SettingsError

if TYPE_CHECKING:
    from throughtime.data.audio import RecordingPair

_NETWORK = ("cell", "hidden", "layers", "bidirectional", "pooling", "dropout", "dtype", "per")
"""The parameters that say what the network is; the others say how it is trained."""


def save(
    regressor: SequenceRegressor,
    folder: Path,
    pair: RecordingPair | None = None,
    test: float | None = None,
) -> None:
    """Write all that is needed to rebuild a regressor.

    Args:
        regressor: One that has learned.
        folder: An existing folder.
        pair: The recordings that it was trained on; where they are from is noted.
        test: The share of them, the last, that was held out.

    Raises:
        NotFittedError: Nothing has been learned.
        StorageError: A file cannot be written.
    """
    weights = regressor._fitted("network_").state_dict()
    config = configuration(regressor, pair, test)
    write_configuration(folder, config)
    write_weights(folder, weights, config)


def configuration(
    regressor: SequenceRegressor, pair: RecordingPair | None = None, test: float | None = None
) -> dict[str, Any]:
    """Give all that rebuilds a prepared regressor but its weights, and where its data came from."""
    from throughtime import __version__

    parameters = regressor.get_params()
    named: dict[str, Any] = {}
    if pair is not None:
        dry, wet = (str(file.absolute()) for file in pair.files)
        named = {
            "name": pair.files[1].stem,
            "source": pair.source,
            "rate": pair.rate,
            "data": {"source": dry, "target": wet, "test": test, "sha256": pair.digest()},
        }
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
        **named,
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


def load_of_pair(folder: Path) -> tuple[SequenceRegressor, int]:
    """Load a regressor of a pair of recordings, and the rate that it was trained at.

    Raises:
        SavedError: It cannot be loaded, or is of something else.
    """
    regressor, rate = load(folder), read_configuration(folder, SEQUENCE_REGRESSOR).get("rate")
    if type(rate) is not int or rate < 1:
        raise SavedError(f"{folder} is of no recordings: it does not say at what rate they were")
    if (regressor.per, regressor.n_features_in_, regressor.flat_) != ("step", 1, True):
        raise SavedError(f"{folder} does not hold a regressor of one recording by another")
    return regressor, rate


def check_regressor(
    path: Path, weights: Mapping[str, Tensor], regressor: SequenceRegressor
) -> None:
    """Refuse weights of another regressor's network before it takes memory; see `check_shapes`."""
    layers, widths, network = _shape(regressor)
    check_shapes(path, weights, layers, widths, lambda: without_memory(network))


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
