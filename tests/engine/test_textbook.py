"""The textbook's example: one tanh unit, three steps, the squared error at the third.

    s_t = tanh(W_x x_t + W_s s_{t-1})    Y_t = W_y s_t    E_3 = (d_3 - Y_3)^2

Every factor is a number and every derivative is written out by the chain rule.
"""

import math

import pytest
import torch
from torch import Tensor

import throughtime as tt
from throughtime.engine import Recurrence, Weights
from throughtime.engine.textbook import roll_back, unroll
from throughtime.equations import evaluate

# ruff: noqa: N816  # the names of the textbook

W_x, W_s, W_y = 0.7, -1.2, 0.9
x = {1: 0.5, 2: -0.3, 3: 0.8}
d_3 = 0.4
s = {0: 0.25}
for t in (1, 2, 3):
    s[t] = math.tanh(W_x * x[t] + W_s * s[t - 1])
Y_3 = W_y * s[3]

dE_dY = -2 * (d_3 - Y_3)
dY_ds = W_y
slope = {t: 1 - s[t] ** 2 for t in (1, 2, 3)}  # of tanh, at each step
ds_ds = {t: slope[t] * W_s for t in (2, 3)}  # ds_t / ds_{t-1}

# dE_3/dW_s = sum over k of  dE/dY_3  dY_3/ds_3  ds_3/ds_k  ds_k/dW_s (s_{k-1} held fixed)
by_W_s = {
    3: dE_dY * dY_ds * slope[3] * s[2],
    2: dE_dY * dY_ds * ds_ds[3] * slope[2] * s[1],
    1: dE_dY * dY_ds * ds_ds[3] * ds_ds[2] * slope[1] * s[0],
}
by_W_x = {
    3: dE_dY * dY_ds * slope[3] * x[3],
    2: dE_dY * dY_ds * ds_ds[3] * slope[2] * x[2],
    1: dE_dY * dY_ds * ds_ds[3] * ds_ds[2] * slope[1] * x[1],
}
by_s = {  # what reaches each state
    3: dE_dY * dY_ds,
    2: dE_dY * dY_ds * ds_ds[3],
    1: dE_dY * dY_ds * ds_ds[3] * ds_ds[2],
    0: dE_dY * dY_ds * ds_ds[3] * ds_ds[2] * slope[1] * W_s,
}
exactly = {"rel": 1e-13, "abs": 1e-15}


def number(value: float, *shape: int) -> Tensor:
    return torch.full(shape, value, dtype=torch.float64)


@pytest.fixture
def recurrence() -> Recurrence:
    inputs = torch.tensor([x[1], x[2], x[3]], dtype=torch.float64).view(3, 1, 1)
    weights = Weights(W=number(W_x, 1, 1), U=number(W_s, 1, 1))
    return Recurrence(tt.cells.elman, inputs, (number(s[0], 1, 1),), weights)


@pytest.fixture
def network() -> tt.Network:
    network = tt.Network("elman", 1, 1, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        network.recurrent.weight_ih_l0.fill_(W_x)
        network.recurrent.weight_hh_l0.fill_(W_s)
        network.readout.weight.fill_(W_y)
    return network


def third_only(outputs: Tensor, targets: Tensor) -> Tensor:
    losses = (targets - outputs) ** 2
    return losses * torch.tensor([0.0, 0.0, 1.0], dtype=losses.dtype).view(3, 1, 1)


def test_the_states_are_those_of_the_textbook(recurrence: Recurrence) -> None:
    unrolled = unroll(recurrence)
    assert unrolled.outputs.flatten().tolist() == pytest.approx([s[1], s[2], s[3]], **exactly)
    before = unrolled.trajectory.states[0]
    assert before.flatten().tolist() == pytest.approx([s[0], s[1], s[2]], **exactly)
    assert float(unrolled.final[0]) == pytest.approx(s[3], **exactly)


def test_each_term_is_the_textbooks(recurrence: Recurrence) -> None:
    """The terms for k = 3, 2, 1, itemised: what reaches a state, times its step's derivative."""
    explicit = torch.zeros(3, 1, 1, dtype=torch.float64)
    explicit[2] = dE_dY * dY_ds  # dE_3/ds_3; no other step has an error
    trajectory = unroll(recurrence).trajectory
    gradients = roll_back(recurrence, trajectory, explicit, [number(0.0, 1, 1)])

    (after,) = gradients.after
    assert after.flatten().tolist() == pytest.approx([by_s[1], by_s[2], by_s[3]], **exactly)
    assert float(gradients.state[0]) == pytest.approx(by_s[0], **exactly)

    adjoint = tt.cells.elman.adjoint
    for k in (3, 2, 1):
        pre_activations = {"wx.a": number(W_x * x[k]), "uh.a": number(W_s * s[k - 1])}
        values = pre_activations | evaluate(adjoint.forward, pre_activations)
        values["d.next.h"] = after[k - 1, 0, 0]
        backward = evaluate(adjoint.backward, values)
        assert float(backward["d.uh.a"] * s[k - 1]) == pytest.approx(by_W_s[k], **exactly)
        assert float(backward["d.wx.a"] * x[k]) == pytest.approx(by_W_x[k], **exactly)

    assert float(gradients.U) == pytest.approx(sum(by_W_s.values()), **exactly)
    assert float(gradients.W) == pytest.approx(sum(by_W_x.values()), **exactly)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_term_is_what_autograd_gives_for_a_weight_used_at_one_step(k: int) -> None:
    """Three copies of the weight, one a step: the terms are their separate gradients."""
    copies = {t: number(W_s).requires_grad_() for t in (1, 2, 3)}
    state = number(s[0])
    for t in (1, 2, 3):
        state = torch.tanh(W_x * x[t] + copies[t] * state)
    ((d_3 - W_y * state) ** 2).backward()
    assert float(copies[k].grad) == pytest.approx(by_W_s[k], **exactly)


def test_the_sum_of_the_terms_is_in_grad(network: tt.Network) -> None:
    inputs = torch.tensor([x[1], x[2], x[3]], dtype=torch.float64).view(3, 1, 1)
    targets = number(d_3, 3, 1, 1)
    start = number(s[0], 1, 1, 1).requires_grad_()
    (update,) = tt.BPTT(reduce="sum")(network, inputs, targets, third_only, start)

    recurrent = network.recurrent
    assert update.loss == pytest.approx((d_3 - Y_3) ** 2, **exactly)
    assert float(recurrent.weight_hh_l0.grad) == pytest.approx(sum(by_W_s.values()), **exactly)
    assert float(recurrent.weight_ih_l0.grad) == pytest.approx(sum(by_W_x.values()), **exactly)
    assert float(network.readout.weight.grad) == pytest.approx(dE_dY * s[3], **exactly)
    assert float(start.grad) == pytest.approx(by_s[0], **exactly)


def test_errors_at_every_step_add_up(network: tt.Network) -> None:
    """The gradient of E_1 + E_2 + E_3 is the sum of the three gradients."""
    inputs = torch.tensor([x[1], x[2], x[3]], dtype=torch.float64).view(3, 1, 1)
    targets = torch.tensor([0.1, -0.6, d_3], dtype=torch.float64).view(3, 1, 1)
    start = number(s[0], 1, 1, 1)
    wanted = torch.nn.MSELoss(reduction="none")
    list(tt.BPTT(reduce="sum")(network, inputs, targets, wanted, start))

    total = 0.0
    for last in (1, 2, 3):
        reaching = -2 * (float(targets[last - 1]) - W_y * s[last]) * W_y
        for k in range(last, 0, -1):
            total += reaching * slope[k] * s[k - 1]
            reaching *= slope[k] * W_s
    assert float(network.recurrent.weight_hh_l0.grad) == pytest.approx(total, **exactly)
