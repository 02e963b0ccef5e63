import struct
import zlib
from pathlib import Path

import matplotlib
import pytest
from matplotlib.figure import Figure

from throughtime.report import Predictions, plot_forecast, read_predictions, write_forecast
from throughtime.report.forecast import visible

from .conftest import CONFIG, Folder, predictions, write_rows

HOSTILE = r"$\frac{<script>$ 太陽黒点 " + "long" * 100


def pixels(path: Path) -> tuple[int, int, set[bytes]]:
    """Return width, height and the distinct bytes of unfiltered rows of a PNG file."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    at, packed = 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += 12 + length
    raw = zlib.decompress(packed)
    assert len(raw) == height * (1 + width * 4)
    return width, height, {raw[i : i + 1] for i in range(0, len(raw), 97)}


def read(tmp_path: Path, rows: list[list[object]]) -> Predictions:
    write_rows(tmp_path / "p.csv", rows)
    return read_predictions(tmp_path / "p.csv")


def test_the_picture_is_written(run_folder: Folder) -> None:
    folder = run_folder()
    path = write_forecast(folder)
    assert path == folder / "forecast.png"
    width, height, values = pixels(path)
    assert width >= 1200
    assert height >= 500
    assert len(values) > 10
    first = path.read_bytes()
    assert write_forecast(folder).read_bytes() == first


def test_the_plot_takes_and_returns_an_axis(tmp_path: Path) -> None:
    rows = read(tmp_path, predictions())
    ax = Figure().add_subplot()
    assert plot_forecast(rows, ax) is ax
    assert len(ax.lines) >= 2
    # Asked of the mapping itself, which does not make matplotlib choose one.
    backend = dict.__getitem__(matplotlib.rcParams, "backend")
    own = plot_forecast(rows, target="sunspots")
    assert own.get_ylabel() == "sunspots"
    assert dict.__getitem__(matplotlib.rcParams, "backend") is backend


def test_the_split_is_named(tmp_path: Path) -> None:
    ax = plot_forecast(read(tmp_path, predictions()))
    assert [text.get_text() for text in ax.texts] == ["validation", "1921-1955", "1956-1979"]
    assert len(ax.patches) == 2


def test_a_long_series_shows_its_end(tmp_path: Path) -> None:
    rows = read(tmp_path, predictions(2000))
    seen = visible(rows)
    assert seen.time[-1] == rows.time[-1]
    assert 400 <= len(seen) < 1000
    assert len(seen.tests()) == 2
    assert seen.part[0] != "1921-1955"


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_short_series(tmp_path: Path, rows: int) -> None:
    assert plot_forecast(read(tmp_path, predictions()[: rows + 1])).lines


def test_hostile_names_and_dates(run_folder: Folder) -> None:
    rows = predictions(tests=(HOSTILE, HOSTILE))
    rows[0][0] = HOSTILE
    for row in rows[1:]:
        row[0] = f"$2020-01-{row[0]}"
    folder = run_folder(config={**CONFIG, "target": HOSTILE}, predictions=rows)
    assert pixels(write_forecast(folder))[0] > 0


def test_without_predictions(run_folder: Folder) -> None:
    with pytest.raises(FileNotFoundError, match=r"no predictions.csv"):
        write_forecast(run_folder(predictions=None))
