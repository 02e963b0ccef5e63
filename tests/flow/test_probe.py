from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

import throughtime as tt
from throughtime.data.tasks.asked import cross_entropy
from throughtime.flow.probe import FlowProbe, by_lag
from throughtime.nn.embedded import EmbeddedNetwork

MSE = nn.MSELoss(reduction="none")


@dataclass
class Told:
    update: int
    epoch: int = 1


def problem() -> tuple[tt.Network, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    model = tt.Network("gru", 2, 5, 1, num_layers=2, dtype=torch.float64)
    return model, torch.randn(30, 3, 2).double(), torch.randn(30, 3, 1).double()


def test_a_look_is_what_flow_measures() -> None:
    model, x, d = problem()
    whole = tt.flow(model, x, d, MSE)
    for layer, found in zip(whole.layers, by_lag(model, x, d, MSE, samples=256), strict=True):
        assert found.lag == layer.lag
        assert found.median == pytest.approx(layer.median, rel=1e-12)


def test_looks_come_every_so_many_updates_and_the_first_at_once() -> None:
    probe = FlowProbe(*problem(), MSE, every=4)
    for update in range(1, 11):
        probe.after_update(Told(update), 30)
    assert [look.update for look in probe.looks] == [1, 4, 8]


def test_looks_take_no_more_than_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    probe = FlowProbe(*problem(), MSE, share=0.1)

    def slow(*_: object) -> tuple[()]:
        nonlocal now
        now += 2.0
        return ()

    monkeypatch.setattr("throughtime.flow.probe.by_lag", slow)
    for update in range(1, 401):
        now += 1.0
        probe.after_update(Told(update), 30)
    assert probe.seconds == 2.0 * len(probe.looks)
    assert 0.08 < probe.seconds / now < 0.11
    assert len(probe.as_list()) <= 60


def test_the_training_comes_out_the_same() -> None:
    def trained(probed: bool) -> list[torch.Tensor]:
        model, x, d = problem()
        probe = FlowProbe(model, x, d, MSE, every=1)
        optimizer = torch.optim.Adam(model.parameters())
        for update in range(1, 4):
            for _ in tt.BPTT()(model, x, d, MSE):
                optimizer.step()
                optimizer.zero_grad()
            if probed:
                probe.after_update(Told(update), 30)
                assert model.training
        return [p.detach() for p in model.parameters()]

    assert all(map(torch.equal, trained(True), trained(False)))


def test_what_has_no_gradient_is_a_look_at_nothing() -> None:
    model, x, d = problem()
    with torch.no_grad():
        model.readout.weight.zero_()
    probe = FlowProbe(model, x, d, MSE)
    probe.after_update(Told(1), 30)
    assert probe.as_list() == [{"update": 1, "epoch": 1, "layers": []}]


def test_a_share_and_a_number_of_updates() -> None:
    with pytest.raises(ValueError, match="every"):
        FlowProbe(*problem(), MSE, every=0)
    with pytest.raises(ValueError, match="share is a part"):
        FlowProbe(*problem(), MSE, share=1.0)


@pytest.mark.parametrize("embedded", [False, True])
def test_dropout_is_left_out_of_a_look_and_its_random_numbers_are_not_drawn(embedded: bool) -> None:
    numbers = torch.randint(5, (31, 2))
    given: dict[str, Any] = {"readout_dropout": 0.5, "dtype": torch.float64}
    if embedded:
        model: tt.Network = EmbeddedNetwork("gru", 5, 3, 4, 5, **given)
        x = numbers[:-1]
    else:
        model = tt.Network("gru", 5, 4, 5, **given)
        x = nn.functional.one_hot(numbers[:-1]).double()
    model.recurrent.eval()  # each part keeps the mode that it has
    before = torch.get_rng_state()
    looks = [by_lag(model, x, numbers[1:], cross_entropy)[0].median for _ in range(2)]
    assert torch.equal(torch.get_rng_state(), before)
    assert model.training
    assert not model.recurrent.training
    model.eval()
    assert looks == [by_lag(model, x, numbers[1:], cross_entropy)[0].median] * 2
