"""The figures of the native engine: the command runs, and wrong results are refused."""

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from throughtime.cli.racing import DisagreementError, Peak, Size, contenders, race

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="the benchmarks are not here")


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package as the script imports it, its races short and its peak known."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setattr(race, "_AT_LEAST", 0.0)
    monkeypatch.setattr(Peak, "measure", lambda peak: setattr(peak, "rate", 1e11))
    import figures
    import figures.measuring
    import figures.others

    monkeypatch.setattr(figures.measuring, "installed", lambda: False)
    monkeypatch.setattr(figures.others, "SIZES", (Size(2, 4, 3, 5),))
    monkeypatch.setattr(figures.others, "PROMISED", {"elman": (1e-9,), "gru": (1e9,)})
    return figures


def measuring(figures: Any) -> Any:
    return figures.measuring.Measuring(threads=1, repeats=1, tell=lambda _: None)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    script = [sys.executable, str(BENCHMARKS / "engine_figures.py")]
    return subprocess.run([*script, *arguments], capture_output=True, text=True)


@pytest.mark.thorough
def test_the_command_prints_and_writes_the_table(tmp_path: Path) -> None:
    out = tmp_path / "figures"
    options = ["--only", "first-call", "--repeats", "1", "--threads", "1", "--out", str(out)]
    done = command(*options)
    assert done.returncode == 0, done.stderr
    assert "| what | promised | seen | reached |" in done.stdout
    assert done.stdout == (out / "figures.md").read_text() + "\n"
    found = json.loads((out / "figures.json").read_text())
    assert found["versions"]["torch"] == torch.__version__
    assert {"processor", "instruction_set", "peak_gflops", "threads"} <= set(found)
    assert [one["group"] for one in found["figures"]] == ["first-call"] * 2


def test_an_unknown_group_is_the_users_error() -> None:
    done = command("--only", "torch,gpu")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no group is called 'gpu'; known are torch, jax" in done.stderr


def test_each_figure_says_whether_it_is_reached(figures: Any) -> None:
    found = list(figures.GROUPS["torch"](measuring(figures)))
    assert [one.reached for one in found] == [True, False]
    assert [one.reached for one in figures.GROUPS["jax"](measuring(figures))] == [False, False]
    table = figures.figure.as_markdown(found).splitlines()
    assert table[2].startswith("| elman against torch.nn, 2, 4, 3, 5 | >= 0.00 x | ")
    assert table[3].endswith("| NO |")


def test_wrong_results_are_not_timed(figures: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    relu = functools.partial(torch.nn.RNN, nonlinearity="relu")
    monkeypatch.setitem(contenders.torch_layers, "elman", relu)

    def timed(*_: Any) -> None:
        raise AssertionError("wrong results were timed")

    monkeypatch.setattr(race, "in_turn", timed)
    monkeypatch.setattr(figures.measuring, "in_turn", timed)
    with pytest.raises(DisagreementError, match=r"differs from that of torch\.nn"):
        list(figures.GROUPS["torch"](measuring(figures)))
    problem = figures.measuring.float32("elman", 2, 4, 3, 5)
    with pytest.raises(DisagreementError, match=r"differs from that of torch\.nn"):
        measuring(figures).ours({"elman": problem})
