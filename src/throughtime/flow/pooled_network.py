"""A network with one pooled answer a sequence, unrolled: where its loss enters the recurrence.

The loss E of a sequence depends on its outputs h_1, ..., h_T by the pool. What it sends to h_s by
way of the pool alone enters the recurrence at step s, in the place of a step's own loss, and goes
back from there: with `delta[s, t]` for the part of dE/dS_t that has entered at s,

    delta[s, s] = dE/dpool dpool/dh_s,    delta[s, t - 1] = delta[s, t] dS_t/dS_{t-1},

and the sum over s is dE/dS_t. With the last state it enters at a row's last step, with the mean at
every step, with the maximum where units have theirs.

A direction that runs backward is unrolled with its rows turned round: its steps are counted from
each row's end. Where layers run in both directions, what enters a layer at a step is all that its
output there receives from above: on its way down it has changed direction, so that there is no one
lag to a loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from throughtime.engine.recurrence import Recurrence
from throughtime.engine.textbook import Unrolled, roll_back
from throughtime.flow.discarded import in_double
from throughtime.flow.unrolled import (
    UnrolledNetwork,
    chosen_losses,
    evaluating,
    refuse_explicit,
    refuse_inputs,
    run_layer,
)
from throughtime.gradients.method import Loss
from throughtime.gradients.objective import elementwise, valid_steps
from throughtime.nn.pooled import PooledNetwork


class _Ran(NamedTuple):
    """One layer and direction: what was run, its rows turned round if backward; what it gave."""

    backward: bool
    recurrence: Recurrence
    run: Unrolled


def unroll_pooled(
    model: PooledNetwork,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
    lengths: Tensor,
    samples: int,
) -> Iterator[UnrolledNetwork]:
    """Run a pooled network in evaluation mode from its own start, and differentiate its losses.

    Args:
        model: The network.
        inputs: [T, B, I]
        targets: [T, B, ...]; asked at each row's last step alone, it is the sequence's loss.
        loss: Elementwise.
        lengths: Valid steps of each row, [B].
        samples: At most so many of the steps at which the loss enters are followed back.

    Yields:
        All layers together where they run in one direction; else each layer and direction.

    Raises:
        NoFlowError, ValueError: As for `throughtime.flow`.
    """
    refuse_inputs(inputs, lengths)
    with torch.no_grad():
        layers = _run(model, inputs, lengths)
    with torch.enable_grad(), evaluating(model):
        outputs = _joined(layers[-1], lengths).detach().requires_grad_()  # [T, B, columns]
        by_step = elementwise(loss, model.read(outputs, lengths), targets, lengths)
        valid = valid_steps(lengths, by_step).view(*by_step.shape[:2], *(1,) * (by_step.dim() - 2))
        error = torch.where(valid, by_step, 0.0).sum()
        (explicit,) = torch.autograd.grad(error, outputs, retain_graph=True)
        refuse_explicit(explicit)
        learned = [p for p in model.readout.parameters() if p.requires_grad]
        of_readout: tuple[Tensor | None, ...] = ()
        if learned:
            of_readout = torch.autograd.grad(error, learned, allow_unused=True)
    readout = tuple(gradient for gradient in of_readout if gradient is not None)
    if model.recurrent.bidirectional:
        for name, ran, entering in _by_direction(layers, explicit, lengths):
            yield _unrolled(model, (name,), [ran], entering, lengths, (), samples)
    else:
        names = tuple(f"layer {place}" for place in range(len(layers)))
        stack = [ran for (ran,) in layers]
        yield _unrolled(model, names, stack, explicit, lengths, readout, samples)


def _run(model: PooledNetwork, x: Tensor, lengths: Tensor) -> list[list[_Ran]]:
    """Run each layer, in each direction, from the input up."""
    layer = model.recurrent
    layers: list[list[_Ran]] = []
    given = lengths if int(lengths.min()) < len(x) else None
    for number in range(layer.num_layers):
        ways = []
        for backward in (False, True) if layer.bidirectional else (False,):
            own = tuple(x.new_zeros(x.shape[1], layer.hidden_size) for _ in layer.cell.states)
            inputs = _turned(x, lengths) if backward else x
            ways.append(_Ran(backward, *run_layer(layer, number, inputs, own, given, backward)))
        layers.append(ways)
        x = _joined(ways, lengths)
    return layers


def _joined(ways: list[_Ran], lengths: Tensor) -> Tensor:
    """Give a layer's outputs, both directions side by side and in order of time."""
    outputs = [
        _turned(ran.run.outputs, lengths) if ran.backward else ran.run.outputs for ran in ways
    ]
    return torch.cat(outputs, -1)


def _turned(x: Tensor, lengths: Tensor) -> Tensor:
    """Turn the valid steps of each row round; beyond them stands what stood there, [T, B, ...]."""
    steps = torch.arange(len(x))[:, None]
    places = torch.where(steps < lengths, lengths - 1 - steps, steps).to(x.device)  # [T, B]
    return x[places, torch.arange(x.shape[1], device=x.device)]


def _by_direction(
    layers: list[list[_Ran]], explicit: Tensor, lengths: Tensor
) -> list[tuple[str, _Ran, Tensor]]:
    """Give what enters each layer and direction, from the input up, rows turned as they ran.

    Args:
        layers: What was run.
        explicit: The gradient by the last layer's outputs, [T, B, 2 H].
        lengths: Valid steps of each row, [B].
    """
    found: list[tuple[str, _Ran, Tensor]] = []
    for number in reversed(range(len(layers))):
        own_layer, below = [], []
        for ran, own in zip(layers[number], explicit.chunk(2, -1), strict=True):
            entering = _turned(own, lengths) if ran.backward else own
            name = f"layer {number}, {'backward' if ran.backward else 'forward'} direction"
            own_layer.append((name, ran, entering))
            recurrence, trajectory = in_double(ran.recurrence, ran.run.trajectory)
            start = [torch.zeros_like(state) for state in recurrence.state]
            by_input = roll_back(recurrence, trajectory, entering.double(), start).x
            assert by_input is not None  # all derivatives are wanted
            below.append(_turned(by_input, lengths) if ran.backward else by_input)
        found = own_layer + found
        explicit = below[0] + below[1]
    return found


def _unrolled(
    model: PooledNetwork,
    names: tuple[str, ...],
    layers: list[_Ran],
    entering: Tensor,
    lengths: Tensor,
    readout: tuple[Tensor, ...],
    samples: int,
) -> UnrolledNetwork:
    losses, share = chosen_losses(entering, samples)
    followed = torch.zeros_like(entering)
    followed[losses] = entering[losses]
    return UnrolledNetwork(
        layer=model.recurrent,
        names=names,
        recurrences=tuple(ran.recurrence for ran in layers),
        runs=tuple(ran.run for ran in layers),
        lengths=lengths,
        losses=losses.cpu(),
        every=share == 1.0,
        explicit=followed,
        readout=readout,
        count=float(followed.any(2).any(0).sum()),
        pooling=model.pooling,
        truncatable=model.pooling == "last" and not model.recurrent.bidirectional,
    )
