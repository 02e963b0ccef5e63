"""The reference engine: the textbook loop in torch, for any floating dtype and device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from throughtime.engine.recurrence import Recurrence, Weights
from throughtime.engine.textbook import Trajectory, roll_back, unroll


class Reference:
    """Runs every recurrence; its backward pass is the recursion of `textbook`, not autograd's.

    A second derivative goes through autograd: while a graph of the backward pass is asked for, the
    loop is run again with every operation recorded.
    """

    name = "reference"

    def why_not(self, recurrence: Recurrence) -> str | None:
        """Say why this engine cannot run the call: it always can."""
        return None

    def run(self, recurrence: Recurrence) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run the recurrence; see `Engine.run`."""
        tensors = flat(recurrence)
        if not is_recorded(tensors) or transformed():
            unrolled = unroll(recurrence, keep=False)
            return unrolled.outputs, unrolled.final
        outputs, *final = _Unrolled.apply(recurrence, *tensors)  # type: ignore[no-untyped-call]
        return outputs, tuple(final)


def is_recorded(tensors: Sequence[Tensor | None]) -> bool:
    """Whether autograd wants a backward pass for a call on these tensors."""
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def transformed() -> bool:
    """Whether torch.func or forward mode looks on: they follow each operation by itself."""
    forward_mode: int = torch.autograd.forward_ad._current_level
    functional: bool = torch._C._are_functorch_transforms_active()
    return functional or forward_mode >= 0


def followed() -> bool:
    """Whether torch records operations or looks on: compile, export, a dispatch mode."""
    return torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack() > 0


def flat(recurrence: Recurrence) -> list[Tensor | None]:
    """List the tensors that a recurrence is differentiable by."""
    weights = recurrence.weights
    return [
        recurrence.x,
        *(getattr(weights, name) for name in _MATRICES),
        *recurrence.state,
        *weights.units,
    ]


def unflat(recurrence: Recurrence, tensors: list[Tensor | None]) -> Recurrence:
    """Give a recurrence with other tensors, in the order of `flat`."""
    matrices = dict(zip(_MATRICES, tensors[1:], strict=False))
    vectors: Any = tuple(tensors[1 + len(_MATRICES) :])
    states = len(recurrence.state)
    weights = Weights(**matrices, units=vectors[states:])
    assert tensors[0] is not None
    return replace(recurrence, x=tensors[0], state=vectors[:states], weights=weights)


_MATRICES = ("W", "U", "b", "c", "P")


class _Unrolled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, recurrence: Recurrence, *tensors: Tensor | None) -> tuple[Tensor, ...]:
        unrolled = unroll(recurrence)
        trajectory = unrolled.trajectory
        kept = [trajectory.unprojected, *trajectory.states, *trajectory.kept]
        ctx.save_for_backward(*tensors, *kept)
        ctx.count = len(tensors)
        # What is saved above is not to be held a second time.
        ctx.form = unflat(recurrence, [None if t is None else t.new_empty(0) for t in tensors])
        # A final state may be the very tensor that came in (T = 0); autograd wants its own.
        return unrolled.outputs, *(state.clone() for state in unrolled.final)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        all_saved = ctx.saved_tensors  # once: each access unpacks anew, which checkpointing counts
        recurrence = unflat(ctx.form, list(all_saved[: ctx.count]))
        if torch.is_grad_enabled():
            return None, *through_autograd(recurrence, gradients)
        unprojected, *saved = all_saved[ctx.count :]
        states = len(recurrence.state)
        trajectory = Trajectory(tuple(saved[:states]), tuple(saved[states:]), unprojected)
        needed = ctx.needs_input_grad[1:]
        wanted = frozenset(
            name for name, need in zip(("x", *_MATRICES), needed, strict=False) if need
        )
        d = roll_back(recurrence, trajectory, gradients[0], gradients[1:], wanted)
        found = [d.x, *(getattr(d, name) for name in _MATRICES), *d.state, *d.units]
        return None, *(g if need else None for g, need in zip(found, needed, strict=True))


def through_autograd(recurrence: Recurrence, gradients: tuple[Tensor, ...]) -> list[Tensor | None]:
    """Differentiate the plain loop by autograd, keeping the graph of the derivative."""
    # Aliases: one tensor may depend on another (a weight computed from the input), and each
    # derivative is to stop at this function's own arguments.
    tensors = flat(recurrence)
    aliases = [None if tensor is None else tensor.view_as(tensor) for tensor in tensors]
    wanted = [alias for alias in aliases if alias is not None and alias.requires_grad]
    unrolled = unroll(unflat(recurrence, aliases), keep=False)
    results = [unrolled.outputs, *unrolled.final]
    pairs = [
        (result, gradient)
        for result, gradient in zip(results, gradients, strict=True)
        if result.requires_grad
    ]
    if not pairs:
        return [None] * len(tensors)
    found = torch.autograd.grad(
        [result for result, _ in pairs],
        wanted,
        [gradient for _, gradient in pairs],
        create_graph=True,
        allow_unused=True,
    )
    by_alias = {id(alias): gradient for alias, gradient in zip(wanted, found, strict=True)}
    return [by_alias.get(id(alias)) for alias in aliases]


reference = Reference()
