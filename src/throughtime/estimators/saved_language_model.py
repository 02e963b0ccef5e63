"""A language model on disk: weights as safetensors, everything else as JSON; never pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from throughtime.data import DataError
from throughtime.data.text import TextDataset, Vocabulary, vocabulary_of
from throughtime.equations import CellError
from throughtime.estimators.language_model import LanguageModel
from throughtime.estimators.saved import (
    CONFIG,
    FORMAT,
    LANGUAGE_MODEL,
    WEIGHTS,
    SavedError,
    check_shapes,
    read_configuration,
    read_weights,
    write_configuration,
    write_weights,
)
from throughtime.estimators.settings import DTYPES, SettingsError
from throughtime.estimators.symbol_network import network_of_symbols
from throughtime.nn import Network

_NETWORK = ("cell", "hidden", "layers", "embedding", "dropout", "weight_dropout", "dtype")
"""The parameters that say what the network is; the others say how it is trained."""


def save(model: LanguageModel, folder: Path, dataset: TextDataset | None = None) -> None:
    """Write all that is needed to rebuild a language model.

    Args:
        model: One that has learned.
        folder: An existing folder.
        dataset: What it was trained on; where it is from is noted.

    Raises:
        NotFittedError: Nothing has been learned.
        StorageError: A file cannot be written.
    """
    vocabulary, network = model._fitted("vocabulary_"), model._fitted("network_")
    config = configuration(model, vocabulary, model.opening_, dataset)
    write_configuration(folder, config)
    write_weights(folder, network.state_dict(), config)


def configuration(
    model: LanguageModel, vocabulary: Vocabulary, opening: int, dataset: TextDataset | None = None
) -> dict[str, Any]:
    """Give all that rebuilds a language model but its weights, and where its text came from."""
    from throughtime import __version__

    parameters = model.get_params()
    named = {} if dataset is None else {"name": dataset.text.name, "source": dataset.text.source}
    return {
        "format": FORMAT,
        "estimator": LANGUAGE_MODEL,
        "throughtime": __version__,
        **named,
        "network": {name: parameters[name] for name in _NETWORK},
        "training": {
            name: value
            for name, value in parameters.items()
            if name not in _NETWORK and name != "vocabulary"
        },
        "vocabulary": vocabulary.as_dict(),
        "opening": opening,
        **({} if dataset is None else {"data": {**dataset.origin, "sha256": dataset.digest()}}),
        "sealed": True,
    }


def load(folder: Path) -> LanguageModel:
    """Rebuild a language model from a folder, on the CPU.

    Raises:
        SavedError: A file is missing, damaged or changed, or of a format that this version does not
            know.
    """
    config = read_configuration(folder, LANGUAGE_MODEL)
    weights = read_weights(folder, config)
    model, vocabulary, opening = described(folder, config, device="cpu")
    check_language_model(folder / WEIGHTS, weights, model, vocabulary)
    network = _without_memory(model, vocabulary)  # what is in the file says how much is taken
    own = {name: weights[name].to(like.dtype) for name, like in network.state_dict().items()}
    network.load_state_dict(own, assign=True)
    model.vocabulary_, model.opening_, model.network_ = vocabulary, opening, network.eval()
    return model


def described(
    folder: Path, config: Mapping[str, Any], **other: Any
) -> tuple[LanguageModel, Vocabulary, int]:
    """Take from a configuration what a language model is made of.

    Args:
        folder: The run's, for messages.
        config: What stands in it; it is not trusted.
        other: Parameters that come first.

    Returns:
        The model, without its network; its vocabulary; the number of the symbol it begins with.

    Raises:
        SavedError: Something is missing or is not what it has to be.
    """
    path = folder / CONFIG
    try:
        vocabulary, opening = vocabulary_of(config["vocabulary"]), config["opening"]
        # Runs of before there was dropout of weights say nothing of it.
        parameters = {
            "weight_dropout": 0.0,
            **config["training"],
            **config["network"],
            "vocabulary": vocabulary.name,
        }
        model = LanguageModel(**{**parameters, **other})
        model.check()
        if type(opening) is not int or not 0 <= opening < vocabulary.size:
            raise ValueError(f"the opening {opening!r:.80} is no symbol of the vocabulary")
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise SavedError(f"{path} is damaged: {error!r:.200}; train again") from error
    except (DataError, SettingsError, CellError, ValueError) as error:
        raise SavedError(f"{path} cannot be used: {error}") from error
    return model, vocabulary, opening


def check_language_model(
    path: Path, weights: Mapping[str, Tensor], model: LanguageModel, vocabulary: Vocabulary
) -> None:
    """Refuse weights of another model's network before it takes any memory; see `check_shapes`."""
    widths = (model.hidden, model.embedding or 0, vocabulary.size)
    check_shapes(path, weights, model.layers, widths, lambda: _without_memory(model, vocabulary))


def _without_memory(model: LanguageModel, vocabulary: Vocabulary) -> Network:
    with torch.device("meta"):
        return network_of_symbols(
            vocabulary.size, vocabulary.unknown, model.cell, model.hidden, model.layers,
            model.embedding, model.dropout, model.weight_dropout, DTYPES[model.dtype],
        )  # fmt: skip
