"""The report of a pair of recordings: the ratio, what is drawn of the held-out output."""

from itertools import cycle
from typing import Any

import pytest

from throughtime.report.page import render
from throughtime.report.panels.played import hertz, played_contents
from throughtime.report.record import read_run
from throughtime.report.recorded_played import read_played
from throughtime.report.scores import scores_by_period
from throughtime.report.tables import score_table
from throughtime.report.verdict import comparison, scored

from .conftest import Folder
from .hostile import PAYLOADS, hostile_pair, played
from .measured import measured

HELD, LEVEL = "held-out samples", "input at its best level"


def told(model: float, level: float) -> dict[str, Any]:
    return {
        "scores": {
            LEVEL: {HELD: {"error_to_signal": level, "mae": 0.1, "count": 88200}},
            "model": {HELD: {"error_to_signal": model, "mae": 0.02, "count": 88200}},
        }
    }


def test_the_ratio_comes_before_all_else_as_a_share() -> None:
    (period,) = scores_by_period(told(0.00262, 0.337))
    table = score_table(period, "Output by", "samples")
    assert table.head == ["Output by", "error-to-signal ratio", "MAE"]
    assert [[(cell.text, cell.best) for cell in row] for _, row in table.rows] == [
        [("0.262 %", True), ("0.020", True)], [("33.7 %", False), ("0.100", False)],
    ]  # fmt: skip
    assert scored(period) == (
        f"On {HELD} the network's error-to-signal ratio is 0.262 %; the {LEVEL} has 33.7 %"
    )


@pytest.mark.parametrize(
    ("level", "said"),
    [
        (0.9, f"The network is better than the {LEVEL}"),
        (0.1, f"The {LEVEL} is better than the network"),
    ],
)
def test_less_of_it_is_better(level: float, said: str) -> None:
    assert comparison(scores_by_period(told(0.5, level))) == f"{said} on {HELD}."


def test_both_signals_and_their_difference_are_drawn_where_they_lie() -> None:
    found = played_contents(read_played(played()))
    loudest, worst = found["excerpts"]
    assert loudest.y_label == "Where the output is loudest, 50 ms; error to signal 1 %"
    assert worst.title == "Output where the network errs most"
    assert "from 0.3000 s of the recording" in loudest.description
    assert [look for look, _ in loudest.shapes] == ["line model", "line observed", "line error"]
    # The difference is the third harmonic; the control: the other two lines are not like it.
    paths = [d.count("L") for _, d in loudest.shapes]
    assert paths == [399, 399, 399]
    assert len({d for _, d in loudest.shapes}) == 3
    assert loudest.x_ticks[0].label == "0.30"


def test_octaves_lie_around_a_thousand_hertz() -> None:
    found = played_contents(read_played(played()))["heard_spectrum"]
    rows = {name: [cell.text for cell in cells] for name, cells in found.table.rows}
    assert list(rows) == ["500\N{NO-BREAK SPACE}Hz", "1\N{NO-BREAK SPACE}kHz",
                          "2\N{NO-BREAK SPACE}kHz"]  # fmt: skip
    assert rows["1\N{NO-BREAK SPACE}kHz"] == ["30 %", "0.3 %", "1 %"]
    assert rows["2\N{NO-BREAK SPACE}kHz"] == ["30 %", "5.2 %", "17.3 %"]
    assert found.chart.description.endswith("around 2.52\N{NO-BREAK SPACE}kHz.")
    assert hertz(31.25) == "31.2\N{NO-BREAK SPACE}Hz"


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"rate": 8000},
        {"rate": 0, "excerpts": played()["excerpts"]},
        {"rate": 8000, "excerpts": [{"target": [1.0]}, 3, {"target": "x"}]},
        {"rate": 8000, "excerpts": 3, "spectrum": {"frequency": [100.0, 90.0]}},
        {"rate": 8000, "spectrum": {"frequency": [-1.0, 90.0]}},
    ],
)
def test_what_is_none_is_not_drawn(found: dict[str, Any]) -> None:
    assert read_played(found) is None
    assert played_contents(None) == {"excerpts": [], "heard_spectrum": None}


@pytest.mark.parametrize(
    "changed",
    [
        {"excerpts": [{"target": [1e308, -1e308, None], "played": [-1e308]}]},
        {"excerpts": [{"target": [0.0] * 9, "played": None, "of": 3, "start": "x"}]},
        {"excerpts": [{"target": [0.0, 1.0], "start": 1e300}]},
        {"excerpts": [{"target": [0.0] * 100000, "played": [1.0] * 100000}] * 8},
        {"spectrum": {"frequency": [1.0, 2.0]}},
        {"spectrum": {"frequency": [1.0, 2.0], "target": [0.0, 0.0], "error": [-1.0, 1e308]}},
        {"spectrum": None, "excerpts": []},
        {"rate": 1e300},
    ],
)
def test_poor_figures_still_make_a_page(run_folder: Folder, changed: dict[str, Any]) -> None:
    files = hostile_pair(cycle(["name"]), *measured())
    page = render(read_run(run_folder(**{**files, "played": played(**changed)})))
    assert page.endswith("</html>\n")
    assert "nan" not in page
    assert len(page.encode()) <= 400_000


def test_the_page_says_what_a_step_is_and_what_is_compared(run_folder: Folder) -> None:
    files = hostile_pair(cycle(PAYLOADS), *measured())
    page = render(read_run(run_folder(**files)))
    assert "A step is a sample, 0.125 ms." in page
    assert "The input at its best level" in page
    assert '<h2 id="played">' in page
    assert "<script>taken" not in page
    assert "Which inputs a loss hears" in page
    # The controls: without the file no panel; of a series neither.
    files["played"] = None
    without = render(read_run(run_folder("without", **files)))
    assert '<h2 id="played">' not in without
    assert "played.json" not in without
    series = render(read_run(run_folder("series")))
    assert "sample" not in series
