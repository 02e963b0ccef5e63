"""The reference engine: the textbook loop in torch, for any floating dtype and device."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from throughtime.engine.recurrence import Recurrence, Weights
from throughtime.engine.textbook import Trajectory, roll_back, unroll
from throughtime.equations import Cell


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
        if not torch.is_grad_enabled() or not any(
            tensor is not None and tensor.requires_grad for tensor in tensors
        ):
            unrolled = unroll(recurrence, keep=False)
            return unrolled.outputs, unrolled.final
        arguments = (recurrence.cell, recurrence.lengths, recurrence.reverse, *tensors)
        outputs, *final = _Unrolled.apply(*arguments)  # type: ignore[no-untyped-call]
        return outputs, tuple(final)


def flat(recurrence: Recurrence) -> list[Tensor | None]:
    """List the tensors that a recurrence is differentiable by."""
    weights = recurrence.weights
    return [
        recurrence.x,
        weights.W,
        weights.U,
        weights.b,
        weights.c,
        *recurrence.state,
        *weights.units,
    ]


def unflat(
    cell: Cell, lengths: Tensor | None, reverse: bool, tensors: list[Tensor | None]
) -> Recurrence:
    """Undo `flat`."""
    x, W, U, b, c, *rest = tensors
    vectors: Any = tuple(rest)
    states = len(cell.states)
    weights = Weights(W, U, b, c, vectors[states:])
    assert x is not None
    return Recurrence(cell, x, vectors[:states], weights, lengths, reverse)


class _Unrolled(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, cell: Cell, lengths: Tensor | None, reverse: bool, *tensors: Tensor | None
    ) -> tuple[Tensor, ...]:
        recurrence = unflat(cell, lengths, reverse, list(tensors))
        unrolled = unroll(recurrence)
        trajectory = unrolled.trajectory
        ctx.call = (cell, lengths, reverse)
        ctx.count = len(tensors)
        ctx.save_for_backward(*tensors, *trajectory.states, *trajectory.kept)
        # A final state may be the very tensor that came in (T = 0); autograd wants its own.
        return unrolled.outputs, *(state.clone() for state in unrolled.final)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        cell, lengths, reverse = ctx.call
        tensors = list(ctx.saved_tensors[: ctx.count])
        if torch.is_grad_enabled():
            found = through_autograd(cell, lengths, reverse, tensors, gradients)
            return None, None, None, *found
        recurrence = unflat(cell, lengths, reverse, tensors)
        saved = ctx.saved_tensors[ctx.count :]
        states = len(cell.states)
        trajectory = Trajectory(saved[:states], saved[states:])
        d = roll_back(recurrence, trajectory, gradients[0], gradients[1:])
        found = flat(
            replace(recurrence, x=d.x, state=d.state, weights=Weights(d.W, d.U, d.b, d.c, d.units))
        )
        needed = ctx.needs_input_grad[3:]
        return None, None, None, *(g if n else None for g, n in zip(found, needed, strict=True))


def through_autograd(
    cell: Cell,
    lengths: Tensor | None,
    reverse: bool,
    tensors: list[Tensor | None],
    gradients: tuple[Tensor, ...],
) -> list[Tensor | None]:
    """Differentiate the plain loop by autograd, keeping the graph of the derivative."""
    # Aliases: one tensor may depend on another (a weight computed from the input), and each
    # derivative is to stop at this function's own arguments.
    aliases = [None if tensor is None else tensor.view_as(tensor) for tensor in tensors]
    wanted = [alias for alias in aliases if alias is not None and alias.requires_grad]
    unrolled = unroll(unflat(cell, lengths, reverse, aliases), keep=False)
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
