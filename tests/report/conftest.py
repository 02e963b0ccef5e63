"""Run folders made of generated results."""

import csv
import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import tide_csv

__all__ = ["tide_csv"]

Folder = Callable[..., Path]


@pytest.fixture
def run_folder(tmp_path: Path) -> Folder:
    """Return a function that writes a run folder; arguments replace whole files or parts."""

    def write(name: str = "run", **changed: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        return write_run(folder, **changed)

    return write


def write_run(folder: Path, **changed: Any) -> Path:
    """Write a run into a folder that is there; arguments replace whole files, None leaves out."""
    for file in ("config", "metrics", "flow", "walk", "credit", "played"):
        content = changed.get(file, DEFAULTS.get(file))
        if content is not None:
            (folder / f"{file}.json").write_text(json.dumps(content), encoding="utf-8")
    for file in ("history", "predictions"):
        rows = changed.get(file, DEFAULTS[file])
        if rows is not None:
            write_rows(folder / f"{file}.csv", rows)
    return folder


def write_rows(path: Path, rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def history(updates: int, per_epoch: int = 4, clip: float = 1.0) -> list[list[object]]:
    header = "update epoch loss gradient_norm clipped learning_rate validation_loss seconds"
    rows: list[list[object]] = [list(header.split())]
    for update in range(1, updates + 1):
        loss = 0.1 + math.exp(-update / 50) + 0.01 * math.sin(update * 1.7)
        norm = 2 * abs(math.sin(update * 0.9)) + 0.01
        last = update % per_epoch == 0
        epoch = (update - 1) // per_epoch + 1
        validation = loss * 1.1 if last else ""
        rows.append([update, epoch, loss, norm, int(norm > clip), 0.01, validation, update / 100])
    return rows


def predictions(
    rows: int = 120, tests: Sequence[str] = ("1921-1955", "1956-1979")
) -> list[list[object]]:
    found: list[list[object]] = [["year", "part", "observed", "persistence", "ar9", "model"]]
    part_of = ["train"] * 6 + ["validation"] * 2 + [tests[0]] * 1 + [tests[-1]] * 1
    values = [60 + 50 * math.sin(row * 0.57) for row in range(rows)]
    for row, value in enumerate(values):
        before = values[row - 1] if row else ""
        found.append(
            [
                1860 + row,
                part_of[row * 10 // rows],
                value,
                before,
                value + 6 if row > 8 else "",
                value + 3 if row else "",
            ]
        )
    return found


def scores(model: float | None, ar9: float | None, persistence: float | None) -> dict[str, Any]:
    def entry(arv: float | None) -> dict[str, Any]:
        mse = None if arv is None else arv * 1535
        return {"1921-1955": {"arv": arv, "mse": mse, "mae": None, "count": 35}}

    return {"model": entry(model), "ar9": entry(ar9), "persistence": entry(persistence)}


def metrics(**changed: Any) -> dict[str, Any]:
    training = {
        "epochs": 50,
        "updates": 200,
        "best_epoch": 40,
        "best_validation_loss": 0.1,
        "seconds": 11.2,
        "stopped": "finished",
        "parameters": 273,
    }
    return {
        "reference_variance": 1535.0,
        "variance_source": "all years",
        "scores": scores(0.091, 0.123, 0.416),
        "training": training,
        **changed,
    }


def flow(*horizons: float | None, steps: int = 80) -> dict[str, Any]:
    lags = list(range(steps + 1))
    layers = []
    for index, horizon in enumerate(horizons):
        rate = math.log(100) / (horizon or 1000)
        median = [math.exp(-rate * lag) for lag in lags]
        layers.append(
            {
                "name": f"layer {index}",
                "lag": lags,
                "median": median,
                "lower": [value * 0.5 for value in median],
                "upper": [value * 1.5 for value in median],
                "horizon": horizon,
            }
        )
    return {"fraction": 0.01, "steps": steps, "layers": layers}


CONFIG: dict[str, Any] = {
    "format": 1,
    "throughtime": "0.1.0",
    "name": "sunspots",
    "source": "yearly sunspot numbers",
    "target": "sunspots",
    "covariates": [],
    "network": {"cell": "gru", "hidden_size": 8, "num_layers": 1},
    "training": {"optimizer": "adam", "learning_rate": 0.01, "clip": 1.0, "seed": 0},
    "scaling": {"sunspots": {"mean": 43.2, "deviation": 35.1}},
}
DEFAULTS: dict[str, Any] = {
    "config": CONFIG,
    "metrics": metrics(),
    "flow": flow(17),
    "history": history(200),
    "predictions": predictions(),
}
