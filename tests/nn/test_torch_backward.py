"""The layers that replace torch's, differentiated: once, twice, in part, without gradients."""

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.rnn import pack_padded_sequence

import throughtime as tt
from tests.contracts.closeness import assert_close
from tests.nn.test_as_torch import assert_equal, deep, each_kind, flat, results, state_for, twins
from throughtime.engine import reference
from throughtime.engine.textbook import roll_back

# What torch says of its own projected LSTM, once a process.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


@each_kind
def test_gradients_by_finite_differences(kind: str) -> None:
    mine, _ = twins(kind, 2, 4, num_layers=1, dtype=torch.float64)
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    states = [s.requires_grad_() for s in flat(state_for(mine, 2))]
    names = [name for name, _ in mine.named_parameters()]

    def run(x: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        weights = dict(zip(names, rest[len(states) :], strict=True))
        own = rest[: len(states)]
        hx = tuple(own) if len(own) > 1 else own[0]
        return tuple(flat(functional_call(mine, weights, (x, hx))))

    everything = (x, *states, *(p.detach().clone().requires_grad_() for p in mine.parameters()))
    assert torch.autograd.gradcheck(run, everything, fast_mode=True)
    assert torch.autograd.gradgradcheck(run, everything, fast_mode=True)


@each_kind
def test_backward_twice_through_one_graph(kind: str) -> None:
    mine, other = twins(kind, 3, 5, **deep)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    found = []
    for layer in (mine, other):
        error = flat(layer(x))[0].square().sum()
        error.backward(retain_graph=True)
        once = [p.grad.clone() for p in layer.parameters()]
        error.backward()
        found.append([*once, *(p.grad for p in layer.parameters())])
        with pytest.raises(RuntimeError, match="backward through the graph a second time"):
            error.backward()
    assert_equal(*found)


@each_kind
def test_gradients_of_some_of_the_results(kind: str) -> None:
    """Of the outputs alone, of a final state alone, of the last step alone."""
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    count = len(flat(twins(kind, 3, 5)[0](x.float())))
    for chosen in (*range(count), "last step"):
        found: list[list[Tensor]] = []
        for layer in twins(kind, 3, 5, **deep):
            given = flat(layer(x))
            error = (given[0][-1] if isinstance(chosen, str) else given[chosen]).square().sum()
            first = torch.autograd.grad(error, list(layer.parameters()), create_graph=True)
            with_graph = torch.stack([g.square().sum() for g in first]).sum()
            second = torch.autograd.grad(
                with_graph, list(layer.parameters()), materialize_grads=True
            )
            found.append([*first, *second])
        for one, two in zip(*found, strict=True):
            assert_close(one, two, f"of {chosen}", 1e-10)


@each_kind
def test_results_may_be_changed_in_place(kind: str) -> None:
    found = []
    for options in ({}, {"batch_first": True}):
        for layer in twins(kind, 3, 5, **deep, **options):
            x = torch.ones(4, 2, 3, dtype=torch.float64)
            results_ = (
                flat(layer(x)) + flat(layer(x[0])) + flat(layer(pack_padded_sequence(x, [4, 2])))
            )
            for result in results_:
                result.mul_(2).add_(1)
            torch.stack([r.square().sum() for r in results_]).sum().backward()
            found.append([*results_, *(p.grad for p in layer.parameters())])
    assert_equal(found[0], found[1])
    assert_equal(found[2], found[3])


@each_kind
def test_weights_changed_before_the_backward_pass_do_no_harm(kind: str) -> None:
    """Torch refuses; so does the reference engine; the native one has kept the weights it used."""
    x = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
    mine, other = twins(kind, 3, 5, dtype=torch.float64)
    (expected,) = torch.autograd.grad(mine(x)[0].sum(), x)
    with tt.engine.use("reference"):
        refused = [other(x)[0].sum(), mine(x)[0].sum()]
    kept = mine(x)[0].sum()
    with torch.no_grad():
        for layer in (mine, other):
            layer.weight_hh_l0.mul_(2)
    for error in refused:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            error.backward()
    if engine_of(mine, x) == "native":
        assert torch.equal(torch.autograd.grad(kept, x)[0], expected)


def engine_of(layer: nn.Module, x: Tensor) -> str:
    return tt.engine.explain(layer, x).rsplit(": ", 1)[-1]


@each_kind
def test_tensors_saved_elsewhere(kind: str) -> None:
    mine, _ = twins(kind, 3, 5, **deep)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    expected = results(mine, x)
    with torch.autograd.graph.save_on_cpu():
        assert_equal(results(mine, x), expected, 0.0)


@each_kind
def test_without_gradients(kind: str) -> None:
    mine, other = twins(kind, 3, 5, **deep)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            found, expected = flat(mine(x)), flat(other(x))
        assert not any(tensor.requires_grad for tensor in found)
        assert_equal(found, expected)


@each_kind
def test_frozen_weights_are_not_differentiated_by(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their gradient stays None, and no work is spent on it."""
    asked: list[frozenset[str]] = []

    def watched(*given: Any, **named: Any) -> Any:
        wanted = inspect.signature(roll_back).bind(*given, **named).arguments["wanted"]
        asked.append(wanted)
        return roll_back(*given, **named)

    monkeypatch.setattr(reference, "roll_back", watched)
    letters = {"weight_ih": "W", "weight_hh": "U", "bias_ih": "b", "bias_hh": "c", "weight_hr": "P"}
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    names = [name for name, _ in twins(kind, 3, 5)[0].named_parameters()]
    for frozen in (*names, *(n for n in [names] if n)):
        fixed = [frozen] if isinstance(frozen, str) else frozen
        mine, other = twins(kind, 3, 5, dtype=torch.float64)
        for layer in (mine, other):
            for name in fixed:
                getattr(layer, name).requires_grad_(False)
        leaves = [x.clone().requires_grad_() for _ in range(2)]
        asked.clear()
        with tt.engine.use("reference"):
            found = results(mine, leaves[0])
        assert_equal(found, results(other, leaves[1]))
        assert_close(leaves[0].grad, leaves[1].grad, "by the input")
        for name in fixed:
            assert getattr(mine, name).grad is None
        learned = {letters[name.removesuffix("_l0")] for name in names if name not in fixed}
        assert asked == [frozenset({"x", *learned})]
