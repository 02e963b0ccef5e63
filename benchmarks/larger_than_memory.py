"""The memory of a training on a table larger than it: a Parquet file of thousands of series.

    python benchmarks/larger_than_memory.py --gigabytes 2 --series 5000

Writes a table of an hourly target and seven covariates, all float64, runs `throughtime train` on it
in a process of its own, results and report included, and looks at that process twenty times a
second (Linux tells). Shown are its resident memory at its peak, as the kernel keeps it (VmHWM), and
the largest seen of what is its own (RssAnon); both beside the start: a process that has loaded the
same libraries and done nothing. Ends with status 1 if the peak lies more than 1 GB above it. Takes
some fifteen minutes at 2 GB, and three times the file's size on disk.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from throughtime.cli.machine import surroundings
from throughtime.cli.racing.outcome import machine_line, versions_line

PROMISED = 1e9
"""Bytes above the start."""
COVARIATES = 7
ROW = 62
"""Bytes of a row in the file, about: eight numbers at random hardly get smaller."""
FIRST = datetime.datetime(2020, 1, 1)
SCHEMA = {
    "time": pl.Datetime("us"),
    "name": pl.String,
    "y": pl.Float64,
    **{f"x{place}": pl.Float64 for place in range(1, COVARIATES + 1)},
}


def main() -> None:
    """Write the table, train on it, and show what memory that took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--series", type=int, default=5000)
    parser.add_argument("--interleaved", action="store_true", help="rows in the order of time")
    parser.add_argument("--row-group", type=int, default=250_000, help="rows of a row group")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--windows", type=int, default=20_000, help="windows drawn for an epoch")
    parser.add_argument("--folder", type=Path, help="where files lie; a temporary one if left out")
    asked = parser.parse_args()
    length = int(asked.gigabytes * 1e9 / ROW / asked.series)
    if min(asked.series, asked.epochs, asked.windows, asked.row_group) < 1 or length < 40:
        parser.error("a series has at least 40 rows, and all else is a whole number from 1")
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="larger-") as folder:
        place = Path(folder)
        draw(place / "table.parquet", asked.series, length, asked.interleaved, asked.row_group)
        size = (place / "table.parquet").stat().st_size
        start = resident_at_start()
        found = trained(place, asked.epochs, asked.windows)
        forecasts = (place / "run" / "predictions.csv").stat().st_size
        metrics = json.loads((place / "run" / "metrics.json").read_text())
    known = surroundings(2)
    print(f"- {machine_line(known)}\n- {versions_line(known)}\n")
    order = "in the order of time" if asked.interleaved else "series by series"
    print(
        f"{size / 1e9:.2f} GB of Parquet, {asked.series} series of {length} rows, {order}; "
        f"predictions.csv has {forecasts / 1e9:.2f} GB\n"
    )
    print("| | MB |\n|---|---|")
    for name, bytes_ in (
        ("start", start),
        ("peak of what is resident (VmHWM)", found["VmHWM"]),
        ("peak of its own memory (RssAnon)", found["RssAnon"]),
        ("peak above the start", found["VmHWM"] - start),
    ):
        print(f"| {name} | {bytes_ / 1e6:.0f} |")
    model = metrics["scores"]["model"]["test"]
    print(
        f"\n{found['seconds']:.0f} s, of which training {metrics['training']['seconds']:.0f} s; "
        f"MASE {model['mase']:.3f} on {model['count']} test rows"
    )
    if found["VmHWM"] - start > PROMISED:
        print(f"more than the promised {PROMISED / 1e6:.0f} MB above the start", file=sys.stderr)
        raise SystemExit(1)


def draw(path: Path, series: int, length: int, interleaved: bool, row_group: int) -> None:
    """Write the table some rows at a time.

    Args:
        path: The file.
        series: How many there are.
        length: Rows of each.
        interleaved: Whether all series' rows of an hour stand together, or all rows of a series.
        row_group: Rows of a row group.
    """
    random = np.random.default_rng(0)
    phases, levels = random.uniform(0, 24, series), 10 ** random.uniform(-1, 3, series)
    names = np.array([f"series {place:05}" for place in range(series)])
    rows = series * length
    at_once = 200_000

    def frames(*_: object) -> Iterator[pl.DataFrame]:
        for first in range(0, rows, at_once):
            row = np.arange(first, min(first + at_once, rows))
            of, hour = (row % series, row // series) if interleaved else divmod(row, length)
            x = random.standard_normal((len(row), COVARIATES))
            wave = np.sin((hour + phases[of]) * (2 * np.pi / 24))
            y = levels[of] * (2 + wave + 0.2 * x[:, 0] + 0.1 * random.standard_normal(len(row)))
            columns = {
                "time": (np.datetime64(FIRST, "us") + hour * np.timedelta64(3600, "s")),
                "name": names[of],
                "y": y,
                **{f"x{place + 1}": x[:, place] for place in range(COVARIATES)},
            }
            yield pl.DataFrame(columns, schema=SCHEMA)

    register_io_source(frames, schema=SCHEMA).sink_parquet(path, row_group_size=row_group)


def resident_at_start() -> float:
    """Give the resident memory, in bytes, of a process that has loaded what a training needs."""
    script = (
        "import polars, torch, matplotlib.figure\n"
        "from throughtime.cli.app import loaded\n"
        "import throughtime.estimators, throughtime.report\n"
        "loaded('train')\n"
        "print(next(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmRSS')))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return 1024.0 * int(told.stdout)


def trained(folder: Path, epochs: int, windows: int) -> dict[str, float]:
    """Train on the table in a process of its own, and look at its memory meanwhile.

    Returns:
        The largest seen of each kind in bytes, and the seconds it took.
    """
    command = [
        *(sys.executable, "-c", "from throughtime.cli import main; main()"),
        *("train", str(folder / "table.parquet")),
        *("--target", "y", "--series", "name", "--hidden", "8", "--window", "48"),
        *("--epochs", str(epochs), "--windows-per-epoch", str(windows)),
        *("--out", str(folder / "run")),
    ]
    began = time.perf_counter()
    training = subprocess.Popen(command, env={**os.environ, "THROUGHTIME_SCRATCH": str(folder)})
    largest = {"VmHWM": 0.0, "VmRSS": 0.0, "RssAnon": 0.0, "RssFile": 0.0}
    told = began
    while training.poll() is None:
        for name, bytes_ in memory_of(training.pid).items():
            largest[name] = max(largest.get(name, 0.0), bytes_)
        if time.perf_counter() - told > 30:
            told = time.perf_counter()
            seen = ", ".join(f"{name} {bytes_ / 1e6:.0f} MB" for name, bytes_ in largest.items())
            print(f"{told - began:.0f} s: {seen}", file=sys.stderr)
        time.sleep(0.05)
    if training.returncode:
        raise SystemExit(f"the training ended with status {training.returncode}")
    return {**largest, "seconds": time.perf_counter() - began}


def memory_of(process: int) -> dict[str, float]:
    """Give what a process has in memory, in bytes by the kernel's names; nothing at its end."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    cells = (line.split() for line in lines)
    wanted = {"VmHWM:", "VmRSS:", "RssAnon:", "RssFile:"}
    return {one[0][:-1]: 1024.0 * int(one[1]) for one in cells if one and one[0] in wanted}


if __name__ == "__main__":
    main()
