"""Subclasses of torch's layers: converted where the forward call is torch's, else named."""

import copy
import pickle
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

import throughtime as tt
from tests.nn.test_as_torch import assert_equal, flat, results
from throughtime.nn import convert_


class Labelled(nn.GRU):
    """A GRU with words of its own."""

    def __init__(self, *sizes: int, label: str, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.label = label

    def reset_parameters(self) -> None:
        for parameter in self.parameters():
            nn.init.constant_(parameter, 0.1)

    def shout(self) -> str:
        return self.label.upper()


class Deeper(Labelled):
    """Inherits through another."""


class Peculiar(nn.GRU):
    def forward(self, input: Any, hx: Any = None) -> Any:
        y, h = super().forward(input, hx)
        return -y, h


class WithACell(nn.GRU):
    """Uses a name that our layers use."""

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.cell = "mine"


@pytest.fixture
def x() -> Tensor:
    return torch.randn(5, 2, 3, dtype=torch.float64)


@pytest.mark.parametrize("kind", [Labelled, Deeper])
def test_an_inherited_forward_call_is_replaced(kind: type[Labelled], x: Tensor) -> None:
    layer = kind(3, 4, label="low", num_layers=2, bidirectional=True, dtype=torch.float64)
    before, shown = results(layer, x), repr(layer)
    convert_(layer)
    assert isinstance(layer, tt.nn.GRU)
    assert isinstance(layer, kind)
    assert (type(layer).__name__, type(layer).__module__) == (kind.__name__, kind.__module__)
    assert type(layer).__doc__ == kind.__doc__
    assert (layer.shout(), repr(layer)) == ("LOW", shown)
    layer.reset_parameters()
    assert bool((layer.weight_hh_l0 == 0.1).all())
    assert_equal(results(layer, x), results(copy.deepcopy(layer), x))
    convert_(layer, back=True)
    assert type(layer) is kind
    assert len(before) == len(results(layer, x))


def test_numbers_and_engine(x: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = Labelled(3, 4, label="a", dtype=torch.float64)
    before = results(layer, x)
    ran: list[str] = []
    run = tt.engine.run

    def watched(recurrence: Any) -> Any:
        ran.append(recurrence.cell.name)
        return run(recurrence)

    monkeypatch.setattr(tt.engine, "run", watched)
    assert_equal(results(convert_(layer), x), before)
    assert ran == ["gru"]


def test_once_more_changes_nothing() -> None:
    one, two = Labelled(3, 4, label="a"), Labelled(3, 4, label="b")
    convert_(one)
    kind = type(one)
    assert issubclass(kind, tt.nn.GRU)
    convert_(nn.ModuleList([one, two]))
    assert type(one) is type(two) is kind


def test_copies_and_pickles(x: Tensor) -> None:
    layer = convert_(Labelled(3, 4, label="a", dtype=torch.float64))
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert type(twin) is type(layer)
        assert isinstance(twin, tt.nn.GRU)
        assert twin.label == "a"
        assert_equal(flat(twin(x)), flat(layer(x)), 0.0)
        assert type(convert_(twin, back=True)) is Labelled


def test_parametrised_subclasses(x: Tensor) -> None:
    layer = Labelled(3, 4, label="a", dtype=torch.float64)
    nn.init.normal_(layer.weight_hh_l0)
    parametrizations.weight_norm(layer, "weight_hh_l0")
    before = results(layer, x)
    convert_(layer)
    assert isinstance(layer, tt.nn.GRU)
    assert isinstance(layer, Labelled)
    assert_equal(results(layer, x), before)
    convert_(layer, back=True)
    assert not isinstance(layer, tt.nn.GRU)
    assert_equal(results(layer, x), before, 0.0)
    convert_(layer)
    parametrize.remove_parametrizations(layer, "weight_hh_l0")
    assert type(convert_(layer, back=True)) is Labelled


def test_what_cannot_be_converted_is_left_alone_and_named() -> None:
    model = nn.ModuleList([nn.GRU(3, 4), Peculiar(3, 4), WithACell(3, 4)])
    x = torch.randn(4, 2, 3)
    before = [flat(layer(x)) for layer in model]
    with pytest.warns(UserWarning, match=r"left as they are: 1 \(Peculiar\), 2 \(WithACell\)"):
        convert_(model)
    assert [type(layer) for layer in model] == [tt.nn.GRU, Peculiar, WithACell]
    for layer, expected in zip(model, before, strict=True):
        assert_equal(flat(layer(x)), expected, 1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        convert_(model, back=True)


def test_subclasses_of_ours_are_left_alone_on_the_way_back() -> None:
    class Mine(tt.nn.GRU):
        pass

    layer = Mine(3, 4)
    with pytest.warns(UserWarning, match=r"derived from this package.*the module \(Mine\)"):
        convert_(layer, back=True)
    assert type(layer) is Mine
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert type(convert_(layer)) is Mine
