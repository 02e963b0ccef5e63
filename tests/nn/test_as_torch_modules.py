"""The layers that replace torch's as modules: copied, moved, hooked, compiled, parametrized."""

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import parametrizations, parametrize, prune

from tests.nn.test_as_torch import (
    assert_equal,
    deep,
    each_kind,
    flat,
    kinds,
    results,
    state_for,
    twins,
)

# What torch says of its own projected LSTM, once a process.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


def through_a_file(layer: nn.Module) -> Any:
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


copies: dict[str, Callable[[nn.Module], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda layer: pickle.loads(pickle.dumps(layer)),
    "save": through_a_file,
}


@each_kind
@pytest.mark.parametrize("copied", copies.values(), ids=copies.keys())
def test_copies_compute_the_same_and_stand_alone(
    kind: str, copied: Callable[[nn.Module], nn.RNNBase]
) -> None:
    mine, _ = twins(kind, 3, 5, **deep)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    mine(x)[0].sum().backward()
    twin = copied(mine)
    assert type(twin) is type(mine)
    before = flat(mine(x))
    assert_equal(flat(twin(x)), before, 0.0)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    assert_equal(flat(mine(x)), before, 0.0)
    assert not torch.equal(flat(twin(x))[0], before[0])


@each_kind
def test_replicas_as_data_parallel_makes_them(kind: str) -> None:
    mine, _ = twins(kind, 3, 5, **deep)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    replica: Any = mine._replicate_for_data_parallel()
    for name, parameter in mine.named_parameters():
        setattr(replica, name, (2 * parameter).detach())
    assert replica._flat_weights is not mine._flat_weights
    doubled = copy.deepcopy(mine)
    with torch.no_grad():
        for parameter in doubled.parameters():
            parameter.mul_(2)
    assert_equal(flat(replica(x)), flat(doubled(x)))


@each_kind
def test_moves(kind: str) -> None:
    mine, other = twins(kind, 3, 5, num_layers=2)
    x = torch.randn(4, 2, 3)
    for move, relative in (
        (lambda m: m.double(), 1e-10),
        (lambda m: m.to(torch.float32), 1e-5),  # single precision
        (lambda m: m.bfloat16(), 3e-2),  # eight bits
    ):
        mine, other = move(mine), move(other)
        own = x.to(next(mine.parameters()).dtype)
        assert_equal(flat(mine(own)), flat(other(own)), relative)
    half = twins(kind, 3, 5)[0].half()
    assert all(r.dtype == torch.float16 for r in flat(half(x.half())))
    ours, theirs = (flat(layer.to("meta")(x.bfloat16().to("meta"))) for layer in (mine, other))
    assert [(r.shape, r.dtype, r.device) for r in ours] == [
        (r.shape, r.dtype, r.device) for r in theirs
    ]


@each_kind
@pytest.mark.parametrize("name", ["weight_hh_l0", "weight_ih_l1_reverse"])
@pytest.mark.parametrize("of", ["weight_norm", "orthogonal", "spectral_norm", "pruned"])
def test_weights_that_are_computed(kind: str, name: str, of: str) -> None:
    found = []
    for layer in twins(kind, 3, 6, **deep):
        torch.manual_seed(1)  # orthogonal and spectral_norm draw
        if of == "pruned":
            prune.random_unstructured(layer, name, amount=0.5)
            assert not isinstance(getattr(layer, name), nn.Parameter)
        else:
            getattr(parametrizations, of)(layer, name)
        layer.eval()  # spectral_norm moves its vectors otherwise
        x = torch.randn(4, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
        once = results(layer, x)
        assert any(p.grad is not None and p.grad.any() for p in layer.parameters())
        if of == "pruned":
            prune.remove(layer, name)
        else:
            parametrize.remove_parametrizations(layer, name)
            assert type(layer) in kinds[kind][:2]
        found.append([*once, *results(layer, x)])
    assert_equal(*found)


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
@each_kind
def test_the_old_weight_norm_and_replaced_attributes(kind: str) -> None:
    found = []
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    for layer in twins(kind, 3, 5, **deep):
        nn.utils.weight_norm(layer, "weight_hh_l0")
        once = results(layer, x)
        raw = layer.weight_ih_l0
        del layer.weight_ih_l0
        scale = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
        layer.weight_ih_l0 = raw.detach() * scale  # as weight drop does before each call
        twice = results(layer, x)
        found.append([*once, *twice, scale.grad])
    assert_equal(*found)


@each_kind
def test_hooks(kind: str) -> None:
    found = []
    for layer in twins(kind, 3, 5, **deep):
        seen: list[Tensor] = []
        layer.register_forward_pre_hook(lambda _, given: (2 * given[0], *given[1:]))
        layer.register_forward_hook(lambda _, given, got: (3 * got[0], got[1]))
        layer.register_full_backward_hook(
            lambda _, given, got, seen=seen: seen.extend(t for t in (*given, *got) if t is not None)
        )
        layer.register_full_backward_pre_hook(
            lambda _, got: tuple(None if g is None else 4 * g for g in got)
        )
        layer.weight_hh_l0.register_hook(lambda gradient: 5 * gradient)
        x = torch.ones(4, 2, 3, dtype=torch.float64, requires_grad=True)
        found.append([*results(layer, x), x.grad, *seen])
        assert seen
    assert_equal(*found)


@each_kind
def test_a_functional_call_gives_gradients_to_the_weights_given(kind: str) -> None:
    found = []
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    for layer in twins(kind, 3, 5, **deep):
        before = flat(layer(x))
        given = {n: (0.5 * p).detach().requires_grad_() for n, p in layer.named_parameters()}
        y, after = functional_call(layer, given, (x,))
        (y.square().sum() + sum(s.sum() for s in flat(after))).backward()
        assert all(p.grad is None for p in layer.parameters())
        found.append([y, *flat(after), *(weight.grad for weight in given.values())])
        assert_equal(flat(layer(x)), before, 0.0)
    assert_equal(*found)


@each_kind
def test_a_functional_call_may_use_another_dtype(kind: str) -> None:
    x = torch.randn(4, 2, 3)
    found = []
    for layer in twins(kind, 3, 5):
        double = {name: p.detach().double() for name, p in layer.named_parameters()}
        found.append(flat(functional_call(layer, double, (x.double(),))))
        with pytest.raises(ValueError, match="does not match weight dtype"):
            functional_call(layer, double, (x,))
        assert flat(layer(x))[0].dtype == torch.float32
    assert_equal(*found)


@pytest.mark.filterwarnings("ignore")  # what dynamo does inside is deprecated in torch itself
@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_compiled(kind: str) -> None:
    mine, other = twins(kind, 3, 5, num_layers=2, dtype=torch.float64)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    fast = torch.compile(mine, backend="eager")
    assert_equal(results(fast, x), results(other, x))
    hx = state_for(mine, 2)
    assert_equal(results(fast, x, hx), results(other, x, hx))
    torch._dynamo.reset()


@each_kind
def test_an_optimiser_takes_the_same_way(kind: str) -> None:
    x = torch.randn(6, 4, 3, dtype=torch.float64)
    found = []
    for layer in twins(kind, 3, 5, **deep):
        optimizer = torch.optim.Adam(layer.parameters(), 0.05)
        for _ in range(10):
            optimizer.zero_grad()
            (flat(layer(x))[0] - 0.3).square().mean().backward()
            nn.utils.clip_grad_norm_(layer.parameters(), 0.5)
            optimizer.step()
        found.append(list(layer.parameters()))
    assert_equal(*found, relative=1e-9)
