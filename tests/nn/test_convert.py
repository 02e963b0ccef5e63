"""Torch's recurrent layers inside models made ours in place, and back."""

import copy
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

import throughtime as tt
from tests.nn.test_as_torch import assert_equal, each_kind, flat, kinds, results
from throughtime.nn import convert_

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


class Tower(nn.Module):
    """Layers in every kind of place: attributes, lists, dicts, sequences, one of them twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.GRU(3, 4, 2, bidirectional=True)
        self.inner = nn.ModuleList([nn.LSTM(8, 4, proj_size=3), nn.RNN(3, 4, nonlinearity="relu")])
        self.named = nn.ModuleDict({"deep": nn.Sequential(nn.Linear(4, 4), nn.RNN(4, 4))})
        self.again = self.inner[1]
        self.widen = nn.Linear(4, 3)
        self.tied = nn.GRU(4, 4)
        self.tied.weight_ih_l0 = self.tied.weight_hh_l0
        self.named["deep"][1].weight_ih_l0 = self.inner[1].weight_hh_l0

    def forward(self, x: Tensor) -> Tensor:
        x, _ = self.first(x)
        x, _ = self.inner[0](x)
        x, _ = self.inner[1](x)
        x, _ = self.named["deep"](x)
        x, _ = self.again(self.widen(x))
        return self.tied(x)[0]


def layers(model: nn.Module) -> list[nn.Module]:
    return [m for m in model.modules() if isinstance(m, nn.RNNBase)]


@pytest.fixture
def model() -> nn.Module:
    return Tower().double()


@pytest.fixture
def x() -> Tensor:
    return torch.randn(5, 2, 3, dtype=torch.float64)


def test_every_layer_becomes_ours_and_goes_back(model: nn.Module, x: Tensor) -> None:
    before, text = results(model, x), repr(model)
    objects = [id(m) for m in model.modules()]
    assert convert_(model) is model
    assert Counter(type(m) for m in layers(model)) == {
        tt.nn.GRU: 2,
        tt.nn.LSTM: 1,
        tt.nn.RNN: 2,
    }
    assert_equal(results(model, x), before)
    assert repr(model) == text
    assert convert_(model) is model, "once more changes nothing"
    assert_equal(results(model, x), before)
    assert convert_(model, back=True) is model
    assert {type(m) for m in layers(model)} == {nn.GRU, nn.LSTM, nn.RNN}
    assert_equal(results(model, x), before, 0.0)
    assert [id(m) for m in model.modules()] == objects


def test_our_engines_run(model: nn.Module, x: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    run = tt.engine.run

    def watched(recurrence: Any) -> Any:
        ran.append(recurrence.cell.name)
        return run(recurrence)

    monkeypatch.setattr(tt.engine, "run", watched)
    model(x)
    assert ran == []
    convert_(model)(x)
    assert Counter(ran) == {"gru": 5, "lstm": 1, "elman_relu": 2, "elman": 1}


def test_weights_stay_the_same_objects(model: nn.Module) -> None:
    weights = {name: id(p) for name, p in model.named_parameters(remove_duplicate=False)}
    flags = [p.requires_grad for p in model.parameters()]
    convert_(model)
    assert {n: id(p) for n, p in model.named_parameters(remove_duplicate=False)} == weights
    assert [p.requires_grad for p in model.parameters()] == flags
    assert model.tied.weight_ih_l0 is model.tied.weight_hh_l0
    assert model.named["deep"][1].weight_ih_l0 is model.inner[1].weight_hh_l0
    assert model.again is model.inner[1]


def test_an_optimiser_made_before_goes_on(model: nn.Module, x: Tensor) -> None:
    twin = copy.deepcopy(model)
    found = []
    for number, own in enumerate((model, twin)):
        optimizer = torch.optim.Adam(own.parameters(), 0.01)
        for step in range(6):
            if number == 0 and step == 2:
                convert_(own)
            if number == 0 and step == 4:
                convert_(own, back=True)
            optimizer.zero_grad()
            own(x).square().mean().backward()
            optimizer.step()
        found.append(list(own.parameters()))
    assert_equal(*found, relative=1e-9)


def test_hooks_mode_and_attributes_stay(model: nn.Module, x: Tensor) -> None:
    calls: list[str] = []
    layer = model.inner[0]
    layer.register_forward_hook(lambda *_: calls.append("forward"))
    layer.register_full_backward_hook(lambda *_: calls.append("backward"))
    layer.weight_hr_l0.register_hook(lambda _: calls.append("weight"))
    layer.note = "mine"
    layer.eval()
    convert_(model)
    model(x).sum().backward()
    assert sorted(calls) == ["backward", "forward", "weight"]
    assert layer.note == "mine"
    assert not layer.training
    assert model.first.training


@each_kind
def test_a_layer_itself(kind: str) -> None:
    ours, theirs, own = kinds[kind]
    layer = theirs(3, 5, 2, bidirectional=True, dtype=torch.float64, **own)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    before = results(layer, x)
    assert convert_(layer) is layer
    assert type(layer) is ours
    assert_equal(results(layer, x), before)
    layer.load_state_dict(theirs(3, 5, 2, bidirectional=True, **own).state_dict())
    assert type(convert_(layer, back=True)) is theirs


def test_what_is_not_torchs_own_is_left_alone() -> None:
    model = nn.ModuleList([nn.GRUCell(3, 4), nn.Linear(3, 4), tt.nn.Recurrent("gru", 3, 4)])
    kinds_before = [type(m) for m in model.modules()]
    for back in (False, True):
        convert_(model, back=back)
        assert [type(m) for m in model.modules()] == kinds_before


@each_kind
@pytest.mark.parametrize("of", ["weight_norm", "orthogonal"])
def test_parametrized_layers(kind: str, of: str) -> None:
    ours, theirs, own = kinds[kind]
    layer = theirs(3, 5, dtype=torch.float64, **own)
    getattr(parametrizations, of)(layer, "weight_hh_l0")
    getattr(parametrizations, of)(layer, "weight_ih_l0")
    originals = {name: id(p) for name, p in layer.named_parameters()}
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    before = results(layer, x)
    convert_(layer)
    assert isinstance(layer, ours)
    assert isinstance(layer, theirs)
    assert parametrize.is_parametrized(layer, "weight_hh_l0")
    assert {name: id(p) for name, p in layer.named_parameters()} == originals
    assert_equal(results(layer, x), before)
    convert_(layer, back=True)
    assert not isinstance(layer, ours)
    assert_equal(results(layer, x), before, 0.0)
    convert_(layer)
    for name in ("weight_hh_l0", "weight_ih_l0"):
        parametrize.remove_parametrizations(layer, name)
    assert type(layer) is ours
    assert_equal(flat(layer(x)), flat(before[: 3 if theirs is nn.LSTM else 2]))


def test_one_parametrized_layer_leaves_the_others_as_they_are() -> None:
    model = nn.ModuleList([nn.GRU(3, 4), nn.GRU(3, 4)])
    parametrizations.weight_norm(model[0], "weight_hh_l0")
    convert_(model)
    assert not parametrize.is_parametrized(model[1])
    assert type(model[1]) is tt.nn.GRU
    parametrizations.weight_norm(model[1], "weight_hh_l0")
    convert_(model, back=True)
    assert not any(isinstance(m, tt.nn.GRU) for m in model)


def test_converted_models_are_copied_and_saved(model: nn.Module, x: Tensor) -> None:
    state = copy.deepcopy(model.state_dict())
    twin = copy.deepcopy(convert_(model))
    assert_equal(flat(twin(x)), flat(model(x)), 0.0)
    fresh = Tower().double()
    fresh.load_state_dict(twin.state_dict())
    assert_equal(flat(fresh(x)), flat(model(x)))
    twin.load_state_dict(state)
    assert isinstance(twin.first, tt.nn.GRU)


@pytest.mark.parametrize("given", [None, nn.GRU, torch.zeros(2), [nn.GRU(1, 1)]])
def test_only_modules_are_taken(given: Any) -> None:
    with pytest.raises(TypeError, match=r"a torch\.nn\.Module is expected, got"):
        convert_(given)
