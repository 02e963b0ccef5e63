"""The native engine's forward and backward pass as one function of autograd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from throughtime.engine.recurrence import Recurrence, Weights
from throughtime.engine.reference import through_autograd


class Passes(NamedTuple):
    """The two passes, run in one way or another.

    Attributes:
        forward: Gives the outputs, the final states, the tape, and a copy of each unit.
        backward: Gives the derivatives that are asked for, in the order of `flat`, from the
            recurrence with the copied units, the tape, and the derivatives by the results.
    """

    forward: Callable[[Recurrence], list[Tensor]]
    backward: Callable[[Recurrence, Tensor, Sequence[Tensor], Sequence[bool]], list[Tensor | None]]


class Recorded(torch.autograd.Function):
    """Runs a recurrence and its derivative.

    An optimiser may step between the passes: each step is to be differentiated at the weights that
    it was computed with. The tape has the matrices, the units are copied; everything else must not
    have changed since, which autograd checks of what is saved.
    """

    @staticmethod
    def forward(
        ctx: Any, recurrence: Recurrence, passes: Passes, *tensors: Tensor | None
    ) -> tuple[Tensor, ...]:
        """Run the recurrence; `tensors` are those of `flat`, for autograd to see."""
        states = len(recurrence.state)
        outputs, *rest = passes.forward(recurrence)
        tape, *units = rest[states:]
        # What is saved is given back after the backward pass, and checkpoints need not keep it.
        ctx.save_for_backward(recurrence.x, recurrence.lengths, tape, *recurrence.state, *units)
        ctx.form = recurrence.cell, recurrence.reverse, recurrence.states_only, states
        ctx.passes = passes
        # Read for a second derivative only. If they were saved as the others are, autograd would
        # refuse the first one too after a step of an optimiser.
        ctx.weights = recurrence.weights
        ctx.versions = _versions(recurrence.weights)
        return outputs, *rest[:states]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Give the derivatives by the tensors."""
        cell, reverse, states_only, states = ctx.form
        x, lengths, tape, *others = ctx.saved_tensors
        state, units = tuple(others[:states]), tuple(others[states:])
        if torch.is_grad_enabled():
            if _versions(ctx.weights) != ctx.versions:
                raise RuntimeError(
                    "a weight that a second derivative needs has been modified by an inplace "
                    "operation since the forward pass; differentiate before the optimiser steps"
                )
            again = Recurrence(cell, x, state, ctx.weights, lengths, reverse)
            return None, None, *through_autograd(again, gradients)
        weights = replace(ctx.weights, units=units) if units else ctx.weights
        recurrence = Recurrence(cell, x, state, weights, lengths, reverse, states_only=states_only)
        needed = ctx.needs_input_grad[2:]
        return None, None, *ctx.passes.backward(recurrence, tape, gradients, needed)


def _versions(weights: Weights) -> list[int]:
    tensors = (weights.W, weights.U, weights.b, weights.c, *weights.units)
    return [tensor._version for tensor in tensors if tensor is not None]
