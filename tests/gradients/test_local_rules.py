"""E-prop and RFLO: local traces, against what they leave out of the exact gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear

import throughtime as tt
from tests.gradients.online_cases import Problem, differences, exact, problem, squared
from throughtime.engine.textbook.steps import split
from throughtime.equations import evaluate
from throughtime.gradients import RFLO, RTRL, EProp
from throughtime.gradients.eprop import carries_on
from throughtime.gradients.rflo import is_rate_cell

KEPT = [name for name, cell in tt.cells.registry.items() if carries_on(cell)]


def held(case: Problem, hold: bool = True) -> dict[str, Tensor]:
    """Differentiate with h held wherever U multiplies it, and all but the present step's x.

    A loss at a time, from the first step on; `hold` holds the state inside the product.
    """
    layer, T = case.model.recurrent, len(case.inputs)
    given = case.state if isinstance(case.state, tuple) else (case.state,)
    total = torch.zeros((), dtype=torch.float64)
    for last in range(T):
        states = [[s[place].detach() for s in given] for place in range(layer.num_layers)]
        for t in range(last + 1):
            x = case.inputs[t]
            for place, before in enumerate(states):
                own, names = layer.weights(place), layer.cell
                values = dict(zip(names.states, before, strict=True))
                values |= dict(zip(names.units, own.units, strict=True))
                if own.W is not None:
                    values |= split(linear(x, own.W, own.b), names.input_gates, "wx.")
                if own.U is not None:
                    h = before[0].detach() if hold else before[0]
                    values |= split(linear(h, own.U, own.c), names.recurrent_gates, "uh.")
                after = evaluate(names.step, values)
                states[place] = [after[f"next.{name}"] for name in names.states]
                x = states[place][0] if t == last else states[place][0].detach()
        total = total + squared(case.model.read(x), case.targets[last]).sum()
    named = dict(case.model.named_parameters())
    found = torch.autograd.grad(total, list(named.values()))
    return dict(zip(named, found, strict=True))


def unlearned(case: Problem) -> Problem:
    """Give a problem whose start does not learn."""
    given = case.state if isinstance(case.state, tuple) else (case.state,)
    state = tuple(s.detach() for s in given)
    case.state = state if len(state) > 1 else state[0]
    return case


@pytest.mark.parametrize("cell", KEPT)
@pytest.mark.parametrize("layers", [1, 2])
def test_eprop_is_the_gradient_with_what_is_said_held(cell: str, layers: int) -> None:
    case = unlearned(problem(cell, layers, T=6, B=2))
    found = case.gradients(EProp(2, "sum"))
    assert max(differences(found, held(case)).values()) < 1e-10


@pytest.mark.parametrize("cell", ["gru", "lstm", "leaky"])
def test_what_is_said_makes_a_difference(cell: str) -> None:
    """A control for the one above: the oracle and the exact gradient are told apart."""
    case = unlearned(problem(cell, T=6, B=2))
    found = case.gradients(EProp(reduce="sum"))
    assert max(differences(held(case, hold=False), exact(case)).values()) < 1e-10
    assert max(differences(found, held(case, hold=False)).values()) > 1e-4


@pytest.mark.parametrize(
    "cell", [name for name in KEPT if not tt.cells.registry[name].recurrent_gates]
)
def test_eprop_is_exact_where_units_do_not_hear_each_other(cell: str) -> None:
    case = problem(cell, ragged=True)
    assert max(differences(case.gradients(EProp(reduce="sum")), exact(case)).values()) < 1e-10


@pytest.mark.parametrize("cell", ["elman", "elman_relu"])
def test_eprop_refuses_cells_that_carry_nothing_on(cell: str) -> None:
    case = problem(cell)
    message = rf"EProp.*cell '{cell}' has all its memory in U.*defined for independent, gru, .*RTRL"
    with pytest.raises(ValueError, match=message):
        case.run(EProp())


def murray(case: Problem, leak: float, feedback: Tensor) -> dict[str, Tensor]:
    """Murray (2019), its rule, number by number."""
    layer = case.model.recurrent
    W, U = layer.weight_ih_l0.detach(), layer.weight_hh_l0.detach()
    b = (layer.bias_ih_l0 + layer.bias_hh_l0).detach()
    H = len(W)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    total = {f"recurrent.{n}": torch.zeros_like(getattr(layer, n)) for n in names}
    for row in range(case.inputs.shape[1]):
        h = case.state[0, row].detach()
        traces = {name: torch.zeros_like(t) for name, t in total.items()}
        for x, d in zip(case.inputs[:, row], case.targets[:, row], strict=True):
            phi = torch.tanh(W @ x + U @ h + b)
            for i in range(H):
                slope = leak * (1 - phi[i] ** 2)
                for name, heard in zip(traces, (x, h, None, None), strict=True):
                    p = traces[name]
                    p[i] = (1 - leak) * p[i] + slope * (1 if heard is None else heard)
            h = (1 - leak) * h + leak * phi
            error = 2 * (case.model.readout(h).detach() - d)
            for i in range(H):
                back = sum(feedback[o, i] * error[o] for o in range(len(error)))
                for name, p in traces.items():
                    total[name][i] += back * p[i]
    return total


def test_rflo_is_what_murray_wrote() -> None:
    case = unlearned(problem(tt.cells.leaky.replace(leak=0.3), H=4, T=6, B=2))
    method = RFLO(seed=5, reduce="sum")
    found = case.gradients(method)
    for name, gradient in murray(case, 0.3, method.weights(2, 4)).items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-10, atol=1e-12)
    other = murray(case, 0.3, RFLO(seed=6).weights(2, 4))  # a control: the feedback is noticed
    assert not torch.allclose(found["recurrent.bias_ih_l0"], other["recurrent.bias_ih_l0"])
    for name in ("readout.weight", "readout.bias"):
        torch.testing.assert_close(found[name], exact(case)[name])


@pytest.mark.parametrize("cell", ["leaky", "elman"])
def test_rflo_with_the_readouts_feedback_is_the_held_gradient(cell: str) -> None:
    case = unlearned(problem(cell, output_activation="tanh"))
    found = case.gradients(RFLO("readout", reduce="sum"))
    assert max(differences(found, held(case)).values()) < 1e-10


def test_rflo_knows_which_cells_it_is_defined_for() -> None:
    defined = [name for name, cell in tt.cells.registry.items() if is_rate_cell(cell)]
    assert defined == ["elman", "elman_relu", "leaky"]
    for name in tt.cells.registry.keys() - {*defined}:
        with pytest.raises(ValueError, match=f"'{name}' is not; .* for elman, elman_relu, leaky;"):
            problem(name).run(RFLO())


@pytest.mark.parametrize("method", [EProp(), RFLO(), RFLO("readout")])
def test_they_learn_online(method: Any) -> None:
    model = tt.Network(tt.cells.leaky.replace(leak=0.3), 1, 24, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    x = torch.randn(500, 8, 1)
    d, slow = [], torch.zeros(8, 1)
    for x_t in x:  # a running mean
        slow = 0.7 * slow + 0.3 * x_t
        d.append(slow)
    losses = []
    for update in method(model, x, torch.stack(d), squared):
        losses.append(update.loss)
        optimizer.step()
        optimizer.zero_grad()
    assert sum(losses[-50:]) < 0.5 * sum(losses[:50])


@pytest.mark.parametrize("method", [EProp, RFLO])
def test_memory_is_that_of_the_weights(method: Any) -> None:
    case = problem("leaky", H=20, started=False)
    (*_, update) = case.run(method())
    assert update.info["carried"] == 4 * sum(p.numel() for p in case.model.recurrent.parameters())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (tt.Network("leaky", 2, 3, 2, num_layers=2), "defined for one layer, .* has 2; use EProp"),
        (tt.nn.Recurrent("leaky", 2, 2), r'Recurrent has none that it knows; .*"readout"'),
    ],
)
def test_rflo_refuses_other_networks(model: Any, message: str) -> None:
    x = torch.zeros(3, 1, 2)
    with pytest.raises(ValueError, match=message):
        list(RFLO()(model, x, x, squared))


def test_a_feedback_that_is_unknown_is_refused() -> None:
    with pytest.raises(ValueError, match=r'"random" or "readout"; got "|got \'both\''):
        RFLO("both")  # type: ignore[arg-type]


def test_they_show_how_they_were_made() -> None:
    assert repr(EProp(2)) == "EProp(k1=2, reduce='mean')"
    assert repr(RFLO(seed=1)) == "RFLO(feedback='random', seed=1, k1=1, reduce='mean')"


def test_the_traces_alone_are_not_the_influence() -> None:
    case = problem("leaky")
    found, other = case.gradients(EProp(reduce="sum")), case.gradients(RTRL(reduce="sum"))
    assert max(differences(found, other).values()) > 1e-5
