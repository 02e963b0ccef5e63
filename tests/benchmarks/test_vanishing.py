"""How far back gradients reach on the adding problem: what is measured, and that it is written."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from throughtime.data.tasks import Adding

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="the benchmarks are not here")


@pytest.fixture
def vanishing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import vanishing

    return vanishing


def run(vanishing: Any, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["vanishing.py", *arguments])
    vanishing.main()


def test_the_command_writes_table_record_and_picture(
    vanishing: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sizes = ["--lengths", "4,6", "--cells", "gru,irnn", "--seeds", "2", "--updates", "2"]
    run(vanishing, monkeypatch, *sizes, "--processes", "1", "--out", str(tmp_path))
    rows = [row.split(" | ") for row in (tmp_path / "table.md").read_text().splitlines()]
    assert [row[0] for row in rows[-4:]] == ["| 4, GRU", "| 4, IRNN", "| 6, GRU", "| 6, IRNN"]
    assert [row[1] for row in rows[-4:]] == ["0 of 2"] * 4
    record = json.loads((tmp_path / "results.json").read_text())
    assert record["versions"]["torch"] == torch.__version__
    assert [len(one["after"]) for one in record["trainings"]] == [6] * 4 + [4] * 4
    assert (tmp_path / "vanishing.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("cell", ["tanh", "gru"])
def test_the_gradient_is_that_of_the_only_loss(vanishing: Any, cell: str) -> None:
    """Against autograd, step by step; lags up to the first step."""
    task, draws = Adding(T=7), torch.Generator().manual_seed(4)
    model = vanishing.network(cell, 7)
    found = vanishing.reach(model, task, draws)
    batch = task.batch(32, draws.manual_seed(4))
    states, state = [], None
    for x in batch.inputs:
        state, _ = model.recurrent(x[None], state)
        state.retain_grad()
        states.append(state)
    (model.read(state) - batch.targets[-1:]).square().sum().backward()
    norms = torch.stack([state.grad[0].norm(dim=1) for state in reversed(states)])  # [lag, B]
    middle = (norms / norms[0]).double().quantile(0.5, dim=1)
    torch.testing.assert_close(torch.tensor(found).double(), middle, rtol=1e-4, atol=1e-7)
    assert found[-1] < 0.5, "nothing is compared"


def test_a_horizon_is_the_first_lag_at_one_percent(vanishing: Any) -> None:
    assert vanishing.horizon((1.0, 0.5, 0.01, 0.2, 0.001)) == 2
    assert vanishing.horizon((1.0, 0.5)) == math.inf
    assert vanishing.written(math.inf, 50) == "> 49"
    assert vanishing.written(vanishing.horizon(()), 50) == "-"


def test_starts_are_those_of_the_literature(vanishing: Any) -> None:
    identity = vanishing.network("irnn", 9).recurrent.weight_hh_l0
    assert torch.equal(identity, torch.eye(vanishing.HIDDEN))
    forget = slice(vanishing.HIDDEN, 2 * vanishing.HIDDEN)
    assert (vanishing.network("lstm", 9).recurrent.bias_ih_l0[forget] == 1).all()
    spread = vanishing.network("chrono", 9).recurrent.bias_ih_l0[forget]
    assert spread.min() >= 0
    assert spread.max() <= math.log(8)
    assert len(spread.unique()) > 1


def test_a_training_that_diverges_is_said_to(vanishing: Any) -> None:
    outcome = vanishing.train(vanishing.Trial("irnn", 6, seed=0, updates=9, rate=1e30))
    assert not outcome.learned
    assert outcome.updates < 9
    assert ": diverged after" in str(outcome)


def test_an_unknown_cell_is_the_users_error(
    vanishing: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(vanishing, monkeypatch, "--cells", "gru,elman")
    assert ended.value.code == 2
    assert "'elman' is not among tanh, irnn, gru" in capsys.readouterr().err
