"""Recurrent (variational) dropout and zoneout, options of `Recurrent`."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import linear

import throughtime as tt
from throughtime.nn.dropping import kept


def layer(cell: str = "elman", **options: object) -> tt.nn.Recurrent:
    torch.manual_seed(0)
    return tt.nn.Recurrent(cell, 3, 40, dtype=torch.float64, **options)


def inputs(T: int = 6, B: int = 5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(T, B, 3, dtype=torch.float64, generator=generator)


def test_recurrent_dropout_drops_the_same_units_at_every_step() -> None:
    made = layer(recurrent_dropout=0.5)
    x, weights = inputs(), made.weights(0)
    torch.manual_seed(7)
    y, _ = made(x)
    # Each row's factors solve what the first step that uses a state says, and hold for the others.
    torch.manual_seed(7)
    factors = kept((5, 40), 0.5, x)
    assert set(factors.unique().tolist()) == {0.0, 2.0}
    h = torch.zeros(5, 40, dtype=torch.float64)
    for t in range(6):
        h = torch.tanh(
            linear(x[t], weights.W, weights.b) + linear(h * factors, weights.U, weights.c)
        )
        torch.testing.assert_close(y[t], h, rtol=0, atol=1e-13)


def test_zoneout_keeps_old_values_and_takes_new_ones() -> None:
    made = layer(zoneout=0.4)
    y, _ = made(inputs(T=50))
    before = torch.cat([torch.zeros(1, 5, 40, dtype=torch.float64), y[:-1]])
    kept = (y == before).double().mean()
    assert 0.37 < float(kept) < 0.43


def test_zoneout_in_evaluation_takes_the_expected_share() -> None:
    made = layer(zoneout=0.4).eval()
    x, weights = inputs(), made.weights(0)
    h = torch.zeros(5, 40, dtype=torch.float64)
    for t, found in enumerate(made(x)[0]):
        new = torch.tanh(linear(x[t], weights.W, weights.b) + linear(h, weights.U, weights.c))
        h = 0.4 * h + 0.6 * new
        torch.testing.assert_close(found, h, rtol=0, atol=1e-13)


def test_zoneout_of_each_state() -> None:
    made = layer("lstm", zoneout=(0.0, 1.0))
    start = (torch.zeros(1, 5, 40, dtype=torch.float64), torch.rand(1, 5, 40, dtype=torch.float64))
    _, (h, c) = made(inputs(), start)
    assert torch.equal(c, start[1])  # never let go
    assert not torch.equal(h, start[0])


@pytest.mark.parametrize("training", [True, pytest.param(False, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("cell", ["gru", pytest.param("lstm_peephole", marks=pytest.mark.thorough)])
def test_gradients(cell: str, training: bool) -> None:
    torch.manual_seed(0)
    made = tt.nn.Recurrent(
        cell, 2, 3, num_layers=2, bidirectional=True, recurrent_dropout=0.3, zoneout=0.2,
        dtype=torch.float64,
    ).train(training)  # fmt: skip
    x = torch.randn(4, 3, 2, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([4, 1, 3])

    def run(x: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(5)  # the same draw at every evaluation
        named = dict(zip(dict(made.named_parameters()), weights, strict=True))
        return torch.func.functional_call(made, named, (x, None, lengths))[0]

    tensors = (x, *made.parameters())
    assert torch.autograd.gradcheck(run, tensors, fast_mode=True)
    assert torch.autograd.gradgradcheck(run, tensors, fast_mode=True)


def test_neither_acts_unless_asked_for() -> None:
    plain, x = layer(), inputs()
    assert torch.equal(layer(recurrent_dropout=0.0, zoneout=0.0)(x)[0], plain(x)[0])
    dropped = layer(recurrent_dropout=0.5)
    assert not torch.equal(dropped(x)[0], plain(x)[0])
    assert torch.equal(dropped.eval()(x)[0], plain(x)[0])


def test_they_are_shown() -> None:
    shown = repr(tt.nn.Recurrent("lstm", 1, 2, recurrent_dropout=0.25, zoneout=(0.5, 0.1)))
    assert "recurrent_dropout=0.25, zoneout=(0.5, 0.1)" in shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recurrent_dropout": 1.5}, "recurrent_dropout is a share between 0 and 1, got 1.5"),
        ({"zoneout": -0.1}, "zoneout is a share between 0 and 1, got -0.1"),
        ({"recurrent_dropout": "0.1"}, "recurrent_dropout is a share .*, got '0.1'"),
        ({"recurrent_dropout": None}, "recurrent_dropout is a share .*, got None"),
        ({"zoneout": None}, r"zoneout must be one number, or .*\(h, c\); got None"),
        ({"zoneout": "ab"}, r"zoneout must be one number, or .*; got 'ab'"),
        ({"zoneout": {"h": 0.1, "c": 0.1}}, r"zoneout must be one number, or .*; got {'h"),
        ({"zoneout": (0.1, "0.1")}, r"zoneout must be one number, or .*; got \(0.1, '0.1'\)"),
        ({"zoneout": (0.1, 0.1, 0.1)}, r"one for each state of cell 'lstm' \(h, c\); got 3"),
    ],
)
def test_shares_are_checked(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tt.nn.Recurrent("lstm", 1, 2, **options)


def test_numbers_of_numpys_are_shares() -> None:
    made = layer("lstm", zoneout=np.float32(0.25), recurrent_dropout=np.float64(0.5))
    assert (made.zoneout, made.recurrent_dropout) == ((0.25, 0.25), 0.5)


@pytest.mark.parametrize(
    "cell", [name for name, cell in tt.cells.registry.items() if not cell.recurrent_gates]
)
def test_recurrent_dropout_needs_recurrent_weights(cell: str) -> None:
    with pytest.raises(ValueError, match=f"and cell '{cell}' has none; leave it at 0"):
        tt.nn.Recurrent(cell, 1, 2, recurrent_dropout=0.1)


@pytest.mark.parametrize("zoneout", [0.1, (0.1, 0.1, 0.1, 0.1), (0, 0.1, 0, 0), (0, 0, 0, 0.1)])
def test_states_that_mean_something_only_together_are_not_kept_alone(zoneout: Any) -> None:
    message = r"states c, n, m of cell 'slstm' .* only together; give zoneout=\(p, 0, 0, 0\), got"
    with pytest.raises(ValueError, match=message):
        tt.nn.Recurrent("slstm", 1, 2, zoneout=zoneout)


def test_the_others_may_be_kept() -> None:
    made = layer("slstm", zoneout=(1.0, 0, 0, 0))
    start = tuple(torch.rand(1, 5, 40, dtype=torch.float64) for _ in range(4))
    _, (h, c, _, _) = made(inputs(), start)
    assert torch.equal(h, start[0])
    assert not torch.equal(c, start[1])
    assert layer("slstm", zoneout=0.0).zoneout == (0.0,) * 4


def test_a_cell_of_states_that_all_go_together() -> None:
    @tt.cell(gates="a", state="h m", together="h m")
    def paired(wx, uh, h, m):
        return h + wx.a, m + uh.a

    with pytest.raises(ValueError, match=r"leave zoneout at 0, got 0\.5"):
        tt.nn.Recurrent(paired, 1, 2, zoneout=0.5)
