"""The backward pass: the recursion of backpropagation through time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.engine.recurrence import Recurrence
from throughtime.engine.textbook.steps import at, beside, clean, order, valid_steps
from throughtime.engine.textbook.unroll import Trajectory, kept_names
from throughtime.equations import evaluator

ALL = frozenset({"x", "W", "U", "b", "c", "P"})
"""The derivatives that cost a product or a sum of their own; the others come by the way."""


@dataclass(frozen=True)
class Gradients:
    """The derivative of an error with respect to all that a recurrence was computed from.

    Attributes:
        x: [T, B, I]; None where not wanted, like all up to P.
        W: As the weight; None where the weight is, like all up to P.
        U: As the weight.
        b: As the bias.
        c: As the bias.
        P: As the projection.
        state: As the states before the first step.
        units: As the vectors.
        after: dE/dS_t, the gradient that reaches the states after each step, [T, B, H] each.
    """

    x: Tensor | None
    W: Tensor | None
    U: Tensor | None
    b: Tensor | None
    c: Tensor | None
    P: Tensor | None
    state: tuple[Tensor, ...]
    units: tuple[Tensor, ...]
    after: tuple[Tensor, ...]


def roll_back(
    recurrence: Recurrence,
    trajectory: Trajectory,
    outputs: Tensor,
    final: Sequence[Tensor],
    wanted: frozenset[str] = ALL,
) -> Gradients:
    """Run the recursion of backpropagation through time over an unrolled recurrence.

    Args:
        recurrence: What was run.
        trajectory: What its unrolling kept.
        outputs: dE/dY_t, the explicit derivative by each step's output. [T, B, H]
        final: The derivative by the states after the last step, [B, H] each.
        wanted: Which of the derivatives `ALL` to compute.
    """
    cell, weights, x = recurrence.cell, recurrence.weights, recurrence.x
    T, B, H = *x.shape[:2], recurrence.H
    program = cell.adjoint.backward
    adjoint = evaluator(program, x.dtype, x.device)
    seeds = [f"d.next.{state}" for state in cell.states]
    values = dict(zip(cell.units, weights.units, strict=True))
    valid = valid_steps(recurrence)
    names = (*cell.states, *kept_names(cell))
    kept = [tensor.unbind(0) for tensor in (*trajectory.states, *trajectory.kept)]

    delta = list(final)
    d_input: dict[int, Tensor] = {}
    d_recurrent: dict[int, Tensor] = {}
    d_projected: dict[int, Tensor] = {}
    d_units = [torch.zeros_like(unit) for unit in weights.units]
    after: dict[int, list[Tensor]] = {}
    for t in reversed(order(recurrence)):
        rows = valid[t]
        explicit = outputs[t] if rows is None else torch.where(rows, outputs[t], 0.0)
        delta[0] = delta[0] + explicit
        after[t] = list(delta)

        # What the step receives, and what passes it by: the rows that have ended, and the share of
        # the old state that was carried on.
        received, past = list(delta), [torch.zeros_like(s) for s in delta]
        if rows is not None:
            received = [torch.where(rows, s, 0.0) for s in delta]
            past = [torch.where(rows, 0.0, s) for s in delta]
        if recurrence.taken is not None:
            shares = at(recurrence.taken, t)
            past = [p + (1 - share) * s for p, share, s in zip(past, shares, received, strict=True)]
            received = [share * s for share, s in zip(shares, received, strict=True)]
        if weights.P is not None:
            d_projected[t] = received[0]
            received[0] = received[0] @ weights.P  # [B, H]

        values.update((name, tensor[t]) for name, tensor in zip(names, kept, strict=True))
        values.update(zip(seeds, received, strict=True))
        results = [result.expand(B, H) for result in adjoint(values)]
        if rows is not None:  # a NaN that is kept for a row that has ended
            results = [torch.where(rows, result, 0.0) for result in results]
        d = dict(zip(program.outputs, results, strict=True))

        d_input[t] = beside([d[f"d.wx.{gate}"] for gate in cell.input_gates], x)
        d_recurrent[t] = beside([d[f"d.uh.{gate}"] for gate in cell.recurrent_gates], x)
        for place, unit in enumerate(cell.units):
            if f"d.{unit}" in d:
                d_units[place] = d_units[place] + d[f"d.{unit}"].sum(0)
        delta = [
            p + d[f"d.{state}"] if f"d.{state}" in d else p
            for p, state in zip(past, cell.states, strict=True)
        ]
        if weights.U is not None:
            by_state = d_recurrent[t] @ weights.U
            if recurrence.dropped is not None:
                by_state = by_state * recurrence.dropped
            delta[0] = delta[0] + by_state

    def joined(steps: dict[int, Tensor], columns: int) -> Tensor:
        return torch.cat([steps[t] for t in range(T)]) if T else x.new_zeros(0, columns)

    da = joined(d_input, len(cell.input_gates) * H)  # [T * B, Gx * H]
    du = joined(d_recurrent, len(cell.recurrent_gates) * H)  # [T * B, Gh * H]
    d_x = d_W = d_U = d_P = None
    if "x" in wanted:
        d_x = torch.zeros_like(x) if weights.W is None else (da @ weights.W).view(x.shape)
    if "W" in wanted and weights.W is not None:
        d_W = da.T @ clean(x, recurrence.lengths).flatten(0, 1)
    if "U" in wanted and weights.U is not None:
        h = clean(trajectory.states[0], recurrence.lengths)
        h = h if recurrence.dropped is None else h * recurrence.dropped
        d_U = du.T @ h.flatten(0, 1)
    if "P" in wanted and weights.P is not None and trajectory.unprojected is not None:
        raw = clean(trajectory.unprojected, recurrence.lengths)
        d_P = joined(d_projected, weights.P.shape[0]).T @ raw.flatten(0, 1)
    return Gradients(
        x=d_x,
        W=d_W,
        U=d_U,
        b=da.sum(0) if "b" in wanted and weights.b is not None else None,
        c=du.sum(0) if "c" in wanted and weights.c is not None else None,
        P=d_P,
        state=tuple(delta),
        units=tuple(d_units),
        after=tuple(
            torch.stack([after[t][place] for t in range(T)]) if T else s.new_zeros(0, *s.shape)
            for place, s in enumerate(recurrence.state)
        ),
    )
