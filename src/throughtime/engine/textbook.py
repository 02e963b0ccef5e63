"""Backpropagation through time as the textbook writes it: unroll, then roll back.

With `a_t = W x_t + b`, `u_t = U h_{t-1} + c` and the cell's step `S_t = f(a_t, u_t, S_{t-1}, p)`,
the error `E` is differentiated by the recursion (Werbos 1990; Williams & Peng 1990)

    delta_t = dE/dS_t = dE/dY_t (explicit) + what flows back from step t + 1 (implicit)
    da_t, du_t, dS_{t-1}, dp_t = the step's adjoint at delta_t
    dS_{t-1} += du_t U        (into the first state)
    dW = sum_t da_t^T x_t     dU = sum_t du_t^T h_{t-1}     db = sum_t da_t     dc = sum_t du_t
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.engine.recurrence import Recurrence
from throughtime.equations import Cell, evaluator


@dataclass(frozen=True)
class Trajectory:
    """What the backward pass reads of an unrolled recurrence, in order of time.

    Attributes:
        states: The states before each step, [T, B, H] each.
        kept: What else it reads, [T, B, H] each, as `kept_names` names them.
    """

    states: tuple[Tensor, ...]
    kept: tuple[Tensor, ...]


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


@dataclass(frozen=True)
class Gradients:
    """The derivative of an error with respect to all that a recurrence was computed from.

    Attributes:
        x: [T, B, I].
        W: As the weight; None where the weight is.
        U: As the weight; None where the weight is.
        b: As the bias; None where the bias is.
        c: As the bias; None where the bias is.
        state: As the states before the first step.
        units: As the vectors.
        after: dE/dS_t, the gradient that reaches the states after each step, [T, B, H] each.
    """

    x: Tensor
    W: Tensor | None
    U: Tensor | None
    b: Tensor | None
    c: Tensor | None
    state: tuple[Tensor, ...]
    units: tuple[Tensor, ...]
    after: tuple[Tensor, ...]


def unroll(recurrence: Recurrence, keep: bool = True) -> Unrolled:
    """Run a recurrence forward, step by step.

    Args:
        recurrence: What to run.
        keep: Whether to keep what `roll_back` reads. Without, autograd can follow every operation.
    """
    cell, weights, state = recurrence.cell, recurrence.weights, recurrence.state
    T, B, H = *recurrence.x.shape[:2], state[0].shape[1]
    program = cell.adjoint.forward if keep else cell.step
    step = evaluator(program, recurrence.x.dtype, recurrence.x.device)
    values = dict(zip(cell.units, weights.units, strict=True))
    valid = valid_steps(recurrence)
    inputs = input_products(recurrence)  # T times [Gx, B, H]

    outputs: dict[int, Tensor] = {}
    before: dict[int, tuple[Tensor, ...]] = {}
    kept: dict[int, list[Tensor]] = {}
    names = kept_names(cell) if keep else ()
    for t in order(recurrence):
        values.update(zip(cell.states, state, strict=True))
        values.update(inputs[t])
        if weights.U is not None:
            product = torch.nn.functional.linear(state[0], weights.U, weights.c)  # [B, Gh * H]
            values.update(split(product, cell.recurrent_gates, "uh."))
        results = [result.expand(B, H) for result in step(values)]
        new = tuple(results[: len(state)])
        values.update(zip(program.outputs, results, strict=True))
        before[t], kept[t] = state, [values[name] for name in names]
        rows = valid[t]
        if rows is None:
            state, outputs[t] = new, new[0]
        else:
            state = tuple(torch.where(rows, n, s) for n, s in zip(new, state, strict=True))
            outputs[t] = torch.where(rows, new[0], 0.0)

    def stacked(steps: list[Tensor]) -> Tensor:
        return torch.stack(steps) if steps else recurrence.x.new_zeros(0, B, H)

    return Unrolled(
        outputs=stacked([outputs[t] for t in range(T)]),
        final=state,
        trajectory=Trajectory(
            states=tuple(
                stacked([before[t][place] for t in range(T)])
                for place in range(len(state) if keep else 0)
            ),
            kept=tuple(stacked([kept[t][place] for t in range(T)]) for place in range(len(names))),
        ),
    )


def roll_back(
    recurrence: Recurrence,
    trajectory: Trajectory,
    outputs: Tensor,
    final: Sequence[Tensor],
) -> Gradients:
    """Run the recursion of backpropagation through time over an unrolled recurrence.

    Args:
        recurrence: What was run.
        trajectory: What its unrolling kept.
        outputs: dE/dY_t, the explicit derivative by each step's output. [T, B, H]
        final: The derivative by the states after the last step, [B, H] each.
    """
    cell, weights, x = recurrence.cell, recurrence.weights, recurrence.x
    T, B, H = *x.shape[:2], recurrence.state[0].shape[1]
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
    d_units = [torch.zeros_like(unit) for unit in weights.units]
    after: dict[int, list[Tensor]] = {}
    for t in reversed(order(recurrence)):
        rows = valid[t]
        explicit = outputs[t] if rows is None else torch.where(rows, outputs[t], 0.0)
        delta[0] = delta[0] + explicit
        after[t] = list(delta)
        values.update((name, tensor[t]) for name, tensor in zip(names, kept, strict=True))
        values.update(zip(seeds, delta, strict=True))
        results = [result.expand(B, H) for result in adjoint(values)]
        if rows is not None:
            results = [torch.where(rows, result, 0.0) for result in results]
        d = dict(zip(program.outputs, results, strict=True))

        passed = [d.get(f"d.{state}") for state in cell.states]
        d_input[t] = beside([d[f"d.wx.{gate}"] for gate in cell.input_gates], x)
        d_recurrent[t] = beside([d[f"d.uh.{gate}"] for gate in cell.recurrent_gates], x)
        new = [torch.zeros_like(s) if p is None else p for p, s in zip(passed, delta, strict=True)]
        if weights.U is not None:
            new[0] = new[0] + d_recurrent[t] @ weights.U
        if rows is not None:  # beyond a row's length the state stood still
            new = [n + torch.where(rows, 0.0, s) for n, s in zip(new, delta, strict=True)]
        for place, unit in enumerate(cell.units):
            if f"d.{unit}" in d:
                d_units[place] = d_units[place] + d[f"d.{unit}"].sum(0)
        delta = new

    def joined(steps: dict[int, Tensor], gates: int) -> Tensor:
        return torch.cat([steps[t] for t in range(T)]) if T else x.new_zeros(0, gates * H)

    da = joined(d_input, len(cell.input_gates))  # [T * B, Gx * H]
    du = joined(d_recurrent, len(cell.recurrent_gates))  # [T * B, Gh * H]
    h = clean(trajectory.states[0], recurrence.lengths)
    return Gradients(
        x=x.new_zeros(x.shape) if weights.W is None else (da @ weights.W).view(x.shape),
        W=None if weights.W is None else da.T @ clean(x, recurrence.lengths).flatten(0, 1),
        U=None if weights.U is None else du.T @ h.flatten(0, 1),
        b=None if weights.b is None else da.sum(0),
        c=None if weights.c is None else du.sum(0),
        state=tuple(delta),
        units=tuple(d_units),
        after=tuple(
            torch.stack([after[t][place] for t in range(T)]) if T else x.new_zeros(0, B, H)
            for place in range(len(cell.states))
        ),
    )


def kept_names(cell: Cell) -> tuple[str, ...]:
    """Name the values of a step, other than states and units, that its adjoint reads."""
    known = {*cell.states, *cell.units, *(f"d.next.{state}" for state in cell.states)}
    return tuple(name for name in cell.adjoint.backward.inputs if name not in known)


def order(recurrence: Recurrence) -> range:
    """Give the steps in the order in which the recurrence runs."""
    T = recurrence.x.shape[0]
    return range(T - 1, -1, -1) if recurrence.reverse else range(T)


def valid_steps(recurrence: Recurrence) -> list[Tensor | None]:
    """Give, for each step, which rows are valid, [B, 1]; None where all are."""
    T, lengths = recurrence.x.shape[0], recurrence.lengths
    if lengths is None or lengths.numel() == 0:
        return [None] * T
    shortest = int(lengths.min())
    column = lengths.to(recurrence.x.device)[:, None]  # [B, 1]
    return [None if t < shortest else column > t for t in range(T)]


def clean(sequence: Tensor, lengths: Tensor | None) -> Tensor:
    """Give a sequence [T, B, ·] with zeros beyond each row's length, where NaN may stand."""
    if lengths is None:
        return sequence
    steps = torch.arange(sequence.shape[0], device=sequence.device)[:, None]
    return torch.where((steps < lengths.to(sequence.device))[..., None], sequence, 0.0)


def input_products(recurrence: Recurrence) -> list[dict[str, Tensor]]:
    """Give `W x_t + b` for all steps at once: for each step, a plane [B, H] a gate."""
    cell, weights = recurrence.cell, recurrence.weights
    if weights.W is None:
        return [{} for _ in range(recurrence.x.shape[0])]
    products = torch.nn.functional.linear(
        clean(recurrence.x, recurrence.lengths), weights.W, weights.b
    )
    return [split(product, cell.input_gates, "wx.") for product in products.unbind(0)]


def split(product: Tensor, gates: Sequence[str], prefix: str) -> dict[str, Tensor]:
    """Cut a product [B, G * H] into a named plane [B, H] a gate."""
    planes = product.chunk(len(gates), 1)
    return {prefix + gate: plane for gate, plane in zip(gates, planes, strict=True)}


def beside(planes: Sequence[Tensor], like: Tensor) -> Tensor:
    """Lay planes [B, H] side by side, [B, G * H]; [B, 0] where there are none."""
    return torch.cat(list(planes), 1) if planes else like.new_empty(like.shape[1], 0)
