import pytest
import torch
from torch import nn

from throughtime.train import make_optimizer, make_schedule, optimizers, schedules


@pytest.mark.parametrize("name", optimizers)
def test_every_optimizer_lowers_a_loss(name: str) -> None:
    weight = nn.Parameter(torch.full((2, 2), 2.0))
    optimizer = make_optimizer(name, [weight], 0.01)
    for _ in range(20):
        optimizer.zero_grad()
        weight.square().sum().backward()
        optimizer.step()
    assert weight.square().sum() < 16.0


@pytest.mark.parametrize("optimizer_name", optimizers)
@pytest.mark.parametrize("name", schedules)
def test_every_schedule_runs_for_all_epochs(name: str, optimizer_name: str) -> None:
    weight = nn.Parameter(torch.ones(1))
    optimizer = make_optimizer(optimizer_name, [weight], 0.1)
    schedule = make_schedule(name, optimizer, epochs=30)
    rates = []
    for _ in range(30):
        rates.append(optimizer.param_groups[0]["lr"])
        weight.square().sum().backward()
        optimizer.step()
        if schedule is not None:
            schedule.step(1.0) if name == "plateau" else schedule.step()
    assert max(rates) <= 0.1 + 1e-12
    assert (len(set(rates)) > 1) == (name != "constant")


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown optimizer 'adm'; known are .*adam"):
        make_optimizer("adm", [nn.Parameter(torch.ones(1))], 0.1)
    optimizer = make_optimizer("adam", [nn.Parameter(torch.ones(1))], 0.1)
    with pytest.raises(ValueError, match=r"unknown schedule 'cos'; known are .*cosine"):
        make_schedule("cos", optimizer, 3)


@pytest.mark.parametrize("rate", [0.0, -0.1, float("nan"), float("inf")])
def test_a_learning_rate_must_be_positive(rate: float) -> None:
    with pytest.raises(ValueError, match="learning rate must be positive"):
        make_optimizer("adam", [nn.Parameter(torch.ones(1))], rate)
