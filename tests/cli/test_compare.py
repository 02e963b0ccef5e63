import csv
import json
import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.conftest import run
from throughtime.cli.comparing import outcome
from throughtime.cli.comparing.contest import contest_of
from throughtime.cli.comparing.live import Live
from throughtime.train import comparison
from throughtime.train.comparison import Point, Trial

TINY = [
    "--task", "adding:T=6", "--hidden", "3", "--rows", "2", "--test-rows", "4", "--points", "2",
]  # fmt: skip


def test_everything_lies_in_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "found"
    result = run(
        "compare", *TINY, "--methods", "bptt,tbptt:2:4@0.1,rtrl", "--updates", "4", "--seeds", "2",
        "--out", out, "--json",
    )  # fmt: skip
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert [method["method"] for method in found["methods"]] == ["bptt", "tbptt:2:4@0.1", "rtrl"]
    assert [method["learning_rate"] for method in found["methods"]] == [0.003, 0.1, 0.003]
    assert all(method["seeds"] == 2 for method in found["methods"])
    assert {path.name for path in out.iterdir()} == {
        "comparison.csv", "comparison.json", "comparison.png", "report.html",
    }  # fmt: skip
    with (out / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 2 * 3
    cosines = [float(row["cosine"]) for row in rows if row["method"] == "bptt"]
    assert cosines == pytest.approx([1.0] * 6)
    page = (out / "report.html").read_text()
    for said in ("tbptt:2:4@0.1", "4 updates", "2 seeds", "gru of 3 units"):
        assert said in page


def test_the_table_says_who_did_what(tmp_path: Path) -> None:
    result = run(
        "compare", *TINY, "--methods", "bptt,es:4", "--updates", "2", "--out", tmp_path / "r"
    )
    assert result.exit_code == 0
    for said in ("bptt", "es:4", "0 of 1", "mean squared error of the sum", "report.html"):
        assert said in result.stdout
    assert "seed 0: loss" in result.stderr


def test_the_network_that_a_task_is_made_for(tmp_path: Path) -> None:
    result = run(
        "compare", "--task", "influence_balancing:T=20", "--methods", "bptt,random:5",
        "--updates", "4", "--points", "2", "--out", tmp_path / "r",
    )  # fmt: skip
    assert result.exit_code == 0
    assert "the task's own network, 1 parameter;" in result.stderr


# A method of a comparison as it is recorded; what is in brackets is no markup.
METHOD = {
    "method": "checkpointed:[64MB]:segment=20", "score": 0.16712, "solved": 0, "seeds": 1,
    "updates": 1234567.0, "sequences": 24691340.0, "cosine": -0.12, "norm_ratio": 1.25,
    "seconds_a_step": 1.234e-3, "memory": None, "failed": 1, "failure": "the loss is [nan]",
}  # fmt: skip


@pytest.mark.parametrize("width", [20, 40, 80, 132])
def test_the_table_is_readable_in_a_terminal_of_any_width(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {
        "task": {"text": "adding:T=6", "measure": "mean squared error", "mark": 0.01},
        "budget": "4 updates", "methods": [METHOD, {**METHOD, "method": "bptt"}],
    }  # fmt: skip
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    outcome.printed(found)
    lines = re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    assert "0.01 or less is solved" in text
    for said in ("score", "norm ratio", "0.167", "1,234,567", "24,691,340", "-0.12", "[nan]"):
        assert said in text
    assert any(line.split()[:1] == ["sequences"] for line in lines) == (width < 100)


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (100, "method seed spent updates sequences loss score cosine"),
        (60, "method seed spent updates score cosine"),
        (40, "method spent score cosine"),
        (30, "method spent score"),
    ],
)
def test_the_live_table_has_the_columns_that_fit(width: int, titles: str) -> None:
    contest = contest_of(
        task="adding:T=6", methods="bptt,rtrl:10", cell="gru", hidden=3, layers=1, budget={},
        seeds=1, rows=2, optimizer="adam", learning_rate=0.01, clip=0.0, test_rows=2, points=2,
    )  # fmt: skip
    file = StringIO()
    live = Live(contest, Console(file=file, width=width, force_terminal=True, color_system=None))
    live(Trial("bptt", 0, [Point(0.5, 123_456, 1_234_567, 10, 1.0, 0.16712, 0.16712, 0.99, 1.0)]))
    live.console.print(live._table())
    lines = file.getvalue().splitlines()
    assert " ".join(re.findall(r"\w+", lines[1])) == titles
    assert all("…" not in line for line in lines)
    assert len(lines) == 6, "a cell is folded"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--task", "adder"], "unknown task 'adder'; known are adding"),
        (["--task", "adding:T=1"], "at least 2; got 1"),
        (["--methods", "bptt,bpt"], "unknown gradient method 'bpt'"),
        (["--methods", ","], "names none"),
        (["--methods", "bptt,bptt"], "twice"),
        (["--methods", "es:4:optimizer=cma@0.1"], "leave out the learning rate after @"),
        (["--methods", "es:4:seed=-1:optimizer=cma"], "from 0 to 4294967295; got -1"),
        (["--methods", "bptt@fast"], "learning rate is expected after @"),
        (["--methods", "rflo"], "method 'rflo' does not take gru of 3 units"),
        (["--cell", "gruu"], "gru"),
        (["--seconds", "1", "--updates", "2"], "two budgets"),
        (["--seconds", "0"], "must be positive"),
        (["--hidden", "0"], "--hidden is 0"),
        (["--optimizer", "adamm"], "known are"),
        (["--learning-rate", "-1"], "positive"),
        (["--clip", "-1"], "--clip is -1"),
        (["--clip", "inf"], "--clip is inf"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_trained(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    given = ["compare", *TINY, "--out", str(tmp_path / "r"), *arguments]
    result = run(*given)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "r").exists()


def test_a_method_that_the_tasks_own_network_does_not_fit(tmp_path: Path) -> None:
    result = run("compare", "--task", "influence_balancing", "--methods", "rtrl")
    assert result.exit_code == 2
    assert "'rtrl' does not take the task's own network" in result.stderr


def test_ctrl_c_keeps_what_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = comparison.Contender.optimizer

    def second(self: comparison.Contender, *arguments: object) -> object:
        if self.name == "tbptt:2":
            raise KeyboardInterrupt
        return made(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(comparison.Contender, "optimizer", second)
    out = tmp_path / "r"
    result = run("compare", *TINY, "--methods", "bptt,tbptt:2", "--updates", "2", "--out", out)
    assert result.exit_code == 130
    assert "what was done so far is saved" in result.stderr
    found = json.loads((out / "comparison.json").read_text())
    assert [method["method"] for method in found["methods"]] == ["bptt"]
    assert "interrupted" in (out / "report.html").read_text()


def test_ctrl_c_before_anything_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_once(self: comparison.Contender, *arguments: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(comparison.Contender, "optimizer", at_once)
    result = run("compare", *TINY, "--updates", "2", "--out", tmp_path / "r")
    assert result.exit_code == 130
    assert not (tmp_path / "r").exists()
