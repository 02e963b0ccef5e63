"""The itemised gradient against autograd on a plainly written loop. All of it takes 6 seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from tests.contracts import plain
from tests.engine import test_textbook as textbook
from throughtime.engine import Weights
from throughtime.flow.itemised import Itemised
from throughtime.flow.step_derivative import StepDerivative

squared = nn.MSELoss(reduction="none")
T, B, I, H, O = 5, 3, 2, 2, 2  # noqa: E741
each_cell = pytest.mark.parametrize("cell", tt.cells.registry)


@dataclass
class Case:
    network: tt.Network
    x: Tensor
    d: Tensor
    start: tuple[Tensor, ...]
    lengths: Tensor | None

    def itemise(self, step: int) -> Itemised:
        state = self.start if len(self.start) > 1 else self.start[0]
        return tt.itemise(self.network, self.x, self.d, squared, step, state, self.lengths)


def case(cell: str | tt.Cell, layers: int = 2, ragged: bool = True, **options: Any) -> Case:
    torch.manual_seed(3)
    network = tt.Network(cell, I, H, O, num_layers=layers, dtype=torch.float64, **options)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)
    x, d = torch.randn(2, T, B, I, dtype=torch.float64)
    shape = (layers, B, H)
    start = tuple(torch.randn(shape, dtype=torch.float64) for _ in network.recurrent.cell.states)
    lengths = torch.tensor([T, 2, T]) if ragged else None
    if lengths is not None:
        x[2:, 1] = torch.nan
        d[2:, 1] = torch.nan
    return Case(network, x, d, start, lengths)


@dataclass
class Truth:
    """A plain run with weights of its own at each step, and states that can be cut at each step.

    Attributes:
        error: E at the step.
        copies: For each step, the weights by name.
        joint: All states after each step, [N] a row; the first entry is before the first step.
    """

    error: Tensor
    copies: list[dict[str, Tensor]]
    joint: list[list[Tensor]]


def loop(case: Case, step: int) -> Truth:
    """Run row by row and step by step; autograd differentiates it."""
    layer = case.network.recurrent
    run = plain.step_of(layer.cell)
    named = {f"recurrent.{n}": p for n, p in layer.named_parameters()}
    copies = [
        {name: p.detach().clone().requires_grad_() for name, p in named.items()}
        for _ in range(step + 1)
    ]

    def weights(t: int, number: int) -> Weights:
        def get(name: str) -> Tensor | None:
            return copies[t].get(f"recurrent.{name}_l{number}")

        units = tuple(copies[t][f"recurrent.{unit}_l{number}"] for unit in layer.cell.units)
        return Weights(
            get("weight_ih"), get("weight_hh"), get("bias_ih"), get("bias_hh"), units=units
        )

    joint: list[list[Tensor]] = []
    error = torch.zeros((), dtype=torch.float64)
    L, K = layer.num_layers, len(layer.cell.states)
    for row in range(B):
        first = torch.stack([s[:, row] for s in case.start], 1)  # [L, K, H]
        found = [first.flatten().requires_grad_()]
        length = T if case.lengths is None else int(case.lengths[row])
        for t in range(step + 1):
            before = found[-1].view(L, K, H)
            if t >= length:
                found.append(found[-1].clone())
                continue
            below, new = case.x[t, row], []
            for number in range(L):
                own = weights(t, number)
                S = list(before[number])
                a = plain.affine(own.W, below, own.b)
                new.append(torch.stack(run(a, plain.affine(own.U, S[0], own.c), S, own.units)))
                below = new[-1][0]
            found.append(torch.stack(new).flatten())
        if step < length:
            h = found[-1].view(L, K, H)[-1, 0]
            error = error + ((case.network.read(h) - case.d[step, row]) ** 2).sum()
        joint.append(found)
    return Truth(error, copies, joint)


def derivative(of: Tensor, by: Tensor) -> Tensor:
    if not of.requires_grad:
        return torch.zeros_like(by)
    (found,) = torch.autograd.grad(
        of, by, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return found


def jacobian(of: Tensor, by: Tensor) -> Tensor:
    return torch.stack([derivative(one, by) for one in of])


exactly: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-12}


@pytest.mark.parametrize(
    ("cell", "step"), [*((cell, 4) for cell in tt.cells.registry), ("lstm", 0), ("gru", 1)]
)
def test_each_term_is_autograds_for_weights_used_at_one_step(cell: str, step: int) -> None:
    drawn = case(cell)
    found, truth = drawn.itemise(step), loop(drawn, step)
    assert found.loss == pytest.approx(float(truth.error.detach()), rel=1e-12)
    assert set(truth.copies[0]) < set(found.names)
    for name in truth.copies[0]:
        terms = found.terms(name)
        for k in range(step + 1):
            expected = derivative(truth.error, truth.copies[k][name])
            torch.testing.assert_close(terms[k], expected, **exactly)


@pytest.mark.parametrize(
    ("cell", "activation"),
    [*((cell, "identity") for cell in tt.cells.registry), ("gru", "softmax"), ("lstm", "tanh")],
)
def test_the_terms_add_up_to_what_backpropagation_leaves(cell: str, activation: str) -> None:
    drawn = case(cell, output_activation=activation)
    only = torch.zeros(T, 1, 1, dtype=torch.float64)
    only[3] = 1

    def at_three(y: Tensor, d: Tensor) -> Tensor:
        return only * squared(y, d)

    state = drawn.start if len(drawn.start) > 1 else drawn.start[0]
    arguments = (drawn.network, drawn.x, drawn.d, at_three, state, drawn.lengths)
    list(tt.BPTT(reduce="sum")(*arguments))
    found = drawn.itemise(3)
    assert {*found.names} == {name for name, _ in drawn.network.named_parameters()}
    for name, parameter in drawn.network.named_parameters():
        torch.testing.assert_close(found.gradient(name), parameter.grad, **exactly)


@each_cell
def test_the_factors_are_autograds(cell: str) -> None:
    drawn, step = case(cell), 3
    found, truth = drawn.itemise(step), loop(drawn, step)
    places = [(place.layer, place.state, place.unit) for place in found.places]
    states = drawn.network.recurrent.cell.states
    assert places == [(n, s, u) for n in range(2) for s in states for u in range(H)]
    for row, joint in enumerate(truth.joint):
        for k in range(-1, step + 1):
            torch.testing.assert_close(found.states[k + 1, row], joint[k + 1].detach(), **exactly)
            expected = jacobian(joint[-1], joint[k + 1])
            torch.testing.assert_close(found.state_by_state(k)[row], expected, **exactly)
            expected = derivative(truth.error, joint[k + 1])
            torch.testing.assert_close(found.by_state[k + 1, row], expected, **exactly)
            if k >= 0:
                expected = jacobian(joint[k + 1], joint[k])
                torch.testing.assert_close(found.transition(k)[row], expected, **exactly)


@each_cell
def test_explicit_and_implicit_parts_are_autograds(cell: str) -> None:
    """Compared along a random direction of the N numbers of each state."""
    drawn, step = case(cell), 2
    found, truth = drawn.itemise(step), loop(drawn, step)
    along = torch.randn(len(found.places), dtype=torch.float64)
    names = list(truth.copies[0])
    leaves = [copy[name] for copy in truth.copies for name in names]
    parts = [list(found.state_by_weight(name)) for name in names]
    for k in range(step + 1):
        for row, joint in enumerate(truth.joint):
            by_copy = torch.autograd.grad(
                joint[k + 1] @ along,
                leaves,
                retain_graph=True,
                allow_unused=True,
                materialize_grads=True,
            )
            for place in range(len(names)):
                of_steps = torch.stack(by_copy[place :: len(names)])
                explicit, implicit = (
                    torch.einsum("n,n...->...", along, part[row]) for part in parts[place][k]
                )
                torch.testing.assert_close(explicit, of_steps[k], **exactly)
                torch.testing.assert_close(implicit, of_steps[:k].sum(0), **exactly)
    for k, (explicit, _) in enumerate(parts[0]):
        torch.testing.assert_close(found.explicit(names[0], k), explicit, **exactly)


def test_a_term_is_the_product_of_its_factors() -> None:
    found = case("lstm").itemise(4)
    for name in ("recurrent.weight_ih_l0", "recurrent.weight_hh_l1", "recurrent.bias_hh_l0"):
        for k, term in enumerate(found.terms(name)):
            product = torch.einsum(
                "bo,bon,bnm,bm...->...",
                found.by_output,
                found.output_by_state,
                found.state_by_state(k),
                found.explicit(name, k),
            )
            torch.testing.assert_close(product, term, **exactly)


def test_the_textbooks_three_steps() -> None:
    network = tt.Network("elman", 1, 1, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        network.recurrent.weight_ih_l0.fill_(textbook.W_x)
        network.recurrent.weight_hh_l0.fill_(textbook.W_s)
        network.readout.weight.fill_(textbook.W_y)
    inputs = torch.tensor([textbook.x[t] for t in (1, 2, 3)], dtype=torch.float64).view(3, 1, 1)
    targets = torch.full((3, 1, 1), textbook.d_3, dtype=torch.float64)
    start = torch.full((1, 1, 1), textbook.s[0], dtype=torch.float64)
    found = tt.itemise(network, inputs, targets, squared, -1, start)
    exact = textbook.exactly
    assert float(found.by_output) == pytest.approx(textbook.dE_dY, **exact)
    assert float(found.output_by_state) == pytest.approx(textbook.dY_ds, **exact)
    for k in (1, 2, 3):
        by_W_s = float(found.terms("recurrent.weight_hh_l0")[k - 1])
        assert by_W_s == pytest.approx(textbook.by_W_s[k], **exact)
        by_W_x = float(found.terms("recurrent.weight_ih_l0")[k - 1])
        assert by_W_x == pytest.approx(textbook.by_W_x[k], **exact)
        explicit = float(found.explicit("recurrent.weight_hh_l0", k - 1))
        assert explicit == pytest.approx(textbook.slope[k] * textbook.s[k - 1], **exact)
    assert float(found.by_state[0]) == pytest.approx(textbook.by_s[0], **exact)


@pytest.mark.parametrize("lost", ["layer above", "older state", "row that has ended"])
def test_what_is_left_out_is_noticed(lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A negative control: each part of going back a step counts in a sum of terms."""
    drawn = case("lstm")
    truth = loop(drawn, 4)
    found = drawn.itemise(4)
    whole = StepDerivative.back

    def poorer(self: StepDerivative, k: int, derivatives: Tensor) -> Any:
        if lost == "row that has ended":
            self.valid = [None] * T
        if lost == "layer above" and k == 2:
            derivatives = derivatives.clone()
            derivatives[..., 2 * H :] = 0
        back = whole(self, k, derivatives)
        if lost == "older state":
            back = replace(back, before=back.before * 0)
        return back

    monkeypatch.setattr(StepDerivative, "back", poorer)
    name = "recurrent.weight_ih_l0"
    if lost == "row that has ended":
        expected = jacobian(truth.joint[1][-1], truth.joint[1][1])
        assert not torch.allclose(found.state_by_state(0)[1], expected)
        return
    expected = sum(derivative(truth.error, copy[name]) for copy in truth.copies)
    assert not torch.allclose(drawn.itemise(4).gradient(name), expected, rtol=1e-6)


def test_cells_whose_units_see_each_other() -> None:
    @tt.cell(gates="a", state="h")
    def normed(wx: Any, uh: Any, h: Any) -> Any:
        return tt.tanh(tt.layer_norm(wx.a + uh.a) + 0.5 * h)

    drawn = case(normed, ragged=False)
    found, truth = drawn.itemise(4), loop(drawn, 4)
    for name in truth.copies[0]:
        expected = torch.stack([derivative(truth.error, copy[name]) for copy in truth.copies])
        torch.testing.assert_close(found.terms(name), expected, **exactly)


def test_nothing_found_belongs_to_a_graph() -> None:
    found = case("gru").itemise(2)
    assert not found.terms("recurrent.weight_ih_l0").requires_grad
    assert not found.state_by_state(0).requires_grad
    assert not found.terms("readout.weight").requires_grad


def test_class_targets() -> None:
    drawn = case("gru", ragged=False)
    targets = torch.randint(0, O, (T, B))

    def loss(y: Tensor, d: Tensor) -> Tensor:
        return nn.functional.cross_entropy(y.movedim(-1, 1), d, reduction="none")

    found = tt.itemise(drawn.network, drawn.x, targets, loss, 4)
    y, _ = drawn.network(drawn.x)
    loss(y, targets)[4].sum().backward()
    for name, parameter in drawn.network.named_parameters():
        torch.testing.assert_close(found.gradient(name), parameter.grad, **exactly)


def test_refusals() -> None:
    drawn = case("gru", ragged=False)
    call = (drawn.network, drawn.x, drawn.d, squared)
    with pytest.raises(ValueError, match="from 0 to 4, as there are 5 steps; got 5"):
        tt.itemise(*call, step=5)
    with pytest.raises(TypeError, match=r"whole number, got 1\.0"):
        tt.itemise(*call, step=1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"needs a throughtime\.Network, got GRU"):
        tt.itemise(nn.GRU(2, 2), *call[1:], step=0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="looks at the outputs of other steps"):
        tt.itemise(*call[:3], lambda y, d: (y.cumsum(0) - d) ** 2, step=2)
    both = tt.Network("gru", I, H, O, bidirectional=True, dtype=torch.float64)
    with pytest.raises(ValueError, match="bidirectional=False"):
        tt.itemise(both, *call[1:], step=0)
    dropping = tt.Network("gru", I, H, O, num_layers=2, dropout=0.5, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"dropout=0\.5; call model\.eval"):
        tt.itemise(dropping, *call[1:], step=0)
    found = drawn.itemise(2)
    with pytest.raises(ValueError, match="from 0 to 2 is expected, got 3"):
        found.transition(3)
    with pytest.raises(ValueError, match=r"'readout\.weight' acts on the outputs"):
        found.explicit("readout.weight", 0)
    with pytest.raises(ValueError, match="'V' is unknown; expected one of recurrent"):
        found.terms("V")


def test_a_nan_is_named_where_it_begins() -> None:
    @tt.cell(gates="a", state="h")
    def rooted(wx: Any, uh: Any, h: Any) -> Any:
        return tt.sqrt(wx.a + uh.a)

    network = tt.Network(rooted, 1, 1, 1, bias=False, dtype=torch.float64)
    nn.init.ones_(network.recurrent.weight_ih_l0)
    x = torch.tensor([1.0, -9.0, 1.0], dtype=torch.float64).view(3, 1, 1)
    with pytest.raises(FloatingPointError, match=r"layer 0: sqrt\(.*step 1, row 0, unit 0"):
        tt.itemise(network, x, x, squared, 2)
    network = tt.Network("elman", 1, 1, 1, dtype=torch.float64)
    with pytest.raises(FloatingPointError, match="loss is nan from step 1"):
        tt.itemise(network, x, torch.full_like(x, math.nan), squared, 1)
