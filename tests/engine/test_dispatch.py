"""Which engine runs a call."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

import throughtime as tt
from tests.contracts import cases
from throughtime import cells, engine
from throughtime.engine import Recurrence


@dataclass
class Refusing:
    """An engine that runs nothing."""

    name: str = "refusing"

    def why_not(self, recurrence: Recurrence) -> str | None:
        return f"{recurrence.cell.name} is too hard"

    def run(self, recurrence: Recurrence) -> tuple[Tensor, tuple[Tensor, ...]]:
        raise NotImplementedError


@pytest.fixture
def recurrence() -> Recurrence:
    return cases.recurrence(cells.gru, 2, 1, 1, 1)


@pytest.fixture
def _refusing_first(monkeypatch: pytest.MonkeyPatch) -> None:
    first = {"refusing": Refusing()}
    monkeypatch.setattr("throughtime.engine.dispatch.engines", first | engine.engines)


def test_the_reference_runs_everything(recurrence: Recurrence) -> None:
    with engine.use("reference"):
        assert engine.choose(recurrence) == engine.Choice("reference", {})


def test_engines_are_named_as_registered() -> None:
    assert all(engine.engines[name].name == name for name in engine.engines)


@pytest.mark.usefixtures("_refusing_first")
def test_the_first_that_can_runs_and_others_say_why(recurrence: Recurrence) -> None:
    choice = engine.choose(recurrence)
    assert choice.engine != "refusing"
    assert choice.declined["refusing"] == "gru is too hard"
    engine.run(recurrence)


@pytest.mark.usefixtures("_refusing_first")
def test_an_engine_asked_for_that_cannot_is_an_error(recurrence: Recurrence) -> None:
    with engine.use("refusing"), pytest.raises(RuntimeError, match="refusing: gru is too hard"):
        engine.run(recurrence)
    engine.run(recurrence)


@pytest.mark.usefixtures("_refusing_first")
def test_uses_are_nested_and_undone(recurrence: Recurrence) -> None:
    with engine.use("refusing"):
        with engine.use("auto"):
            assert engine.choose(recurrence).engine != "refusing"
        with pytest.raises(RuntimeError, match="no engine can run"):
            engine.choose(recurrence)
        with pytest.raises(ZeroDivisionError), engine.use("reference"):
            raise ZeroDivisionError
        with pytest.raises(RuntimeError, match="no engine can run"):
            engine.choose(recurrence)
    assert engine.choose(recurrence).engine != "refusing"


def test_an_unknown_engine_is_refused_with_the_known_ones() -> None:
    message = r"unknown engine 'cuda'; known are auto, .*reference"
    with pytest.raises(ValueError, match=message), engine.use("cuda"):
        pass


def test_layers_run_on_the_engine_in_use() -> None:
    layer = tt.nn.Recurrent("gru", 1, 2)
    with engine.use("reference"):
        assert layer(torch.zeros(3, 1, 1))[0].shape == (3, 1, 2)


def test_explain_names_engine_and_reasons() -> None:
    layer = tt.nn.Recurrent("gru", 2, 3, num_layers=2, bidirectional=True, dtype=torch.bfloat16)
    lines = engine.explain(layer, torch.zeros(4, 1, 2, dtype=torch.bfloat16)).splitlines()
    assert len([line for line in lines if line.endswith(": reference")]) == 4
    assert lines[0] == "0: gru, T=4 B=1 I=2 H=3, torch.bfloat16: reference"
    assert "1: gru, reverse, T=4 B=1 I=2 H=3" in lines[2]
    assert "not native: " in lines[1]
    plain = engine.explain(tt.nn.GRU(2, 3), torch.zeros(4, 1, 2))
    assert plain == f"0: gru, T=4 B=1 I=2 H=3, torch.float32: {next(iter(engine.engines))}"
    assert engine.explain(torch.nn.Linear(2, 3), torch.zeros(2)).startswith("no recurrence")


def test_explain_leaves_the_module_as_it_was() -> None:
    layer = tt.nn.Recurrent("gru", 2, 3).train()
    engine.explain(layer, torch.zeros(4, 1, 2))
    assert layer.training
