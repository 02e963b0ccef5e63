import csv
import json
from pathlib import Path

import pytest

from tests.cli.conftest import run
from throughtime.train import comparison

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
    assert "the task's own network, 1 parameters" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--task", "adder"], "unknown task 'adder'; known are adding"),
        (["--task", "adding:T=1"], "at least 2; got 1"),
        (["--methods", "bptt,bpt"], "unknown gradient method 'bpt'"),
        (["--methods", ","], "names none"),
        (["--methods", "bptt,bptt"], "twice"),
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
