"""Real-time recurrent learning against backpropagation through time."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from tests.gradients.online_cases import differences, exact, problem, squared
from throughtime.gradients import RTRL, influence
from throughtime.gradients.one_step import LayerStep

each_cell = pytest.mark.parametrize("cell", tt.cells.registry)


@each_cell
@pytest.mark.parametrize(("layers", "ragged", "k1"), [(1, False, 1), (1, True, 3), (3, True, 1)])
def test_the_updates_add_up_to_the_exact_gradient(
    cell: str, layers: int, ragged: bool, k1: int
) -> None:
    case = problem(cell, layers, ragged=ragged)
    found = case.gradients(RTRL(k1, reduce="sum"))
    assert max(differences(found, exact(case)).values()) < 1e-10


def test_each_update_is_the_gradient_of_its_own_losses() -> None:
    case = problem("lstm", 2, ragged=True)
    parameters = list(case.model.parameters())
    arguments = (case.model, case.inputs, case.targets, squared, case.state, case.lengths)
    for update in RTRL(3)(*arguments, case.reset):
        begin, end = update.steps.start, min(update.steps.stop, 8)
        found = [p.grad.clone() for p in parameters]
        case.model.zero_grad()
        # What was lost up to here, less what was lost before: the same weights all along.
        by_end = []
        for T in (end, begin):
            if T:
                lengths = case.lengths.clamp(max=T)
                given = (case.inputs[:T], case.targets[:T], squared, case.state, lengths)
                (whole,) = tt.BPTT(reduce="sum")(case.model, *given, case.reset[:T])
                by_end.append((whole.loss, [p.grad.clone() for p in parameters]))
                case.model.zero_grad()
            else:
                by_end.append((0.0, [torch.zeros_like(p) for p in parameters]))
        count = 2 * int((case.lengths.clamp(max=end) - case.lengths.clamp(max=begin)).sum())
        assert update.loss == pytest.approx((by_end[0][0] - by_end[1][0]) / count)
        for mine, late, early in zip(found, by_end[0][1], by_end[1][1], strict=True):
            torch.testing.assert_close(mine, (late - early) / count, rtol=1e-9, atol=1e-12)


def test_the_influence_of_a_step_that_is_left_out_is_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A negative control: with a term of the recursion left out, every cell with U is noticed."""

    def deaf(before: influence.Block, step: LayerStep, heard: Any) -> influence.Block:
        return advanced(before, step, None)

    advanced = influence.advanced
    monkeypatch.setattr(influence, "advanced", deaf)
    for name, cell in tt.cells.registry.items():
        if cell.recurrent_gates:
            case = problem(cell)
            worst = max(differences(case.gradients(RTRL(reduce="sum")), exact(case)).values())
            assert worst > 1e-6, name


def test_without_recurrent_weights_memory_is_linear_in_the_weights() -> None:
    for cell in ("independent", "simple_recurrent_unit", "quasi_recurrent"):
        case = problem(cell, H=20, started=False)
        (*_, update) = case.run(RTRL())
        K = len(tt.cells.registry[cell].states)
        weights = sum(p.numel() for p in case.model.recurrent.parameters())
        assert update.info["carried"] == 4 * K * weights
    dense = problem("elman", H=20, started=False)
    (*_, update) = dense.run(RTRL())
    weights = sum(p.numel() for p in dense.model.recurrent.parameters())
    assert update.info["carried"] == 4 * 20 * weights


def test_the_influence_goes_on_where_the_optimiser_steps() -> None:
    """Williams & Zipser's recursion with weights that change, written out for one unit."""
    model = tt.nn.Recurrent("elman", 1, 1, bias=False, dtype=torch.float64)
    x, d = torch.randn(2, 6, 1, 1, dtype=torch.float64)
    w, u = (float(p.detach()) for p in model.parameters())
    h, by_w, by_u = 0.0, 0.0, 0.0
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for t, _ in enumerate(RTRL(reduce="sum")(model, x, d, squared)):
        new = float(torch.tanh(torch.tensor(w * float(x[t]) + u * h, dtype=torch.float64)))
        slope = 1 - new * new
        by_w, by_u = slope * (float(x[t]) + u * by_w), slope * (h + u * by_u)
        error, h = 2 * (new - float(d[t])), new
        assert float(model.weight_ih_l0.grad) == pytest.approx(error * by_w, rel=1e-12)
        assert float(model.weight_hh_l0.grad) == pytest.approx(error * by_u, rel=1e-12)
        w, u = w - 0.1 * error * by_w, u - 0.1 * error * by_u
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize("kind", [tt.nn.RNN, tt.nn.GRU, tt.nn.LSTM])
def test_it_takes_layers_that_stand_in_for_those_of_torch(kind: Any) -> None:
    model = kind(2, 3, num_layers=2, dtype=torch.float64)
    x, d = torch.randn(6, 2, 2).double(), torch.randn(6, 2, 3).double()
    (before,) = tt.BPTT(reduce="sum")(model, x, d, squared)
    expected = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    (*_, update) = RTRL(reduce="sum")(model, x, d, squared)
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-10, atol=1e-12)
    assert type(update.state) is type(before.state)


def test_frozen_weights_take_no_memory_and_change_nothing_else() -> None:
    case = problem("gru", started=False)
    full = case.gradients(RTRL(reduce="sum"))
    (*_, before) = case.run(RTRL())
    case.model.recurrent.weight_hh_l0.requires_grad_(False)
    found = case.gradients(RTRL(reduce="sum"))
    (*_, after) = case.run(RTRL())
    assert full.keys() - found.keys() == {"recurrent.weight_hh_l0"}
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, full[name])
    assert before.info["carried"] - after.info["carried"] == 4 * 3 * (9 * 3)


def test_weights_that_are_computed_from_others_hand_their_gradient_on() -> None:
    case = problem("gru")
    nn.utils.parametrizations.weight_norm(case.model.recurrent, "weight_hh_l0")
    found = case.gradients(RTRL(reduce="sum"))
    assert any("original0" in name for name in found)
    assert max(differences(found, exact(case)).values()) < 1e-10


def test_a_readout_of_any_kind_learns_too() -> None:
    case = problem("gru", output_activation="softplus")
    found = case.gradients(RTRL(2, reduce="sum"))
    assert max(differences(found, exact(case)).values()) < 1e-10


def test_it_learns_online() -> None:
    """Echo the input of three steps ago, an update a step."""
    torch.manual_seed(0)
    model = tt.Network("gru", 1, 12, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    x = torch.randint(2, (600, 8, 1)).float()
    losses = []
    for update in RTRL()(model, x, x.roll(3, 0), squared):
        losses.append(update.loss)
        optimizer.step()
        optimizer.zero_grad()
    assert sum(losses[-50:]) < 0.3 * sum(losses[:50])


# What is refused.


@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, "3", None])
def test_steps_between_updates_are_a_number(wrong: Any) -> None:
    with pytest.raises(ValueError, match="k1 is a whole number of steps"):
        RTRL(wrong)


@tt.cell(gates="a", state="h")
def normalised(wx: Any, uh: Any, h: Any) -> Any:
    """Hear all units at once."""
    return tt.tanh(tt.layer_norm(wx.a + uh.a))


@pytest.mark.parametrize(
    ("model", "fault", "message"),
    [
        (tt.Network("gru", 2, 3, 2, bidirectional=True), ValueError, "recurrent is bidirectional"),
        (tt.Network("gru", 2, 3, 2, num_layers=2, dropout=0.5), ValueError, "dropout=0.5; set"),
        (tt.nn.Recurrent("gru", 2, 2, recurrent_dropout=0.2), ValueError, "recurrent_dropout=0.2"),
        (tt.nn.Recurrent("gru", 2, 2, weight_dropout=0.2), ValueError, "weight_dropout=0.2"),
        (tt.Network("gru", 2, 2, 2, readout_dropout=0.2), ValueError, "readout_dropout=0.2; set"),
        (tt.nn.Recurrent("gru", 2, 2, zoneout=0.1), ValueError, r"zoneout=\(0.1,\)"),
        (tt.nn.LSTM(2, 4, proj_size=2), ValueError, "proj_size=0"),
        (tt.Network(normalised, 2, 3, 2), ValueError, "'normalised' takes the mean over all units"),
        (nn.Linear(2, 2), TypeError, "got Linear; throughtime.nn.convert_"),
    ],
)
def test_what_it_cannot_do_is_refused_by_name(
    model: nn.Module, fault: type[Exception], message: str
) -> None:
    x = torch.zeros(3, 1, 2)
    with pytest.raises(fault, match=message):
        list(RTRL()(model, x, x, squared))


def test_a_forward_call_of_ones_own_is_refused() -> None:
    class Doubled(tt.Network):
        def forward(self, x: Tensor, state: Any = None, lengths: Any = None) -> Any:
            y, state = super().forward(x, state, lengths)
            return 2 * y, state

    x = torch.zeros(3, 1, 2)
    with pytest.raises(TypeError, match="got Doubled, whose forward call is its own"):
        list(RTRL()(Doubled("gru", 2, 3, 2), x, x, squared))


def test_dropout_is_none_in_evaluation() -> None:
    case = problem("gru", 2, dropout=0.5)
    case.model.eval()
    found = case.gradients(RTRL(reduce="sum"))
    assert max(differences(found, exact(case)).values()) < 1e-10


def test_an_influence_that_is_no_number_is_named_and_touches_nothing() -> None:
    model = tt.nn.Recurrent("independent", 1, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        model.u_l0.fill_(1e300)
        model.weight_ih_l0.fill_(1e-300)
    x = torch.zeros(4, 2, 1, dtype=torch.float64)
    start = torch.zeros(1, 2, 1, dtype=torch.float64)
    x[0, 1] = 1.0  # h is 1e-300, then 1, then 1e300; dh_t/dw is 1e300 times that
    updates = RTRL()(model, x, x, lambda y, d: y * 1e-300, start)
    with pytest.raises(FloatingPointError, match=r"not finite at step 2 \(row 1\).*no gradient"):
        _until_it_fails(updates, model)


def _until_it_fails(updates: Any, model: nn.Module) -> None:
    before = None
    try:
        for _ in updates:
            before = [p.grad.clone() for p in model.parameters()]
    finally:
        assert before is not None
        for parameter, gradient in zip(model.parameters(), before, strict=True):
            assert torch.equal(parameter.grad, gradient)
            assert gradient.isfinite().all()
