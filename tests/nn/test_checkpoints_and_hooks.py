"""What autograd offers around a layer: checkpoints, saved tensors moved, hooks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    create_selective_checkpoint_contexts,
)

import throughtime as tt
from tests.contracts.closeness import assert_close
from throughtime.engine.native_module import module

double = torch.float64
needs_native = pytest.mark.skipif(module is None, reason="the native module is not built")


def tower(layers: int = 3, H: int = 5) -> nn.ModuleList:
    torch.manual_seed(0)
    widths = [3] + [H] * (layers - 1)
    return nn.ModuleList(tt.nn.Recurrent("lstm_peephole", w, H, dtype=double) for w in widths)


def results(model: nn.Module, y: Tensor, x: Tensor) -> list[Tensor]:
    return [y, *torch.autograd.grad(y.square().sum(), [x, *model.parameters()])]


def sequence(T: int = 6, B: int = 4) -> Tensor:
    return torch.randn(T, B, 3, dtype=double, requires_grad=True)


def plain(model: nn.ModuleList, x: Tensor) -> Tensor:
    for layer in model:
        x = layer(x)[0]
    return x


def checkpointed(model: nn.ModuleList, x: Tensor, **options: Any) -> Tensor:
    for layer in model:
        x = checkpoint(lambda x, layer=layer: layer(x)[0], x, **options)
    return x


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointed_layers(reentrant: bool) -> None:
    model, x = tower(), sequence()
    expected = results(model, plain(model, x), x)
    model.zero_grad()
    y = checkpointed(model, x, use_reentrant=reentrant)
    y.square().sum().backward()
    found = [y, x.grad, *(p.grad for p in model.parameters())]
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other, relative=1e-12)


@needs_native
def test_a_checkpoint_gives_the_tapes_back() -> None:
    model, x = tower(4, 32), sequence(50, 32)
    held = []
    for run in (plain, lambda *given: checkpointed(*given, use_reentrant=False)):
        module.release_workspaces()
        y = run(model, x)
        # What the forward pass has let go stands ready to be used again.
        held.append(module.kept_bytes())
        del y
    tape = 50 * 32 * 32 * 8  # at least one plane of states
    assert held[1] > held[0] + tape
    module.release_workspaces()


@needs_native
@pytest.mark.parametrize("policy", [CheckpointPolicy.MUST_SAVE, CheckpointPolicy.PREFER_RECOMPUTE])
def test_a_selective_checkpoint_chooses_by_operator(policy: CheckpointPolicy) -> None:
    model, x = tower(), sequence()
    expected = results(model, plain(model, x), x)
    names = []

    def choose(context: Any, operator: Any, *_: Any, **__: Any) -> CheckpointPolicy:
        if operator.namespace == "throughtime":
            names.append((operator._opname, context.is_recompute))
            return policy
        return CheckpointPolicy.PREFER_RECOMPUTE

    y = checkpointed(
        model,
        x,
        use_reentrant=False,
        context_fn=lambda: create_selective_checkpoint_contexts(choose),
    )
    for one, other in zip(results(model, y, x), expected, strict=True):
        assert_close(one, other, relative=1e-12)
    assert names.count(("recurrence_with_tape", False)) == len(model)


def test_saved_tensors_may_be_moved() -> None:
    model, x = tower(), sequence()
    expected = results(model, plain(model, x), x)
    packed = []

    def pack(tensor: Tensor) -> Any:
        packed.append(tensor)
        return tensor.detach().numpy().copy()

    with torch.autograd.graph.saved_tensors_hooks(pack, torch.from_numpy):
        y = plain(model, x)
    for one, other in zip(results(model, y, x), expected, strict=True):
        assert_close(one, other, relative=1e-12)
    assert packed


def test_hooks_of_modules() -> None:
    (layer,) = tower(1)
    x, seen = sequence(), []
    layer.register_forward_pre_hook(lambda _, given: (2 * given[0],))
    layer.register_forward_hook(lambda _, __, given: (given[0] + 1, given[1]))
    layer.register_full_backward_pre_hook(lambda _, gradients: seen.append("before"))
    layer.register_full_backward_hook(
        lambda _, d_in, d_out: seen.append([d_in[0], d_out[0]])  # type: ignore[func-returns-value]
    )
    y, _ = layer(x)
    y.sum().backward()
    bare = tower(1)[0]
    twice = (2 * x).detach().requires_grad_()
    expected, _ = bare(twice)
    expected.sum().backward()
    assert_close(y, expected + 1, relative=1e-12)
    assert seen[0] == "before"
    d_in, d_out = seen[1]
    assert_close(d_in, twice.grad, relative=1e-12)
    assert torch.equal(d_out, torch.ones_like(d_out))
    assert_close(x.grad, 2 * twice.grad, relative=1e-12)


def test_hooks_of_tensors() -> None:
    (layer,) = tower(1)
    x, seen = sequence(), []
    y, (h, c) = layer(x)
    y.register_hook(lambda d: 2 * d)  # what a hook gives back is what the layer gets
    c.register_hook(seen.append)
    layer.weight_hh_l0.register_hook(lambda d: seen.append(d.clone()))
    layer.weight_hh_l0.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
    (y.sum() + 3 * c.sum()).backward()
    bare = tower(1)[0]
    y, (h, c) = bare(x.detach())
    (2 * y.sum() + 3 * c.sum()).backward()
    expected = bare.weight_hh_l0.grad
    d_c, d_U, accumulated = seen
    assert torch.equal(d_c, torch.full_like(d_c, 3.0))
    assert_close(d_U, expected, relative=1e-12)
    assert_close(accumulated, expected, relative=1e-12)
    assert h.shape == (1, 4, 5)
