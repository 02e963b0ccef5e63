"""Long lags: what counts as solved, the same training on torch's layers, and the command."""

import csv
import json
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from throughtime.data.tasks import EmbeddedReber, TemporalOrder

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="the benchmarks are not here")


@pytest.fixture
def lags(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package as the script imports it, its networks judged by few sequences."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import lags

    for module in (lags.adding, lags.embedded_reber, lags.temporal_order):
        monkeypatch.setattr(module, "TESTED", 200)
    return lags


def short(lags: Any, name: str, cell: str, **changed: Any) -> Any:
    return replace(lags.EXPERIMENTS[name].settings[cell], **changed)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_torchs_layers_learn_the_same(lags: Any, cell: str) -> None:
    setting = short(lags, "adding", cell, most=60, rows=20)
    ours, theirs = (lags.adding.train(setting, 3, by_torch) for by_torch in (False, True))
    assert ours.error == pytest.approx(theirs.error, rel=1e-4)
    assert (ours.sequences, ours.weights) == (60, theirs.weights)
    other = lags.adding.train(replace(setting, rate=setting.rate / 2), 3)
    assert ours.error != pytest.approx(other.error, rel=1e-3)


def test_untrained_networks_solve_nothing(lags: Any) -> None:
    for name, experiment in lags.EXPERIMENTS.items():
        trial = experiment.train(short(lags, name, "gru", most=8, rows=4), 0, False)
        assert not trial.solved
        assert trial.sequences == 8
        assert trial.error > 0.1


def test_a_short_lag_is_learned(lags: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lags.temporal_order, "RECENT", 100)
    setting = short(lags, "order-50", "gru", most=4000, rows=8)
    trial = lags.temporal_order.train(setting, 0, T=20)
    assert trial.solved
    assert trial.sequences < 4000
    assert trial.error < 0.1


def test_temporal_order_is_solved_by_2000_right_answers_in_turn(lags: Any) -> None:
    learned = lags.temporal_order.learned

    def recent(count: int, *last: tuple[float, float]) -> deque[tuple[float, float]]:
        return deque([*[(0.2, 0.05)] * count, *last], maxlen=2000)

    assert learned(recent(2000))
    assert not learned(recent(1999))
    assert not learned(recent(2000, (0.3, 0.05)))
    assert not learned(deque([(0.29, 0.11)] * 2000, maxlen=2000))


def test_each_answer_is_compared_with_its_own_row(lags: Any) -> None:
    task = TemporalOrder(30)
    batch = task.batch(50, torch.Generator().manual_seed(0))
    end, row = (batch.targets >= 0).nonzero().T
    outputs = torch.randn(*batch.targets.shape, 4)
    outputs[end, row] = 50.0 * torch.nn.functional.one_hot(batch.targets[end, row], 4)
    outputs[end[row == 7], 7] = -outputs[end[row == 7], 7]
    wrong = lags.temporal_order.differences(outputs, batch.targets).amax(1) >= 0.3
    assert wrong.nonzero().flatten().tolist() == [7]


def test_no_string_is_in_both_sets(lags: Any) -> None:
    known, others = lags.embedded_reber.sets(EmbeddedReber(), torch.Generator().manual_seed(0))
    assert (len(known), len(others)) == (256, 256)
    assert not set(known) & set(others)


@pytest.fixture
def command(lags: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command, each training of it a few updates."""
    import long_lags

    small = {cell: short(lags, "adding", cell, most=40) for cell in ("gru", "lstm")}
    adding = replace(lags.EXPERIMENTS["adding"], settings=small)
    monkeypatch.setitem(long_lags.EXPERIMENTS, "adding", adding)

    def run(*arguments: str) -> None:
        monkeypatch.setattr("sys.argv", ["long_lags.py", "--threads", "1", *arguments])
        long_lags.main()

    return run


def test_the_command_prints_and_writes_what_came_of_it(
    command: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command("--only", "adding", "--seeds", "2", "--first", "5", "--out", str(tmp_path / "out"))
    shown = capsys.readouterr()
    assert "adding, lstm, seed 6: NOT solved, 40 sequences" in shown.err
    assert shown.out == (tmp_path / "out/long_lags.md").read_text() + "\n"
    rows = [line for line in shown.out.splitlines() if line.startswith("| adding problem, T = 100")]
    assert [row.split(" | ")[2] for row in rows] == ["0 of 2", "0 of 2"]
    record = json.loads((tmp_path / "out/long_lags.json").read_text())
    assert record["versions"]["torch"] == torch.__version__
    with (tmp_path / "out/trials.csv").open() as file:
        trials = list(csv.DictReader(file))
    assert [(trial["cell"], trial["seed"]) for trial in trials] == [
        ("gru", "5"), ("gru", "6"), ("lstm", "5"), ("lstm", "6"),
    ]  # fmt: skip
    written = [trial for one in record["experiments"] for trial in one["trials"]]
    assert [float(trial["error"]) for trial in trials] == [one["error"] for one in written]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only", "adding,subtracting"), "'subtracting' is not known; known are adding, order"),
        (("--cells", "elman"), "'elman' is not known; known are gru, lstm"),
        (("--seeds", "0"), "--seeds are whole numbers from 1"),
    ],
)
def test_what_is_not_known_is_the_users_error(
    command: Any, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        command(*arguments)
    assert said in capsys.readouterr().err


def test_every_task_of_the_search_has_candidates_that_are_known(lags: Any) -> None:
    import long_lags_settings

    for name in long_lags_settings.GRIDS:
        tried = long_lags_settings.candidates(name)
        assert all(one.start in lags.training.STARTS for one in tried)
        chosen = lags.EXPERIMENTS[name].settings.values()
        assert {(c.cell, c.start, c.rows, c.rate) for c in chosen} <= {
            (c.cell, c.start, c.rows, c.rate) for c in tried
        }
