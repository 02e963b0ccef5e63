"""What there is to say of the run folders in a place, a line each, from what they recorded."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throughtime.storage import StorageError, read_json

_CONFIG, _METRICS, _HISTORY = "config.json", "metrics.json", "history.csv"
_LARGEST = 100_000_000
"""Bytes of a file that is read: ours have far fewer."""
_MEASURES = ("arv", "mase", "bits_per_character", "accuracy")
"""What a run is told by, the first of them that it has."""


@dataclass(frozen=True)
class RunSummary:
    """A run, in a line.

    Attributes:
        folder: Where it lies.
        model: What kind of model it holds: "Forecaster", "LanguageModel", ...
        data: What it was trained on, by name; empty if that is not recorded.
        cell: Of its network.
        hidden: Units a layer.
        layers: Layers.
        method: How its gradients are computed.
        epochs: How many are done.
        score: The model's first score; None while there is none.
        measure: What the score is, and of what: "arv 1921-1955".
        state: How the training ended ("finished", "early", ...); "stopped" where it can be gone on
            with, or is going on now; "damaged" where a file cannot be read.
        fault: What is damaged; else empty.
        written: When its last file was, in seconds since 1970.
    """

    folder: Path
    model: str
    data: str
    cell: str
    hidden: int | None
    layers: int | None
    method: str
    epochs: int | None
    score: float | None
    measure: str
    state: str
    fault: str
    written: float

    def as_dict(self) -> dict[str, Any]:
        """Give it as what JSON can hold; the time as ISO 8601, in UTC."""
        when = datetime.datetime.fromtimestamp(self.written, datetime.UTC)
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "folder": str(self.folder),
            "written": when.isoformat(timespec="seconds"),
        }


def is_run(folder: Path) -> bool:
    """Tell whether a folder is a run's, whole or damaged."""
    return folder.is_dir() and (folder / _CONFIG).is_file()


def runs_in(place: Path) -> list[RunSummary]:
    """Summarise the run folders right inside a folder, by name; hidden ones are not looked at.

    Raises:
        OSError: The folder cannot be read.
    """
    return [
        summarised(folder)
        for folder in sorted(place.iterdir())
        if not folder.name.startswith(".") and is_run(folder)
    ]


def summarised(folder: Path) -> RunSummary:
    """Summarise a run from its configuration, its scores and its history; none is trusted."""
    faults: list[str] = []
    config = _read(folder / _CONFIG, faults)
    metrics = _read(folder / _METRICS, faults)
    settings = _part(config, "training")
    network = {**settings, **_part(config, "network")}
    ended = _part(metrics, "training")
    score, measure = _score(_part(_part(metrics, "scores"), "model"))
    epochs = _whole(ended.get("epochs"))
    return RunSummary(
        folder=folder,
        model=_text(config.get("estimator", "Forecaster" if config else "")),
        data=_text(config.get("name", "")),
        cell=_text(network.get("cell", "")),
        hidden=_whole(network.get("hidden")),
        layers=_whole(network.get("layers")),
        method=_text(settings.get("method", "")),
        epochs=_epochs(folder / _HISTORY) if epochs is None else epochs,
        score=score,
        measure=measure,
        state="damaged" if faults else _text(ended.get("stopped", "stopped")),
        fault="; ".join(faults),
        written=_written(folder),
    )


def _read(path: Path, faults: list[str]) -> dict[str, Any]:
    """Read a file of JSON; note what is wrong with it. One that is missing is empty."""
    try:
        if not path.is_file():
            return {}
        if path.stat().st_size > _LARGEST:
            faults.append(f"{path.name} has more than {_LARGEST} bytes")
            return {}
        found = read_json(path.read_bytes(), path.name)
    except StorageError as error:
        faults.append(str(error))
        return {}
    except OSError as error:
        faults.append(f"{path.name} cannot be read: {error.strerror or error}")
        return {}
    if not isinstance(found, dict):
        faults.append(f"{path.name} is damaged: it holds no names")
        return {}
    return found


def _part(whole: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = whole.get(name)
    return found if isinstance(found, dict) else {}


def _text(found: Any) -> str:
    """Give what is said, on one line of what can be printed."""
    said = "".join(c for c in str(found) if c.isprintable())
    return said[:80]


def _whole(found: Any) -> int | None:
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _number(found: Any) -> float | None:
    return float(found) if isinstance(found, int | float) and abs(found) < 1e300 else None


def _score(model: Mapping[str, Any]) -> tuple[float | None, str]:
    """Find a model's first score, of its first period where it has several."""
    period = next((name for name, value in model.items() if isinstance(value, dict)), "")
    scores = _part(model, period) if period else model
    for measure in (*_MEASURES, *scores):
        score = _number(scores.get(measure))
        if score is not None:
            return score, _text(f"{measure} {period}".strip().replace("_", " "))
    return None, ""


def _epochs(history: Path) -> int | None:
    """Give the last epoch that a history knows."""
    last = None
    try:
        with history.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                last = row.get("epoch")
    except (OSError, ValueError, csv.Error):
        return None
    return int(last) if last is not None and last.isdecimal() and len(last) < 10 else None


def _written(folder: Path) -> float:
    times = [0.0]
    for file in folder.iterdir():
        try:
            times.append(file.stat().st_mtime)
        except OSError:  # it has been replaced meanwhile
            continue
    return max(times)
