"""A language model on disk: weights as safetensors, everything else as JSON; never pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from throughtime.data import DataError
from throughtime.data.text import vocabulary_of
from throughtime.equations import CellError
from throughtime.estimators.language_model import LanguageModel
from throughtime.estimators.saved import (
    CONFIG,
    FORMAT,
    WEIGHTS,
    SavedError,
    digest_of,
    read_configuration,
    write_configuration,
)
from throughtime.estimators.settings import DTYPES, SettingsError
from throughtime.estimators.symbol_network import network_of_symbols
from throughtime.nn import Network
from throughtime.storage import StorageError, read_sealed, write_sealed

KIND = "LanguageModel"
MODEL = ("format", "estimator", "parameters", "vocabulary", "opening")
"""What a configuration says of the model; the digest of the weights covers it."""


def save(model: LanguageModel, folder: Path) -> None:
    """Write all that is needed to rebuild a language model; its parameters are noted.

    Args:
        model: One that has learned.
        folder: An existing folder.

    Raises:
        StorageError: A file cannot be written.
    """
    from throughtime import __version__

    vocabulary, network = model._fitted("vocabulary_"), model._fitted("network_")
    config = {
        "format": FORMAT,
        "estimator": KIND,
        "throughtime": __version__,
        "parameters": model.get_params() | {"vocabulary": vocabulary.name},
        "vocabulary": vocabulary.as_dict(),
        "opening": model.opening_,
    }
    write_configuration(folder, config)
    write_sealed(folder / WEIGHTS, network.state_dict(), {"model": digest_of(config, MODEL)})


def load(folder: Path) -> LanguageModel:
    """Rebuild a language model from a folder, on the CPU.

    Raises:
        SavedError: A file is missing, damaged or changed, or of a format that this version does not
            know.
    """
    config = read_configuration(folder, KIND)
    try:
        file = read_sealed(folder / WEIGHTS)
    except StorageError as error:
        raise SavedError(f"{error}; train again") from None
    if file.plain != {"model": digest_of(config, MODEL)}:
        raise SavedError(
            f"{folder / WEIGHTS} and {folder / CONFIG} do not belong together: one of them has "
            "been changed since they were saved"
        )
    try:
        model = _described(config)
        # Without memory of its own: what is in the file says how much is taken.
        network = _network(model, "meta")
        network.load_state_dict(file.tensors, assign=True)
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise SavedError(f"{folder / CONFIG} is damaged: {error!r:.200}; train again") from error
    except RuntimeError as error:
        raise SavedError(
            f"{folder / WEIGHTS} does not hold this network's weights: {error}"
        ) from error
    except (DataError, SettingsError, CellError, ValueError) as error:
        raise SavedError(f"{folder / CONFIG} cannot be used: {error}") from error
    model.network_ = network.eval()
    return model


def _described(config: dict[str, Any]) -> LanguageModel:
    """Give the model that a configuration describes, without its network."""
    model = LanguageModel(**{**config["parameters"], "device": "cpu"})
    model.check()
    model.vocabulary_ = vocabulary_of(config["vocabulary"])
    model.opening_ = config["opening"]
    if type(model.opening_) is not int or not 0 <= model.opening_ < model.vocabulary_.size:
        raise ValueError(f"the opening {model.opening_!r:.80} is no symbol of the vocabulary")
    return model


def _network(model: LanguageModel, device: str) -> Network:
    with torch.device(device):
        return network_of_symbols(
            model.vocabulary_.size, model.vocabulary_.unknown, model.cell, model.hidden,
            model.layers, model.embedding, model.dropout, DTYPES[model.dtype],
        )  # fmt: skip
