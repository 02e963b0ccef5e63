"""The report of recordings: scores of which more is better, confusion, what losses hear."""

from itertools import cycle
from typing import Any

import pytest

from throughtime.report.confusion import confusion_table
from throughtime.report.page import render
from throughtime.report.panels.sequence_lens import sequence_lens
from throughtime.report.record import read_run
from throughtime.report.recorded_credit import read_credit
from throughtime.report.scores import best, better, scores_by_period
from throughtime.report.tables import score_table
from throughtime.report.verdict import comparison, scored

from .conftest import Folder
from .hostile import PAYLOADS, hostile_recordings
from .measured import measured

HELD = "held-out recordings"


def told(model: float, usual: float) -> dict[str, Any]:
    return {
        "scores": {
            "commonest class": {HELD: {"accuracy": usual, "count": 60}},
            "model": {HELD: {"accuracy": model, "log_loss": 0.25, "count": 60}},
        }
    }


def test_more_accuracy_is_better_and_less_of_all_else() -> None:
    assert better("accuracy", 0.9, 0.8)
    assert not better("arv", 0.9, 0.8)
    assert best("accuracy", [0.1, None, 0.3]) == 0.3
    assert best("log_loss", [0.1, None, 0.3]) == 0.1
    (period,) = scores_by_period(told(0.95, 0.1))
    table = score_table(period, "Told by", "recordings")
    assert table.caption == f"{HELD}, 60 recordings"
    assert table.head == ["Told by", "accuracy", "log loss"]
    assert [[(cell.text, cell.best) for cell in row] for _, row in table.rows] == [
        [("95 %", True), ("0.250", True)], [("10 %", False), ("\N{EN DASH}", False)],
    ]  # fmt: skip
    assert scored(period) == (
        f"On {HELD} the network's accuracy is 95 %; the commonest class has 10 %"
    )


@pytest.mark.parametrize(
    ("usual", "said"),
    [
        (0.1, "The network is better than the commonest class"),
        (0.5, "The network is level with the commonest class"),
        (0.9, "The commonest class is better than the network"),
    ],
)
def test_who_is_better(usual: float, said: str) -> None:
    assert comparison(scores_by_period(told(0.5, usual))) == f"{said} on {HELD}."


def test_confusion_has_a_column_a_class_or_names_what_was_told() -> None:
    few = {"confusion": {"classes": ["a", "b", "c"], "counts": [[3, 1, 0], [0, 0, 0], [0, 2, 2]]}}
    table = confusion_table(few)
    assert table is not None
    assert table.head == ["Class", "Tested", "Told right", "as a", "as b", "as c"]
    assert [(name, [cell.text for cell in cells]) for name, cells in table.rows] == [
        ("a", ["4", "75 %", "3", "1", "0"]),
        ("c", ["4", "50 %", "0", "2", "2"]),  # none of b was tested
    ]
    counts = [[5 * (row == told) for told in range(20)] for row in range(20)]
    counts[3][4:11] = [1, 3, 1, 1, 1, 1, 2]
    table = confusion_table({"confusion": {"classes": list(range(20)), "counts": counts}})
    assert table is not None
    assert table.rows[3][1][2].text == "5 (3), 10 (2), 4 (1), 6 (1) and 3 more"


@pytest.mark.parametrize(
    "found",
    [{}, {"confusion": 3}, {"confusion": {"classes": [], "counts": []}},
     {"confusion": {"classes": ["a"], "counts": "x"}}],
)  # fmt: skip
def test_confusion_that_is_none(found: dict[str, Any]) -> None:
    assert confusion_table(found) is None


def test_the_shortest_stretch_with_half_of_what_is_heard() -> None:
    share = [0.0, 0.3, 0.0, 0.0, 0.05, 0.4, 0.25]
    one = {"name": "f", "label": "a", "told": "b", "steps": 13, "stretch": 2, "share": share}
    credit = read_credit({"step": 0.01, "unit": "s", "sequences": [one, "x", {"share": [0.0]}]})
    assert credit is not None
    panel = sequence_lens(credit)
    assert panel.data["said"] == [
        ", told to be b, hears what is at 0.10 s most; half of all that it hears "
        "lies within 0.10 to 0.13 s."  # where the last step ends
    ]
    assert panel.data["places"] == [[0.01, 0.02]]
    assert sum(panel.data["shares"][0]) == pytest.approx(1)


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"sequences": 3},
        {"sequences": [{"share": [None, -1.0]}]},
        {"sequences": [{}], "step": 1},
    ],
)
def test_credit_that_is_none(found: dict[str, Any]) -> None:
    assert read_credit(found) is None


def test_the_page_says_where_the_loss_enters(run_folder: Folder) -> None:
    files = hostile_recordings(cycle(PAYLOADS), measured()[0])
    page = render(read_run(run_folder(**files)))
    assert "It enters the recurrence at every step, by way of the mean" in page
    assert "A step is 10 ms." in page
    assert "loss step s" not in page
    assert "<script>taken" not in page
    files["flow"]["pooling"] = None
    plain = render(read_run(run_folder("plain", **files)))
    assert "It enters the recurrence" not in plain
    assert "loss step s" in plain
