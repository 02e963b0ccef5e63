"""The forward pass: a recurrence unrolled over time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

from throughtime.engine.recurrence import Recurrence
from throughtime.engine.textbook.steps import at, clean, order, split, valid_steps
from throughtime.equations import Cell, evaluator


@dataclass(frozen=True)
class Trajectory:
    """What the backward pass reads of an unrolled recurrence, in order of time.

    Attributes:
        states: The states before each step, [T, B, H] each.
        kept: What else the step's adjoint reads, [T, B, H] each, as `kept_names` names them.
        unprojected: The new first state before the projection, [T, B, H]; None without one.
    """

    states: tuple[Tensor, ...]
    kept: tuple[Tensor, ...]
    unprojected: Tensor | None = None


@dataclass(frozen=True)
class Unrolled:
    """A recurrence unrolled.

    Attributes:
        outputs: The first state after each step, zero beyond a row's length. [T, B, H]
        final: The states after each row's last step, [B, H] each.
        trajectory: What the backward pass reads; empty if it was not to be kept.
    """

    outputs: Tensor
    final: tuple[Tensor, ...]
    trajectory: Trajectory


def unroll(recurrence: Recurrence, keep: bool = True) -> Unrolled:
    """Run a recurrence forward, step by step.

    Args:
        recurrence: What to run.
        keep: Whether to keep what `roll_back` reads. Without, autograd can follow every operation.
    """
    cell, weights, state = recurrence.cell, recurrence.weights, recurrence.state
    T, B = recurrence.x.shape[:2]
    program = cell.adjoint.forward if keep else cell.step
    step = evaluator(program, recurrence.x.dtype, recurrence.x.device)
    values = dict(zip(cell.units, weights.units, strict=True))
    valid = valid_steps(recurrence)
    inputs = input_products(recurrence)

    outputs: dict[int, Tensor] = {}
    before: dict[int, tuple[Tensor, ...]] = {}
    kept: dict[int, list[Tensor]] = {}
    unprojected: dict[int, Tensor] = {}
    names = kept_names(cell) if keep else ()
    for t in order(recurrence):
        values.update(zip(cell.states, state, strict=True))
        values.update(inputs[t])
        values.update(recurrent_products(recurrence, state[0]))
        results = [result.expand(B, recurrence.H) for result in step(values)]
        values.update(zip(program.outputs, results, strict=True))
        new = results[: len(state)]
        before[t], kept[t], unprojected[t] = state, [values[name] for name in names], new[0]
        if weights.P is not None:
            new[0] = linear(new[0], weights.P)  # [B, R]
        if recurrence.taken is not None:
            shares = at(recurrence.taken, t)
            new = [s + share * (n - s) for n, s, share in zip(new, state, shares, strict=True)]
        rows = valid[t]
        if rows is None:
            state, outputs[t] = tuple(new), new[0]
        else:
            state = tuple(torch.where(rows, n, s) for n, s in zip(new, state, strict=True))
            outputs[t] = torch.where(rows, new[0], 0.0)

    def stacked(steps: list[Tensor], like: Tensor) -> Tensor:
        return torch.stack(steps) if steps else like.new_zeros(0, *like.shape)

    trajectory = Trajectory((), ())
    if keep:
        plane = state[0].new_zeros(B, recurrence.H)
        trajectory = Trajectory(
            states=tuple(
                stacked([before[t][place] for t in range(T)], s) for place, s in enumerate(state)
            ),
            kept=tuple(
                stacked([kept[t][place] for t in range(T)], plane) for place in range(len(names))
            ),
            unprojected=None
            if weights.P is None
            else stacked([unprojected[t] for t in range(T)], plane),
        )
    return Unrolled(stacked([outputs[t] for t in range(T)], state[0]), state, trajectory)


def kept_names(cell: Cell) -> tuple[str, ...]:
    """Name the values of a step, other than states and units, that its adjoint reads."""
    known = {*cell.states, *cell.units, *(f"d.next.{state}" for state in cell.states)}
    return tuple(name for name in cell.adjoint.backward.inputs if name not in known)


def input_products(recurrence: Recurrence) -> list[dict[str, Tensor]]:
    """Give `W x_t + b` for all steps at once: for each step, a plane [B, H] a gate."""
    cell, weights = recurrence.cell, recurrence.weights
    if weights.W is None:
        return [{} for _ in range(recurrence.x.shape[0])]
    products = linear(clean(recurrence.x, recurrence.lengths), weights.W, weights.b)
    return [split(product, cell.input_gates, "wx.") for product in products.unbind(0)]


def recurrent_products(recurrence: Recurrence, h: Tensor) -> dict[str, Tensor]:
    """Give `U h + c` for one step: a plane [B, H] a gate."""
    weights = recurrence.weights
    if weights.U is None:
        return {}
    h = h if recurrence.dropped is None else h * recurrence.dropped
    return split(linear(h, weights.U, weights.c), recurrence.cell.recurrent_gates, "uh.")
