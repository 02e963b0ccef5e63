"""The sparse n-step approximation against its definition, and against what it is a part of."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd.functional import jacobian
from torch.func import functional_call

import throughtime as tt
from tests.gradients.online_cases import Problem, differences, exact, problem
from throughtime.gradients import SnAp

DENSE = [name for name, cell in tt.cells.registry.items() if cell.recurrent_gates]
ELEMENTWISE = [name for name in tt.cells.registry if name not in DENSE]


def worst(case: Problem, method: SnAp) -> float:
    return max(differences(case.gradients(method), exact(case)).values())


@pytest.mark.parametrize("cell", DENSE)
@pytest.mark.parametrize("layers", [1, 2])
def test_two_steps_reach_all_units_of_a_dense_cell(cell: str, layers: int) -> None:
    case = problem(cell, layers, ragged=True)
    assert worst(case, SnAp(2, 3, "sum")) < 1e-10
    assert worst(case, SnAp(1, 3, "sum")) > 1e-6, "order 1 leaves something out"


@pytest.mark.parametrize("cell", ELEMENTWISE)
@pytest.mark.parametrize("layers", [1, 3])
def test_one_step_is_exact_where_units_do_not_hear_each_other(cell: str, layers: int) -> None:
    assert worst(problem(cell, layers, ragged=True), SnAp(1, reduce="sum")) < 1e-10


def by_definition(case: Problem, order: int) -> dict[str, Tensor]:
    """Menick et al. (2020), with whole Jacobians from autograd and a mask over them.

    The mask is of units: all states of a unit are reached together.
    """
    layer = case.model.recurrent
    named = {n: p.detach() for n, p in layer.named_parameters()}
    K, H = len(layer.cell.states), layer.hidden_size
    theta = torch.cat([p.flatten() for p in named.values()])
    unit_of = torch.cat(  # the unit that a weight belongs to
        [
            torch.arange(len(p)).remainder(H).view(-1, *(1,) * (p.dim() - 1)).expand_as(p).flatten()
            for p in named.values()
        ]
    )
    hearing = torch.eye(H, dtype=torch.bool)
    hearing |= (named["weight_hh_l0"].view(-1, H, H) != 0).any(0)
    reach = torch.eye(H, dtype=torch.bool)
    for _ in range(order - 1):
        reach = (hearing.double() @ reach.double()) > 0
    mask = reach[:, unit_of].repeat(K, 1).double()  # [K H, weights]

    total = torch.zeros_like(theta)
    for row in range(case.inputs.shape[1]):

        def step(state: Tensor, theta: Tensor, x: Tensor) -> Tensor:
            parts = theta.split([p.numel() for p in named.values()])
            weights = {n: q.view_as(p) for (n, p), q in zip(named.items(), parts, strict=True)}
            given: Any = tuple(s.view(1, 1, H) for s in state.split(H))
            _, after = functional_call(
                layer, weights, (x[None, None], given if K > 1 else given[0])
            )
            return torch.cat([s.flatten() for s in (after if K > 1 else (after,))])

        state = torch.zeros(K * H, dtype=torch.float64)
        influence = torch.zeros(K * H, len(theta), dtype=torch.float64)
        for x, d in zip(case.inputs[:, row], case.targets[:, row], strict=True):
            by_state, by_theta = jacobian(lambda s, w, x=x: step(s, w, x), (state, theta))
            influence = mask * (by_state @ influence + by_theta)
            state = step(state, theta, x)
            h = state[:H].detach().requires_grad_()
            (by_h,) = torch.autograd.grad((case.model.read(h) - d).square().sum(), h)
            total += by_h @ influence[:H]
    parts = total.split([p.numel() for p in named.values()])
    return {n: part.view_as(p) for (n, p), part in zip(named.items(), parts, strict=True)}


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm_peephole"])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_it_is_what_its_definition_says(cell: str, order: int) -> None:
    case = problem(cell, H=5, T=6, B=2, started=False)
    U = case.model.recurrent.weight_hh_l0
    with torch.no_grad():  # a sparse network: each unit hears the next, and few others
        U *= (torch.eye(5).roll(1, 1) + torch.eye(5)).repeat(len(U) // 5, 1)
    with tt.engine.use("reference"):
        expected = by_definition(case, order)
    found = case.gradients(SnAp(order, reduce="sum"))
    for name, gradient in expected.items():
        torch.testing.assert_close(found[f"recurrent.{name}"], gradient, rtol=1e-9, atol=1e-11)
    other = case.gradients(SnAp(order + 1, reduce="sum"))  # a control: the order is noticed
    assert not torch.allclose(other["recurrent.bias_hh_l0"], found["recurrent.bias_hh_l0"])


def test_more_steps_come_closer() -> None:
    case = problem("gru", H=6, T=12, started=False)
    U = case.model.recurrent.weight_hh_l0
    with torch.no_grad():
        U *= (torch.eye(6).roll(1, 1) + torch.eye(6)).repeat(3, 1)
    errors = [worst(case, SnAp(order, reduce="sum")) for order in range(1, 7)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 1e-3
    assert errors[-1] < 1e-10


def test_one_step_takes_the_memory_of_the_weights() -> None:
    case = problem("lstm", H=20, started=False)
    (*_, update) = case.run(SnAp())
    weights = sum(p.numel() for p in case.model.recurrent.parameters())
    assert update.info["carried"] == 4 * 2 * weights


@pytest.mark.parametrize("wrong", [0, -1, 1.0, True, None])
def test_the_order_is_a_number_of_steps(wrong: Any) -> None:
    with pytest.raises(ValueError, match="order is a whole number of steps"):
        SnAp(wrong)


def test_it_shows_its_order() -> None:
    assert repr(SnAp(2, 3)) == "SnAp(order=2, k1=3, reduce='mean')"


@pytest.mark.parametrize("order", [1, 2])
def test_the_default_type_of_numbers_does_not_matter(
    order: int,
) -> None:
    case = problem("gru", 2)
    expected = case.gradients(SnAp(order))
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        found = case.gradients(SnAp(order))
    finally:
        torch.set_default_dtype(before)
    assert max(float((found[name] - expected[name]).abs().max()) for name in found) == 0
