"""Write run folders as this version does, with what the models in them answer.

    python -m tests.estimators.older.write tests/estimators/older/format-N

`test_older.py` loads those of every format that there has been: what is there is never written
again, and a new format gets a folder of its own.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.cli.conftest import run
from tests.data.audio.tones import write_tones
from tests.estimators.older.answers import answers
from throughtime.estimators import SequenceRegressor
from throughtime.estimators.stored import load

PLACE = "/data"
"""Where sources are said to have been."""


def _tides(folder: Path, names: tuple[str, ...] = ("",)) -> Path:
    rows = ["day,harbour,level,wind"]
    for name in names:
        rows += [
            f"{t},{name},{5 + (t * (3 + len(name))) % 7 + len(name)},{t % 3}" for t in range(60)
        ]
    if names == ("",):
        rows = [row.replace(",harbour", "").replace(",,", ",") for row in rows]
    (folder / "tides.csv").write_text("\n".join(rows) + "\n")
    return folder / "tides.csv"


def series(folder: Path) -> list[Any]:
    columns = "--target", "level", "--transform", "sqrt"
    return [_tides(folder), *columns, "--cell", "lstm"]


def several_series(folder: Path) -> list[Any]:
    columns = "--target", "level", "--series", "harbour"
    return [_tides(folder, ("Calais", "Dover")), *columns, "--patience", "1"]


def text_of_characters(folder: Path) -> list[Any]:
    (folder / "book.txt").write_text("to be or not to be, that is the question: é\n" * 30)
    return [folder / "book.txt", "--embedding", "3", "--cell", "gru", "--window", "10"]


def text_of_bytes(folder: Path) -> list[Any]:
    options = "--vocabulary", "bytes", "--embedding", "0", "--cell", "elman", "--window", "10"
    return [text_of_characters(folder)[0], *options]


def recordings(folder: Path) -> list[Any]:
    return [write_tones(folder / "tones", each=3)]


def recordings_forward(folder: Path) -> list[Any]:
    options = "--pooling", "last", "--no-bidirectional", "--dropout", "0", "--layers", "2"
    return [write_tones(folder / "tones", each=3), *options]


def pair(folder: Path) -> list[Any]:
    dry = np.random.default_rng(0).normal(0, 0.2, 2000)
    soundfile.write(folder / "dry.wav", dry, 8000, subtype="FLOAT")
    soundfile.write(folder / "wet.wav", np.tanh(3 * dry), 8000, subtype="FLOAT")
    windows = "--window", "200", "--warm-up", "20", "--method", "tbptt:64"
    return [folder / "dry.wav", "--target", folder / "wet.wav", *windows]


RUNS: dict[str, Callable[[Path], list[Any]]] = {
    made.__name__: made
    for made in (
        series, several_series, text_of_characters, text_of_bytes, recordings, recordings_forward,
        pair,
    )
}  # fmt: skip
"""What `throughtime train` is told, by the folder's name."""


def asked_of(name: str, columns: int) -> Any:
    """Give what to ask of a model."""
    if name.startswith("text"):
        return "to be in question, é!"
    draw = np.random.default_rng(1)
    drawn = [np.abs(draw.normal(3, 2, (T, columns))).round(3) for T in (9, 5)]
    if name.startswith("recordings"):
        drawn = [-8 - rows for rows in drawn]  # as features are, lest all units saturate
    return [rows.tolist() for rows in drawn]


def trained(name: str, folder: Path) -> None:
    """Leave a run folder of `throughtime train`."""
    few = "--hidden", "2", "--epochs", "2", "--out", folder / "run"
    result = run("train", *RUNS[name](folder), *few)
    assert result.exit_code == 0, result.stderr


def fitted(name: str, folder: Path) -> None:
    """Leave a folder that a regressor of whole sequences is saved in: no command trains one."""
    draw = np.random.default_rng(2)
    X, y = draw.normal(2, 3, (8, 6, 2)), draw.normal(50, 9, (8, 3))
    SequenceRegressor(hidden=2, epochs=2, bidirectional=True).fit(X, y).save(folder / "run")


def write(place: Path) -> None:
    """Train each kind and keep what loads it, and what it answers."""
    place.mkdir()
    for name in (*RUNS, "regressor"):
        with tempfile.TemporaryDirectory() as aside:
            folder = Path(aside)
            (trained if name in RUNS else fitted)(name, folder)
            (place / name).mkdir()
            config = (folder / "run" / "config.json").read_text(encoding="utf-8")
            config = config.replace(str(folder), PLACE)
            (place / name / "config.json").write_text(config, encoding="utf-8")
            shutil.copy(folder / "run" / "model.safetensors", place / name)
        model: Any = load(place / name)
        columns = len(model.columns) if hasattr(model, "columns") else 0
        asked = asked_of(name, columns or getattr(model, "n_features_in_", 0))
        told = {"asked": asked, "answers": answers(model, asked)}
        (place / name / "answers.json").write_text(json.dumps(told) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
