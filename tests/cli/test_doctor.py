import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

import throughtime.cli.doctor as doctor_module
from tests.cli.conftest import run
from throughtime import __version__
from throughtime.cli.self_test import CELLS, SHAPES, TOLERANCE, self_test
from throughtime.engine import Recurrence, engines, native_module
from throughtime.engine.native_module import instruction_set, module

built = pytest.mark.skipif(module is None, reason="the native module is not built")
TRIALS = len(CELLS) * len(SHAPES) * len(TOLERANCE)


class Spoilt:
    """The reference, one of its results or gradients changed a little."""

    name = "native"

    def why_not(self, recurrence: Recurrence) -> str | None:
        return None

    def run(self, recurrence: Recurrence) -> tuple[Tensor, tuple[Tensor, ...]]:
        outputs, final = engines["reference"].run(recurrence)
        return self.spoil(outputs), final

    def spoil(self, outputs: Tensor) -> Tensor:
        return outputs + 1e-4


class SpoiltBackwards(Spoilt):
    def spoil(self, outputs: Tensor) -> Tensor:
        outputs.register_hook(lambda gradient: gradient + 1e-3)
        return outputs


class Broken(Spoilt):
    def spoil(self, outputs: Tensor) -> Tensor:
        raise RuntimeError("it broke")


@built
def test_all_is_well() -> None:
    result = run("doctor")
    assert result.exit_code == 0
    for known in (__version__, torch.__version__, instruction_set(), "native: there; reference"):
        assert known in result.stdout
    assert all(f"{name}: " in result.stdout for name in engines)
    lines = [line for line in result.stdout.splitlines() if line.startswith("ok ")]
    assert len(lines) == TRIALS
    assert result.stdout.endswith("All is well.\n")
    assert result.stderr == ""


@built
def test_json() -> None:
    found = json.loads(run("doctor", "--json").stdout)
    assert found["well"] is True
    assert found["facts"]["torch"] == torch.__version__
    assert found["facts"]["instruction_set"] in found["facts"]["instruction_sets"]
    assert list(found["engines"]) == list(engines)
    assert len(found["trials"]) == TRIALS
    assert all(trial["passed"] for trial in found["trials"])
    assert {trial["dtype"] for trial in found["trials"]} == {"float32", "float64"}


@built
@pytest.mark.parametrize("engine", [Spoilt(), SpoiltBackwards()])
def test_a_wrong_engine_is_noticed(engine: Spoilt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engines, "native", engine)
    assert not any(trial.passed for trial in self_test())
    result = run("doctor")
    assert result.exit_code == 1
    assert "WRONG  gru" in result.stdout
    assert "All is well" not in result.stdout
    assert "does not compute what the reference does" in result.stderr
    assert "THROUGHTIME_ISA" in result.stderr


@built
def test_an_engine_that_raises_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engines, "native", Broken())
    result = run("doctor")
    assert result.exit_code == 1
    assert "RuntimeError: it broke" in result.stdout


def test_an_engine_that_declines_has_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Spoilt, "why_not", lambda *_: "it is not in the mood")
    monkeypatch.setitem(engines, "native", Spoilt())
    trials = list(self_test())
    assert {trial.failure for trial in trials} == {"it is not in the mood"}
    assert not any(trial.passed for trial in trials)


def test_a_number_that_is_none_does_not_pass() -> None:
    trial = next(self_test())
    assert not replace(trial, relative=float("inf")).passed
    assert not replace(trial, relative=float("nan")).passed


def test_without_the_native_module_it_says_how_to_build_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(native_module, "module", None)
    monkeypatch.setattr(native_module, "missing", "No module named '_native'")
    result = run("doctor")
    assert result.exit_code == 1
    assert "native: the native module is not there: No module named '_native'" in result.stdout
    assert "with a C++ compiler at hand" in result.stderr
    found: dict[str, Any] = json.loads(run("doctor", "--json").stdout)
    assert found["well"] is False
    assert found["trials"] == []
    assert found["engines"]["reference"] == "there"


@built
def test_an_instruction_set_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THROUGHTIME_ISA", "abacus")
    result = run("doctor")
    assert result.exit_code == 1
    assert "THROUGHTIME_ISA is 'abacus'; this machine has " in result.stderr
    assert "unset it" in result.stderr


def test_nothing_random_is_drawn_from_the_callers_generator() -> None:
    before = torch.get_rng_state()
    list(self_test())
    assert torch.equal(before, torch.get_rng_state())


def test_the_parts_are_what_the_command_shows() -> None:
    assert doctor_module.examine().facts["cores"] >= 1
