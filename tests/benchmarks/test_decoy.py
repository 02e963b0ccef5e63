"""Methods on the task whose short-term gradient points the wrong way: measured and written."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="the benchmarks are not here")


@pytest.fixture
def decoy(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import decoy

    return decoy


def run(decoy: Any, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["decoy.py", *arguments])
    decoy.main()


def test_the_command_writes_table_record_and_picture(
    decoy: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    methods = ["--methods", "bptt,tbptt:10:10", "--rates", "0.003,1", "--seeds", "1"]
    run(decoy, monkeypatch, *methods, "--steps", "500", "--processes", "1", "--out", str(tmp_path))
    full, truncated = (tmp_path / "table.md").read_text().splitlines()[-2:]
    assert full.startswith("| bptt | - | 1 | 0 of 1; ")
    assert truncated.startswith("| tbptt:10:10 | 10 | 50 | 0 of 1; ")
    assert truncated.endswith("| 0 of 1; 1 diverge |")
    record = json.loads((tmp_path / "results.json").read_text())
    assert record["versions"]["torch"] == torch.__version__
    assert len(record["runs"]) == 4
    assert (tmp_path / "decoy.png").read_bytes().startswith(b"\x89PNG")


def test_the_solution_solves_it(decoy: Any) -> None:
    model, batch = decoy.TASK.network(), decoy.TASK.batch(1)
    with torch.no_grad():
        model.theta.fill_(decoy.SOLUTION)
        assert decoy.TASK.score(model(batch.inputs)[0], batch.targets) < 1e-9
    assert decoy.apart(model) == pytest.approx(0, abs=1e-7)


def influence(units: int, positive: int, lag: int) -> float:
    """Give dy_t/dtheta by way of step t - lag: the chain passes on binomially many places."""
    chances = [math.comb(lag, place) / 2**lag for place in range(units)]
    return sum(chances[:positive]) - sum(chances[positive:])


@pytest.mark.parametrize(
    ("method", "mean"),
    [
        ("tbptt:10:10", 5.50),
        ("tbptt:100:100", 0.58),
        ("tbptt:10:60", -5.57),
        ("bptt", -4.68),
    ],
)
def test_the_page_has_the_gradients_of_the_methods(decoy: Any, method: str, mean: float) -> None:
    """In closed form: at rest, by the window, as a multiple of the error."""
    model, batch = decoy.TASK.network(), decoy.TASK.batch(1)
    _, rest = model(batch.inputs)
    first, last = {"tbptt:10:10": (1, 10), "tbptt:10:60": (51, 60), "bptt": (1, 500)}.get(
        method, (1, 100)
    )  # steps that the losses of an update see, themselves included
    reached = [influence(23, 10, lag) for lag in range(last)]
    seen = range(first, last + 1)
    expected = sum(sum(reached[:steps]) for steps in seen) / len(seen)
    updates = decoy.made(decoy.Trial(method, 0.0, 0, 0))(
        model, batch.inputs, batch.targets, decoy.TASK.loss, rest.detach()
    )
    for _ in updates:
        found = float(model.theta.grad)
        model.theta.grad = None
    error = float((model(batch.inputs, rest)[0][-1] - 1).detach())
    assert found / (2 * error) == pytest.approx(expected, rel=1e-4)
    assert expected == pytest.approx(mean, abs=0.005)


def test_a_window_that_is_too_short_leads_away(decoy: Any) -> None:
    ends = {}
    for method in ("tbptt:10:10", "tbptt:10:60"):
        outcome = decoy.learn(decoy.Trial(method, rate=0.003, seed=0, steps=500))
        ends[method] = outcome.off[-1] / outcome.off[0]
        assert outcome.updates == 50
        assert outcome.window == float(method[-2:])
    assert ends["tbptt:10:10"] > 1.5
    assert ends["tbptt:10:60"] < 0.2


def test_a_seed_gives_the_same_run(decoy: Any) -> None:
    runs = [decoy.learn(decoy.Trial("random:16", 0.003, seed, 500)) for seed in (1, 1, 2)]
    assert runs[0].off == runs[1].off
    assert runs[0].off != runs[2].off


def test_rates_are_ranked_by_what_they_solve(decoy: Any) -> None:
    def outcome(off: float, error: float | None) -> Any:
        return decoy.Outcome(decoy.Trial("bptt", 1.0, 0, 1), 1, (1.0, off), error, None)

    good, closer, bad = outcome(1e-2, 0.0036), outcome(1e-3, 3.6e-5), outcome(1e3, None)
    assert decoy.merit([good, good]) > decoy.merit([closer, bad])
    assert decoy.merit([closer, closer]) > decoy.merit([good, good])
    assert decoy.cell([closer, bad]) == "1 of 2; 1 diverge"
    assert decoy.cell([good, good]) == "2 of 2; 1e-02"


def test_an_unknown_method_is_the_users_error(
    decoy: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(decoy, monkeypatch, "--methods", "bptt,tbtt:10")
    assert ended.value.code == 2
    assert "unknown gradient method 'tbtt'; known are bptt" in capsys.readouterr().err
