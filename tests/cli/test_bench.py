import functools
import importlib.util
import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.cli.conftest import run
from throughtime.cli.racing import ODD, SIZES, DisagreementError, Peak, Size, race, sizes_of
from throughtime.cli.racing.contenders import JAX, LOOP, OURS, TORCH, line_up, torch_layers
from throughtime.cli.racing.problem import draw
from throughtime.engine import engines
from throughtime.equations import CellError

TINY = ["--sizes", "2,4,3,5", "--repeats", "1"]
with_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed"
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr(race, "_AT_LEAST", 0.0)
    monkeypatch.setattr(Peak, "measure", lambda peak: setattr(peak, "rate", 1e11))
    if "jax" not in request.node.name:  # elsewhere what is raced must not depend on the machine
        monkeypatch.setattr(race, "installed", lambda: False)


def wrong_rnn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch's layer be another one than ours."""
    relu = functools.partial(torch.nn.RNN, nonlinearity="relu")
    monkeypatch.setitem(torch_layers, "elman", relu)


def results(*arguments: str) -> list[dict[str, Any]]:
    result = run("bench", *TINY, *arguments, "--json")
    assert result.exit_code == 0
    return list(json.loads(result.stdout)["results"])


def test_the_table_states_machine_threads_versions_and_ratios() -> None:
    result = run("bench", *TINY, "--cells", "gru", "--threads", "1")
    assert result.exit_code == 0
    for known in ("1 threads", f"torch {torch.__version__}", "float32", "100 GFLOP/s", "median of"):
        assert known in result.stdout
    for title in (OURS, TORCH, "x torch", "itself", "peak", "Training step"):
        assert title in result.stdout
    assert "2, 4, 3, 5" in result.stdout
    assert "Inference step" not in result.stdout
    assert LOOP not in result.stdout


def test_json_has_all_of_a_race() -> None:
    result = run("bench", *TINY, "--cells", "elman, lstm", "--inference", "--json")
    found = json.loads(result.stdout)
    assert found["threads"] == torch.get_num_threads()
    assert found["versions"]["torch"] == torch.__version__
    assert found["peak_gflops"] == 100.0
    kinds = [(one["cell"], one["step"]) for one in found["results"]]
    assert kinds == [(c, s) for c in ("elman", "lstm") for s in ("training", "inference")]
    one = found["results"][0]
    assert [one[name] for name in "BTIH"] == [2, 4, 3, 5]
    times = one["microseconds_a_time_step"]
    assert list(times) == [OURS, TORCH]
    assert one["times_as_fast_as"][TORCH] == pytest.approx(times[TORCH] / times[OURS])
    assert one["yardstick_against_itself"] > 0
    assert one["largest_difference"] < 1e-4
    flops = 6 * 4 * 2 * 5 * (3 + 5)
    assert one["gflops"] == pytest.approx(flops / (times[OURS] * 4 * 1e-6) / 1e9)
    assert one["share_of_peak"] == pytest.approx(one["gflops"] / 100)


@pytest.mark.parametrize("cell", ["lstm_peephole", "leaky", "quasi_recurrent", "independent"])
def test_a_cell_that_torch_has_not_races_against_a_loop(cell: str) -> None:
    for one in results("--cells", cell, "--inference", "--lengths"):
        assert list(one["microseconds_a_time_step"]) == [OURS, LOOP]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", torch_layers)
def test_ragged_rows_race_against_packed_sequences(cell: str, dtype: str) -> None:
    (one,) = results("--cells", cell, "--lengths", "--sizes", "5,17,3,4", "--dtype", dtype)
    assert one["largest_difference"] < (1e-4 if dtype == "float32" else 1e-9)
    problem = draw(cell, Size(5, 17, 3, 4), torch.float32, ragged=True)
    assert problem.lengths is not None
    assert problem.lengths.min() >= 10
    assert problem.lengths.max() <= 17
    gates = len(problem.layer.cell.gates)
    assert problem.multiply_adds(training=True) == 6 * int(problem.lengths.sum()) * gates * 4 * 7


def test_wrong_results_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong_rnn(monkeypatch)
    for arguments in ([], ["--json"], ["--cells", "gru,elman"]):
        result = run("bench", *TINY, "--cells", "elman", *arguments)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert "differs from that of torch.nn" in result.stderr
        assert "wrong results are not timed" in result.stderr
        assert "Traceback" not in result.output


def test_wrong_gradients_are_not_timed() -> None:
    problem = draw("gru", Size(2, 4, 3, 5), torch.float32)
    field = line_up(problem, with_jax=False)
    names = [*problem.results, *problem.wanted]
    right = [tensor.detach() for tensor in field[0].train()]
    for place, name in enumerate(names):
        wrong = [tensor.clone() for tensor in right]
        wrong[place].view(-1)[0] += 1e-3 * float(wrong[place].abs().max())

        def train(given: list[torch.Tensor] = wrong) -> list[torch.Tensor]:
            return given

        spoilt = type(field[0])(OURS, train, field[0].infer)
        with pytest.raises(DisagreementError, match=name):
            race.race(problem, [spoilt, *field[1:]], training=True, repeats=1)


def test_another_instance_of_the_yardstick_is_raced() -> None:
    field = line_up(draw("gru", Size(1, 2, 1, 2), torch.float32), with_jax=False)
    assert [one.name for one in field] == [OURS, TORCH, f"{TORCH} again"]


def test_each_is_called_once_untimed_in_turn() -> None:
    called: list[str] = []
    steps = {name: functools.partial(called.append, name) for name in "ab"}
    seconds = race.in_turn(steps, repeats=3)
    assert "".join(called) == "aabb" * 3
    assert {name: len(taken) for name, taken in seconds.items()} == {"a": 3, "b": 3}


def test_the_best_of_all_measurements_is_the_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    rates = iter([1.0, 3.0, 2.0, 1.0, 2.0, 2.0, 5.0, 2.0])
    measured = types.SimpleNamespace(peak_float64=lambda isa, threads, rounds: next(rates))
    monkeypatch.setattr("throughtime.engine.native_module.module", measured)
    monkeypatch.setattr("throughtime.engine.native_module.instruction_set", lambda: "portable")
    peak = Peak(torch.float64, threads=1)
    assert peak.share(1e9) is None
    peak.measure()
    assert peak.rate == 3e9
    peak.measure()
    assert peak.share(1e9) == pytest.approx(0.2)
    monkeypatch.setattr("throughtime.engine.native_module.module", None)
    peak.measure()
    assert peak.rate == 5e9


def test_ctrl_c_ends_with_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    original = race.race
    count = iter(range(10))

    def interrupted(*arguments: Any) -> Any:
        if next(count) == 1:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(race, "race", interrupted)
    result = run("bench", *TINY, "--json")
    assert result.exit_code == 130
    assert [one["cell"] for one in json.loads(result.stdout)["results"]] == ["elman"]
    assert "interrupted; 1 of 3 races are done" in result.stderr


def test_the_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    assert results("--cells", "elman", "--threads", "1")
    assert torch.get_num_threads() == before


def test_a_restless_machine_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def timed(steps: dict[str, Any], repeats: int) -> dict[str, list[float]]:
        return {name: [2.0 if "again" in name else 1.0] * repeats for name in steps}

    monkeypatch.setattr(race, "in_turn", timed)
    shown = " ".join(run("bench", *TINY, "--cells", "elman").stdout.split())
    assert "other processes disturb" in shown


def test_the_engine_is_said_when_it_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines["native"], "why_not", lambda _: "it is not in the mood")
    shown = " ".join(run("bench", *TINY, "--cells", "gru").stdout.split())
    assert "Not on the native engine: gru" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cells", "grue"], "unknown cell 'grue'; known are elman, "),
        (["--cells", ","], "--cells names none"),
        (["--sizes", "1,2,3"], "got '1,2,3'"),
        (["--sizes", "1,2,3,4;a,2,3,4"], "got 'a,2,3,4'"),
        (["--sizes", "0,2,3,4"], "got '0,2,3,4'"),
        (["--sizes", " ; "], "--sizes names none"),
        (["--dtype", "float16"], "--dtype is 'float16'; float32 or float64 is expected"),
        (["--threads", "0"], "--threads is 0"),
        (["--repeats", "0"], "--repeats is 0"),
    ],
)
def test_the_users_errors(arguments: list[str], message: str) -> None:
    result = run("bench", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_sizes_are_read() -> None:
    assert sizes_of(" 1,2,3,4 ; 5, 6,7,8;") == (Size(1, 2, 3, 4), Size(5, 6, 7, 8))
    assert len(SIZES) == 7
    assert all(size.H % 16 for size in ODD)


def test_an_unknown_cell_cannot_be_drawn() -> None:
    with pytest.raises(CellError, match="unknown cell"):
        draw("grue", Size(1, 1, 1, 1), torch.float32)


@with_jax
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lengths", [[], ["--lengths"]])
def test_jax_computes_the_same(lengths: list[str], dtype: str) -> None:
    found = results(*lengths, "--dtype", dtype, "--inference", "--sizes", "5,14,3,4")
    assert len(found) == 6
    assert all(list(one["microseconds_a_time_step"]) == [OURS, TORCH, JAX] for one in found)


def test_without_jax_the_way_to_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("throughtime.cli.racing.outcome.installed", lambda: False)
    assert "pip install jax" in run("bench", *TINY, "--cells", "elman").stdout


@pytest.fixture
def script() -> Path:
    path = Path(__file__).parents[2] / "benchmarks" / "recurrent_layers.py"
    if not path.exists():
        pytest.skip("the benchmarks are not here")
    return path


@pytest.mark.thorough
def test_the_published_table_and_picture(script: Path, tmp_path: Path) -> None:
    out = tmp_path / "speed"
    command = [sys.executable, str(script), "--out", str(out), *TINY, "--inference"]
    subprocess.run([*command, "--cells", "elman"], check=True, capture_output=True)
    table = (out / "table.md").read_text()
    assert f"| cell | B, T, I, H | {OURS} | {TORCH} |" in table
    assert "| elman | 2, 4, 3, 5 |" in table
    assert json.loads((out / "results.json").read_text())["results"][0]["cell"] == "elman"
    for picture in ("training.png", "inference.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")
    refused = subprocess.run([*command, "--cells", "grue"], capture_output=True, text=True)
    assert refused.returncode == 2
    assert "unknown cell 'grue'" in refused.stderr
