"""A language model on disk: weights as safetensors, everything else as JSON; never pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from throughtime.data import DataError
from throughtime.data.text import vocabulary_of
from throughtime.equations import CellError
from throughtime.estimators.language_model import LanguageModel
from throughtime.estimators.saved import CONFIG, WEIGHTS, SavedError, write_json
from throughtime.estimators.settings import DTYPES, SettingsError
from throughtime.estimators.symbol_network import network_of_symbols

FORMAT = 1
KIND = "LanguageModel"


def save(model: LanguageModel, folder: Path) -> None:
    """Write all that is needed to rebuild a language model; its parameters are noted.

    Args:
        model: One that has learned.
        folder: An existing folder.
    """
    from safetensors.torch import save as serialize

    from throughtime import __version__

    vocabulary, network = model._fitted("vocabulary_"), model._fitted("network_")
    weights = {
        name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()
    }
    parameters = model.get_params() | {"vocabulary": vocabulary.name}
    config = {
        "format": FORMAT,
        "estimator": KIND,
        "throughtime": __version__,
        "parameters": parameters,
        "vocabulary": vocabulary.as_dict(),
        "opening": model.opening_,
    }
    (folder / WEIGHTS).write_bytes(serialize(weights))
    write_json(folder / CONFIG, config)


def load(folder: Path) -> LanguageModel:
    """Rebuild a language model from a folder, on the CPU.

    Raises:
        SavedError: A file is missing or damaged, or of a format that this version does not know.
    """
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise SavedError(
                f"{folder} holds no language model: it has no {name}; give the folder that "
                "`throughtime train` wrote for a text"
            )
    config = _config(folder / CONFIG)
    try:
        return _rebuilt(config, folder / WEIGHTS)
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise SavedError(f"{folder / CONFIG} is damaged: {error!r}; train again") from error
    except SavedError:
        raise
    except (DataError, SettingsError, CellError, ValueError) as error:
        raise SavedError(f"{folder / CONFIG} cannot be used: {error}") from error


def _config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SavedError(f"{path} is damaged: {error!r}; train again") from error
    if not isinstance(config, dict) or config.get("estimator") != KIND:
        raise SavedError(
            f"{path.parent} holds no language model; one is made by `throughtime train` from a text"
        )
    if config.get("format") != FORMAT:
        raise SavedError(
            f"{path} has format {config.get('format')!r}, this version reads format {FORMAT}; use "
            "the version of throughtime that wrote it"
        )
    return config


def _rebuilt(config: dict[str, Any], weights: Path) -> LanguageModel:
    model = LanguageModel(**{**config["parameters"], "device": "cpu"})
    model.check()
    model.vocabulary_ = vocabulary_of(config["vocabulary"])
    model.opening_ = config["opening"]
    if type(model.opening_) is not int or not 0 <= model.opening_ < model.vocabulary_.size:
        raise ValueError(f"the opening {model.opening_!r} is no symbol of the vocabulary")
    # Without memory of its own: what is in the file says how much is taken.
    with torch.device("meta"):
        network = network_of_symbols(
            model.vocabulary_.size, model.vocabulary_.unknown, model.cell, model.hidden,
            model.layers, model.embedding, model.dropout, DTYPES[model.dtype],
        )  # fmt: skip
    saved = _weights(weights)
    for name, tensor in saved.items():
        if tensor.dtype != DTYPES[model.dtype] or not bool(tensor.isfinite().all()):
            raise SavedError(f"{weights}: {name} is not finite, or not of {model.dtype}")
    try:
        network.load_state_dict(saved, assign=True)
    except RuntimeError as error:
        raise SavedError(f"{weights} does not hold this network's weights: {error}") from error
    model.network_ = network.eval()
    return model


def _weights(path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load as deserialize

    try:
        return deserialize(path.read_bytes())
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError) as error:
        raise SavedError(f"{path} does not hold weights: {error}") from error
