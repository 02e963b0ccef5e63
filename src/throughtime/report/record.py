"""A run folder, read as it lies."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throughtime.report.history import History, read_history
from throughtime.report.predictions import Predictions, read_predictions
from throughtime.report.recorded_credit import Credit, read_credit
from throughtime.report.recorded_flow import Flow, read_flow
from throughtime.report.recorded_played import Played, read_played
from throughtime.report.recorded_walk import Walk, read_walk

FORMAT = 1


@dataclass(frozen=True)
class Run:
    """What a run folder holds; None for a file that is not there."""

    config: dict[str, Any]
    metrics: dict[str, Any]
    history: History | None
    predictions: Predictions | None
    flow: Flow | None
    walk: Walk | None
    credit: Credit | None = None
    played: Played | None = None

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
    names = ("metrics.json", "history.csv", "predictions.csv", "flow.json", "walk.json")
    metrics, history, predictions, flow, walk = (folder / name for name in names)
    forecasts = config.get("estimator") is None and predictions.is_file()
    credit, played = folder / "credit.json", folder / "played.json"
    return Run(
        config=config,
        metrics=_read_json(metrics) if metrics.is_file() else {},
        history=read_history(history) if history.is_file() else None,
        predictions=read_predictions(predictions) if forecasts else None,
        flow=read_flow(_read_json(flow)) if flow.is_file() else None,
        walk=read_walk(_read_json(walk)) if walk.is_file() else None,
        credit=read_credit(_read_json(credit)) if credit.is_file() else None,
        played=read_played(_read_json(played)) if played.is_file() else None,
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
