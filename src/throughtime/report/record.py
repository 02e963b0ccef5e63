"""A run folder, read as it lies."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throughtime.report.history import History, read_history
from throughtime.report.numerals import number
from throughtime.report.predictions import Predictions, read_predictions

FORMAT = 1


@dataclass(frozen=True)
class LayerFlow:
    """How the gradient that reaches one layer's state falls with the lag.

    `median`, `lower` and `upper` are norms relative to lag 0; `horizon` is the lag at which the
    median has fallen to the flow's fraction, None where it does not within the window.
    """

    name: str
    lag: Sequence[float]
    median: Sequence[float | None]
    lower: Sequence[float | None]
    upper: Sequence[float | None]
    horizon: float | None


@dataclass(frozen=True)
class Flow:
    """How far back gradients reached: `steps` were looked at, `fraction` defines the horizon."""

    fraction: float
    steps: float | None
    layers: Sequence[LayerFlow]


@dataclass(frozen=True)
class Run:
    """What a run folder holds; None for a file that is not there."""

    config: dict[str, Any]
    metrics: dict[str, Any]
    history: History | None
    predictions: Predictions | None
    flow: Flow | None

    @property
    def name(self) -> str:
        """What the run is called."""
        return str(self.config.get("name") or self.config.get("target") or "run")

    def section(self, name: str) -> dict[str, Any]:
        """Return a part of the configuration, empty where there is none."""
        return mapping(self.config.get(name))


def read_run(folder: Path) -> Run:
    """Read a run folder; only `config.json` must be there.

    Args:
        folder: The folder that a training run wrote.

    Raises:
        FileNotFoundError: `config.json` is missing.
        ValueError: A file is not what its name says.
    """
    config_file = folder / "config.json"
    if not config_file.is_file():
        raise FileNotFoundError(
            f"{folder}: expected a run folder, found no config.json in it; "
            "name the folder that training wrote"
        )
    config = _read_json(config_file)
    if config.get("format", FORMAT) != FORMAT:
        raise ValueError(
            f"{config_file}: expected format {FORMAT}, found {config['format']!r}; "
            "use the version of throughtime that wrote it"
        )
    metrics, history, predictions, flow = (
        folder / name for name in ("metrics.json", "history.csv", "predictions.csv", "flow.json")
    )
    return Run(
        config=config,
        metrics=_read_json(metrics) if metrics.is_file() else {},
        history=read_history(history) if history.is_file() else None,
        predictions=read_predictions(predictions) if predictions.is_file() else None,
        flow=_flow(_read_json(flow)) if flow.is_file() else None,
    )


def mapping(value: object) -> dict[str, Any]:
    """Return `value` if it is a JSON object, and an empty one if it is not."""
    return value if isinstance(value, dict) else {}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not JSON ({error}); write it again") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}: expected a JSON object, found {type(found).__name__}")
    return found


def _flow(found: dict[str, Any]) -> Flow:
    layers = found.get("layers")
    return Flow(
        fraction=number(found.get("fraction")) or 0.01,
        steps=number(found.get("steps")),
        layers=[_layer(mapping(layer)) for layer in layers] if isinstance(layers, list) else [],
    )


def _layer(found: dict[str, Any]) -> LayerFlow:
    def column(name: str) -> list[float | None]:
        values = found.get(name)
        return [number(value) for value in values] if isinstance(values, list) else []

    lags = column("lag")
    count = len(lags)

    def beside(name: str) -> list[float | None]:
        return (column(name) + [None] * count)[:count]

    return LayerFlow(
        name=str(found.get("name", "layer")),
        lag=[index if lag is None else lag for index, lag in enumerate(lags)],
        median=beside("median"),
        lower=beside("lower"),
        upper=beside("upper"),
        horizon=number(found.get("horizon")),
    )
