"""Dropout of the recurrent weights, an option of `Recurrent` and `Network`."""

from typing import Any

import pytest
import torch

import throughtime as tt
from throughtime.gradients import TBPTT
from throughtime.nn.dropping import kept


def layer(cell: str = "lstm", **more: Any) -> tt.nn.Recurrent:
    torch.manual_seed(0)
    return tt.nn.Recurrent(cell, 3, 9, weight_dropout=0.4, dtype=torch.float64, **more)


def inputs(T: int = 6, B: int = 5) -> torch.Tensor:
    return torch.randn(T, B, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_it_is_a_pass_with_some_recurrent_weights_at_zero(cell: str) -> None:
    made = layer(cell, num_layers=2, bidirectional=True)
    torch.manual_seed(7)
    found, _ = made(inputs())
    torch.manual_seed(7)
    plain = tt.nn.Recurrent(cell, 3, 9, num_layers=2, bidirectional=True, dtype=torch.float64)
    plain.load_state_dict(made.state_dict())
    torch.manual_seed(7)
    with torch.no_grad():
        for name, weight in plain.named_parameters():  # in the order in which layers are run
            if name.startswith("weight_hh"):
                weight *= kept(weight.shape, 0.4, weight)
                assert 0.2 < weight.eq(0).double().mean() < 0.6
    torch.testing.assert_close(found, plain(inputs())[0], rtol=0, atol=0)


def test_other_weights_are_dropped_in_each_pass_and_none_outside_of_training() -> None:
    made, x = layer(), inputs()
    assert not torch.equal(made(x)[0], made(x)[0])
    before = torch.get_rng_state()
    whole = made.eval()(x)[0]
    assert torch.equal(torch.get_rng_state(), before)
    plain = tt.nn.Recurrent("lstm", 3, 9, dtype=torch.float64)
    plain.load_state_dict(made.state_dict())
    assert torch.equal(whole, plain(x)[0])


def test_the_native_engine_runs_it() -> None:
    x = inputs()
    with tt.engine.use("native"):  # refuses what it cannot run
        layer()(x)
        with pytest.raises(RuntimeError):
            tt.nn.Recurrent("lstm", 3, 9, recurrent_dropout=0.4, dtype=torch.float64)(x)


@pytest.mark.parametrize("cell", ["gru", pytest.param("lstm", marks=pytest.mark.thorough)])
def test_gradients(cell: str) -> None:
    made = layer(cell, num_layers=2)
    x = inputs(4, 2).requires_grad_()

    def run(x: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(5)  # the same draw at every evaluation
        named = dict(zip(dict(made.named_parameters()), weights, strict=True))
        return torch.func.functional_call(made, named, (x,))[0]

    assert torch.autograd.gradcheck(run, (x, *made.parameters()), fast_mode=True)
    torch.manual_seed(5)
    made(x)[0].sum().backward()
    torch.manual_seed(5)
    dropped = kept(made.weight_hh_l0.shape, 0.4, made.weight_hh_l0) == 0
    gradient = made.weight_hh_l0.grad
    assert gradient is not None
    assert gradient[dropped].eq(0).all()
    assert not gradient[~dropped].eq(0).any()


def test_truncated_backpropagation_draws_for_each_chunk() -> None:
    # What looks back over several chunks goes back through the weights that each was run with.
    torch.manual_seed(0)
    model = tt.Network("elman", 1, 6, 1, weight_dropout=0.5, dtype=torch.float64)
    x, d = torch.randn(2, 12, 3, 1, dtype=torch.float64)

    def squared(y: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
        return (y - d).square()

    torch.manual_seed(5)
    found = []
    for _ in TBPTT(4, 8)(model, x, d, squared):
        found.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
        model.zero_grad()
    assert len(found) == 3
    torch.manual_seed(5)
    y, state = model(x[:4])
    later, _ = model(x[4:8], state)
    for update, outputs in enumerate((y, later)):
        target = d[4 * update : 4 * update + 4]
        expected = torch.autograd.grad(
            squared(outputs, target).mean(), [*model.parameters()], retain_graph=True
        )
        for mine, other in zip(found[update], expected, strict=True):
            torch.testing.assert_close(mine, other, rtol=0, atol=1e-14)


def test_it_is_shown_and_checked() -> None:
    assert "weight_dropout=0.4" in repr(layer())
    with pytest.raises(ValueError, match="weight_dropout is a share between 0 and 1, got 2"):
        tt.nn.Recurrent("gru", 1, 2, weight_dropout=2)
    with pytest.raises(ValueError, match=r"weight_dropout acts on .* has none; leave it at 0"):
        tt.nn.Recurrent("quasi_recurrent", 1, 2, weight_dropout=0.1)


def test_a_network_hands_its_options_on() -> None:
    made = tt.Network(
        "lstm", 1, 2, 1, recurrent_dropout=0.1, zoneout=(0.2, 0.3), weight_dropout=0.4
    )
    recurrent = made.recurrent
    assert (recurrent.recurrent_dropout, recurrent.zoneout) == (0.1, (0.2, 0.3))
    assert recurrent.weight_dropout == 0.4
