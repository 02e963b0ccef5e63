"""A forecaster on disk: weights as safetensors, everything else as JSON; never pickle."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from throughtime.data import DataError, Dataset, Scaling
from throughtime.estimators.forecaster import Forecaster
from throughtime.estimators.settings import Settings, SettingsError

FORMAT = 1
WEIGHTS = "model.safetensors"
CONFIG = "config.json"
_NETWORK = ("cell", "hidden", "layers", "dtype")
"""The settings that say what the network is; the others say how it is trained."""


class SavedError(ValueError):
    """A run folder cannot be loaded; the message says what is wrong with it."""


def save(forecaster: Forecaster, dataset: Dataset, folder: Path, version: str) -> None:
    """Write all that is needed to rebuild a forecaster, its scaling included.

    Args:
        forecaster: What to save.
        dataset: What it was trained on; its names are noted.
        folder: An existing folder.
        version: Of the package, noted.
    """
    from safetensors.torch import save as serialize

    settings, series = forecaster.settings, dataset.series
    weights = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in forecaster.network.state_dict().items()
    }
    config = {
        "format": FORMAT,
        "throughtime": version,
        "name": series.name,
        "source": series.source,
        "time": series.time_name,
        "target": series.target,
        "covariates": list(series.covariates),
        "network": {name: getattr(settings, name) for name in _NETWORK},
        "training": {k: v for k, v in settings.as_dict().items() if k not in _NETWORK},
        "scaling": forecaster.scaling.as_dict(),
    }
    (folder / WEIGHTS).write_bytes(serialize(weights))  # safetensors' own file is closed to others
    write_json(folder / CONFIG, config)


def load(folder: Path) -> tuple[Forecaster, dict[str, Any]]:
    """Rebuild a forecaster from a run folder, on the CPU.

    Returns:
        The forecaster, and its configuration as it was saved.

    Raises:
        SavedError: A file is missing or damaged, or of a format that this version does not know.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise SavedError(
                f"{folder} is no run folder: it has no {name}; give the folder that "
                "`throughtime train` wrote"
            )
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if isinstance(config, dict) and "estimator" in config:
            raise SavedError(
                f"{folder} holds a {config['estimator']!r}, and a forecaster is needed here; "
                "`throughtime generate` and `throughtime evaluate` take a model of text"
            )
        if not isinstance(config, dict) or config.get("format") != FORMAT:
            found = config.get("format") if isinstance(config, dict) else type(config).__name__
            raise SavedError(
                f"{folder / CONFIG} has format {found!r}, this version reads format {FORMAT}; use "
                "the version of throughtime that wrote it"
            )
        known = {field.name for field in fields(Settings)}
        saved = {**config["training"], **config["network"], "device": "cpu"}
        settings = Settings(**{k: v for k, v in saved.items() if k in known})
        columns = [config["target"], *config["covariates"]]
        if not all(isinstance(name, str) for name in columns):
            raise SavedError(f"{folder / CONFIG}: target and covariates must be names")
        forecaster = Forecaster(columns, Scaling.from_dict(config["scaling"]), settings)
        if len(forecaster.scaling.center) != len(columns):
            raise SavedError(f"{folder / CONFIG}: the scaling has not {len(columns)} columns")
        forecaster.network.load_state_dict(load_file(folder / WEIGHTS))
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SavedError(f"{folder / CONFIG} is damaged: {error!r}; train again") from error
    except (DataError, SettingsError) as error:
        raise SavedError(f"{folder / CONFIG} cannot be used: {error}") from error
    except (SafetensorError, RuntimeError, OSError) as error:
        raise SavedError(
            f"{folder / WEIGHTS} does not hold this network's weights: {error}"
        ) from error
    return forecaster, config


def write_json(path: Path, content: dict[str, Any], indent: int | None = 2) -> None:
    """Write JSON that strict readers take, no NaN, no infinity; on one line if not indented."""
    text = json.dumps(content, indent=indent, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
