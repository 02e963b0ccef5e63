import csv
import math
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from throughtime.cli.app import app

QUICK = ["--epochs", "3", "--hidden", "3"]


def run(*arguments: str | Path) -> Result:
    """Run a command in this process, standard output and error apart."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def tide_csv(tmp_path: Path) -> Path:
    """A CSV of a user's: a time column, a target, a covariate and a column of labels."""
    path = tmp_path / "tide.csv"
    draw = random.Random(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["day", "level", "wind", "note"])
        for t in range(90):
            level = 5 + 2 * math.sin(t * 2 * math.pi / 11) + draw.gauss(0, 0.1)
            writer.writerow([t, f"{level:.3f}", f"{draw.gauss(0, 1):.3f}", "ok"])
    return path


@pytest.fixture
def trained(tide_csv: Path, tmp_path: Path) -> Path:
    """A run on that CSV."""
    run("train", tide_csv, "--target", "level", *QUICK, "--out", tmp_path / "run")
    return tmp_path / "run"
