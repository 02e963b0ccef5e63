"""The panels of gradient flow from recorded figures, without a browser. Two seconds in all."""

import math
import re
from typing import Any

import pytest

from throughtime.cells import registry
from throughtime.report.numerals import MISSING, percent, short
from throughtime.report.page import render
from throughtime.report.panels.equations import equations_panel
from throughtime.report.panels.gates import gates_by_layer
from throughtime.report.panels.horizon import horizon_data, with_the_end
from throughtime.report.panels.lens import lens
from throughtime.report.panels.raster import raster
from throughtime.report.panels.spectrum import spectra
from throughtime.report.panels.triangle import thinned, triangles
from throughtime.report.panels.truncation import truncation_data, truncation_table
from throughtime.report.panels.unrolled import unrolled
from throughtime.report.record import read_run
from throughtime.report.recorded_flow import Flow, Triangle, read_flow
from throughtime.report.recorded_walk import Walk, read_walk

from .conftest import Folder, history
from .measured import STEPS, measured, measured_walk


def flow() -> Flow:
    return read_flow(measured()[0])


def walked(cell: str = "lstm", layers: int = 2) -> Walk:
    found = read_walk(measured_walk(cell, layers))
    assert found is not None
    return found


def test_a_triangle_is_thinned_evenly_and_says_so() -> None:
    side = 100
    table: list[list[float | None]] = [
        [0.5 ** (s - t) if t <= s else None for t in range(side)] for s in range(side)
    ]
    steps = [float(step) for step in range(side)]
    found = thinned(Triangle(steps, steps, table, table, table, True), 12)
    assert found.steps == found.losses
    assert (found.steps[0], found.steps[-1], len(found.steps)) == (0.0, 99.0, 12)
    for s, row in zip(found.losses, found.median, strict=True):
        assert [v for v in row if v is not None] == [0.5 ** (s - t) for t in found.steps if t <= s]
    recorded = {"losses": steps, "steps": steps, "median": table, "lower": table, "upper": table}
    layer = {"name": "l", "triangle": {**recorded, "every": True}}
    (panel,) = triangles(read_flow({"layers": [layer]}))
    assert panel.note.startswith("64 loss steps and 64 state steps are shown, evenly chosen.")
    assert "lower" not in panel.data  # they are the median itself


def test_a_picture_has_a_pixel_a_cell_and_none_where_nothing_is() -> None:
    import base64
    import io

    import numpy as np
    from matplotlib.image import imread

    painted = raster([[1.0, None], [0.01, 1e-30]])
    assert painted is not None
    data = painted.image.removeprefix("data:image/png;base64,")
    pixels = np.asarray(imread(io.BytesIO(base64.b64decode(data)), format="png"))
    assert pixels.shape == (2, 2, 4)
    bottom, top = pixels[1], pixels[0]  # row 0 is at the bottom
    assert [bottom[0, 3], bottom[1, 3]] == [1.0, 0.0]
    brightness = [float(pixel[:3].sum()) for pixel in (bottom[0], top[0], top[1])]
    assert brightness[0] > brightness[1] > brightness[2]
    assert (painted.low, painted.high) == (pytest.approx(1e-6), 1.0)
    assert raster([[None, 0.0]]) is None


def test_windows_say_what_was_recorded() -> None:
    recorded = measured()[0]["discarded"]
    table = truncation_table(flow())
    assert table is not None
    by_window = dict(table.rows)
    assert by_window["5"][0].text == percent(recorded["share"][recorded["k2"].index(5)])
    data = truncation_data(flow())
    assert data is not None
    assert data["share"][0] == percent(recorded["share"][0])
    # Windows beyond those that discard something are of no use to a slider.
    last = max(
        k2 for k2, share in zip(recorded["k2"], recorded["share"], strict=True) if share > 1e-5
    )
    assert data["k2"][-1] == last + 1


def test_the_trained_network_is_among_the_looks() -> None:
    found = with_the_end(flow(), 30.0)
    assert [(one.update, one.kept) for one in found.over_training] == [
        (0.0, False), (20.0, False), (30.0, True), (40.0, False),
    ]  # fmt: skip
    data = horizon_data(found, 6, 1.0)
    assert data is not None
    assert data["kept"] == 2
    layer = measured()[0]["layers"][0]
    kept = data["layers"][0]["curves"][2]
    assert kept["horizon"] == layer["horizon"]
    by_lag = dict(zip(layer["lag"], layer["median"], strict=True))
    for lag, norm in zip(data["layers"][0]["lag"], kept["median"], strict=True):
        assert norm == pytest.approx(by_lag[lag], rel=0.05)


def test_rounding_is_no_singular_value() -> None:
    layer = {
        "name": "l",
        "jacobian": {"lag": [1, 2], "ranks": [1, 2], "singular_values": [[1, 0.5], [1, 1e-17]]},
        "lyapunov": {"exponents": [-0.5, None]},
    }
    (panel,) = spectra(read_flow({"layers": [layer]}), 6)
    assert [cell.text for _, cells in panel.table.rows for cell in cells] == [
        "1",
        "0.500",
        "1",
        MISSING,
    ]
    assert f"fade by a factor of {short(math.exp(-0.5))} a step" in panel.said


def test_stuck_units_are_named() -> None:
    gate = {"name": "f", "operation": "sigmoid", "mean": 0.9, "low": 0.0, "high": 0.25}
    relu = {"name": "a", "operation": "relu", "mean": 0.2, "low": 0.5, "high": None}
    layer = {"name": "l", "gates": [{**gate, "stuck_high": [3]}, {**relu, "stuck_low": [1, 2]}]}
    (panel,) = gates_by_layer(read_flow({"layers": [layer]}), 6)
    assert [row.stuck for row in panel.rows] == ["always open: unit 3", "dead: units 1, 2"]
    assert (panel.rows[0].place, panel.rows[0].high) == (90.0, 25.0)


def test_the_middle_of_a_walk_is_folded() -> None:
    panel = unrolled(walked())
    assert [step for _, step, _ in panel.heads] == [
        0, 1, 2, 3, None, STEPS - 4, STEPS - 3, STEPS - 2, STEPS - 1,
    ]  # fmt: skip
    assert [row.name for row in panel.rows] == ["Y", "|S|, layer 1", "|S|, layer 0", "x"]
    assert len(panel.data["nodes"]["s0"]) == STEPS
    assert len(panel.table.rows) == STEPS


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm", "lstm_peephole", "quasi_recurrent"])
def test_equations_give_the_state_that_the_next_step_begins_with(cell: str) -> None:
    walk = walked(cell, 1)
    panel = equations_panel(walk)
    assert panel is not None
    assert walk.unit is not None
    first = next(iter(registry[cell].states))
    markup = "".join(part for row in panel.forward for part in row)
    assert "⟦" not in markup
    results = [int(place) for place in re.findall(r'data-result="(\d+)"', markup)]
    after = walk.unit.before[first][STEPS - 1]
    texts = {panel.values[STEPS - 2][place] for place in results}
    numbers = [float(text.replace("−", "-")) for text in texts if "·" not in text]  # noqa: RUF001
    assert after is not None
    assert any(number == pytest.approx(after, rel=1e-5) for number in numbers)


def test_a_cell_that_is_not_known_has_no_equations() -> None:
    _, walk = measured()
    for changed in ({"cell": "nobody's"}, {"unit": None}, {"unit": {**walk["unit"], "inputs": {}}}):
        found = read_walk({**walk, **changed})
        assert found is not None
        assert equations_panel(found) is None


def test_text_is_set_as_text_in_the_lens() -> None:
    _, walk = measured()
    letters: dict[str, Any] = {**walk, "input_labels": list("abc d\nfg\tjklmnopqrstuvwxyz    ")}
    found = read_walk(letters)
    assert found is not None
    panel = lens(found)
    assert panel is not None
    assert "".join(panel.text).startswith("abc d↵\nfg⇥jk")
    named = [name for name, _ in panel.table.rows]
    assert "␣" in named  # in a sentence, a space has to be seen
    assert sum(panel.data["shares"][-1]) == pytest.approx(1.0, abs=1e-3)
    series = lens(walked())
    assert series is not None
    assert series.text == []


def test_what_happened_in_training_is_marked(run_folder: Folder) -> None:
    rows = history(40)
    rows[8][3], rows[9][3] = "inf", "nan"
    for row in rows:
        row.append("resumed" if row is rows[0] else int(row[0] == 21))
    run = read_run(run_folder(history=rows))
    assert run.history is not None
    assert list(run.history.overflowed) == [8, 9]
    assert list(run.history.resumed) == [21]
    page = render(run)
    assert page.count(">resumed</text>") == 2
    assert "not a finite number</li>" in page
    assert "Training was taken up again at update 21." in page
    assert ">resumed</text>" not in render(read_run(run_folder("whole")))
