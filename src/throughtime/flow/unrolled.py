"""A network unrolled on given sequences, with the explicit gradient of each step's loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from throughtime.engine.recurrence import Recurrence, Weights
from throughtime.engine.textbook import Unrolled, nan_origin, unroll
from throughtime.gradients.method import Loss, check_sequences
from throughtime.gradients.objective import elementwise, valid_steps
from throughtime.nn import Network, Recurrent
from throughtime.nn.as_torch import OnOurEngines
from throughtime.nn.shapes import check_input, check_lengths, check_state

Readout = Callable[[Tensor], Tensor]


class NoFlowError(ValueError):
    """There is no gradient to follow: it is zero everywhere, or not finite."""


@dataclass(frozen=True)
class UnrolledNetwork:
    """A network run on sequences, layer by layer from the input up.

    Attributes:
        layer: The recurrent layers.
        names: What each of those that were run is called.
        recurrences: What each layer ran.
        runs: What it gave, and what a backward pass reads.
        lengths: Valid steps of each row, [B].
        losses: The steps whose losses are followed back, ascending, int64 [S].
        every: Whether these are all that have a gradient.
        explicit: dE_s/dh_s of the last layer's outputs, zero where a loss is not followed,
            [T, B, H].
        readout: The gradient of the followed losses by what else is learned: the readout.
        count: Over how many numbers a mean of the followed losses is taken.
        pooling: None where each step has its own loss; else how a sequence's one loss is pooled,
            `losses` being the steps at which it enters.
        truncatable: Whether windows of truncated backpropagation end at `losses`. What is pooled
            goes along with the state, and a window cuts that too.
    """

    layer: Recurrent
    names: tuple[str, ...]
    recurrences: tuple[Recurrence, ...]
    runs: tuple[Unrolled, ...]
    lengths: Tensor
    losses: Tensor
    every: bool
    explicit: Tensor
    readout: tuple[Tensor, ...]
    count: float
    pooling: str | None = None
    truncatable: bool = True


def unroll_network(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
    state: Any,
    lengths: Tensor | Sequence[int] | None,
    readout: Readout | None,
    samples: int,
) -> UnrolledNetwork:
    """Run a network in evaluation mode and differentiate its losses by its last layer's outputs.

    Arguments and errors as for `throughtime.flow`.
    """
    layer, read, parameters = _parts(model, readout)
    given = check_sequences(inputs, targets, lengths)
    refuse_mps(inputs)
    if isinstance(model, Network):
        with torch.no_grad():
            inputs = model.columns(inputs)
    check_input(layer, inputs)
    T, B = inputs.shape[:2]
    whole = torch.full((B,), T) if given is None else check_lengths(given, T, B)
    given = whole if int(whole.min()) < T else None
    refuse_inputs(inputs, whole)
    with torch.no_grad():
        recurrences, runs = _run(layer, inputs, check_state(layer, inputs, state, False), given)
    with torch.enable_grad(), evaluating(model, readout):
        outputs = runs[-1].outputs.detach().requires_grad_()
        by_step = elementwise(loss, read(outputs), targets, given)
        valid = valid_steps(whole, by_step).view(T, B, *(1,) * (by_step.dim() - 2))
        count = int(whole.sum()) * by_step[0, 0].numel()
        by_step = torch.where(valid, by_step, 0.0).flatten(1).sum(1)  # [T]
        (explicit,) = torch.autograd.grad(by_step.sum(), outputs, retain_graph=True)
        refuse_explicit(explicit)
        losses, share = chosen_losses(explicit, samples)
        of_readout: tuple[Tensor | None, ...] = ()
        if parameters and by_step.requires_grad:
            of_readout = torch.autograd.grad(by_step[losses].sum(), parameters, allow_unused=True)
    followed = torch.zeros_like(explicit)
    followed[losses] = explicit[losses]
    return UnrolledNetwork(
        layer=layer,
        names=tuple(f"layer {number}" for number in range(len(runs))),
        recurrences=recurrences,
        runs=runs,
        lengths=whole,
        losses=losses.cpu(),
        every=share == 1.0,
        explicit=followed,
        readout=tuple(gradient for gradient in of_readout if gradient is not None),
        count=count * share,
    )


@contextmanager
def evaluating(*parts: object) -> Iterator[None]:
    """Let modules be in evaluation mode inside: no dropout, and no random number drawn for it."""
    modules = [module for part in parts if isinstance(part, nn.Module) for module in part.modules()]
    modes = [module.training for module in modules]
    try:
        for module in modules:
            module.training = False
        yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


def _parts(model: nn.Module, readout: Readout | None) -> tuple[Recurrent, Readout, list[Tensor]]:
    """Give the recurrent layers, what is read from their outputs, and what that learns."""
    if isinstance(model, Network):
        if readout is not None:
            raise ValueError("a Network has its own readout; leave out `readout`")
        layer: nn.Module = model.recurrent
        read, learned = cast(Readout, model.read), list(model.readout.parameters())
    elif isinstance(model, Recurrent | OnOurEngines):
        layer, learned = model, []
        read = readout if readout is not None else (lambda h: h)
        if isinstance(readout, nn.Module):
            learned = list(readout.parameters())
    else:
        raise TypeError(
            "flow follows gradients through the cell's equations, which it finds in a "
            "throughtime.Network or in a layer of throughtime.nn (Recurrent, RNN, GRU, LSTM; pass "
            f"what is read from its outputs as readout=); got {type(model).__name__}; "
            "throughtime.nn.convert_ turns torch's layers into such layers"
        )
    found = cast(Recurrent, layer)  # torch's classes on our engines have all that is used of it
    if found.bidirectional or found.batch_first:
        raise ValueError(
            "flow needs a network with bidirectional=False and batch_first=False: with two "
            "directions a loss reaches later steps too; for rows first pass inputs.transpose(0, 1)"
        )
    if getattr(found, "proj_size", 0):
        raise ValueError("flow knows no projected states; make the layer with proj_size=0")
    return found, read, [parameter for parameter in learned if parameter.requires_grad]


def _run(
    layer: Recurrent, x: Tensor, states: tuple[Tensor, ...], lengths: Tensor | None
) -> tuple[tuple[Recurrence, ...], tuple[Unrolled, ...]]:
    recurrences, runs = [], []
    for number in range(layer.num_layers):
        own = tuple(s[number].detach() for s in states)
        recurrence, run = run_layer(layer, number, x, own, lengths)
        recurrences.append(recurrence)
        runs.append(run)
        x = run.outputs
    return tuple(recurrences), tuple(runs)


def run_layer(
    layer: Recurrent,
    number: int,
    x: Tensor,
    state: tuple[Tensor, ...],
    lengths: Tensor | None,
    backward: bool = False,
) -> tuple[Recurrence, Unrolled]:
    """Run one layer, in evaluation, along rows as they stand.

    Args:
        layer: The layers.
        number: Which, from the input up.
        x: [T, B, I]
        state: The states before the first step, [B, H] each.
        lengths: Valid steps of each row, [B]; None where all are.
        backward: Whether with the weights of the direction that runs backward.

    Raises:
        NoFlowError: A state is not finite.
    """
    shares = getattr(layer, "zoneout", ())
    # In evaluation zoneout takes its expectation.
    taken = [torch.full_like(s, 1 - p)[None] for s, p in zip(state, shares, strict=False)]
    recurrence = Recurrence(
        layer.cell,
        x,
        state,
        _detached(layer.weights(number, backward)),
        lengths,
        taken=tuple(taken) if any(shares) else None,
    )
    run = unroll(recurrence)
    _refuse_states(number, recurrence, run)
    return recurrence, run


def _detached(weights: Weights) -> Weights:
    tensors = {name: getattr(weights, name) for name in ("W", "U", "b", "c")}
    return Weights(
        **{name: None if t is None else t.detach() for name, t in tensors.items()},
        units=tuple(unit.detach() for unit in weights.units),
    )


def chosen_losses(explicit: Tensor, samples: int) -> tuple[Tensor, float]:
    """Choose evenly among the steps whose loss has a gradient, the last one among them.

    Returns:
        The steps, and their share in all of these.
    """
    steps = explicit.flatten(1).any(1).nonzero()[:, 0]
    if not len(steps):
        raise NoFlowError("every loss has a gradient of zero; there is nothing to follow")
    if len(steps) <= samples:
        return steps, 1.0
    stride = -(-len(steps) // samples)
    chosen = steps.flip(0)[::stride].flip(0)
    return chosen, len(chosen) / len(steps)


def refuse_mps(inputs: Tensor) -> None:
    """Refuse a device without double precision."""
    if inputs.device.type == "mps":
        raise ValueError("flow computes in double precision, which mps has not; move to the CPU")


def refuse_inputs(inputs: Tensor, lengths: Tensor) -> None:
    """Refuse inputs with NaN or infinity at a valid step."""
    valid = valid_steps(lengths, inputs)  # [T, B]
    faults = (~inputs.isfinite().flatten(2).all(2) & valid).nonzero()
    if len(faults):
        step, row = faults[0].tolist()
        raise NoFlowError(
            f"the inputs are not finite from step {step} on (row {row}), and no gradient is where "
            "activations are NaN; fill or leave out what is missing"
        )


def _refuse_states(number: int, recurrence: Recurrence, run: Unrolled) -> None:
    before = torch.stack([*run.trajectory.states])  # [K, T, B, H]
    after = torch.cat([before[:, 1:], torch.stack(run.final)[:, None]], 1)
    if bool(after.isfinite().all()) and bool(before[:, 0].isfinite().all()):
        return
    if not bool(before[:, 0].isfinite().all()):
        raise NoFlowError(f"layer {number}: the states before the first step are not finite")
    faults = (~after.isfinite()).any(0).nonzero()  # ordered by step
    step, row, unit = faults[0].tolist()
    origin = nan_origin(recurrence)
    how = f": {origin}" if origin is not None and origin.step <= step else ""
    weights = recurrence.weights
    if any(w is not None and not w.isfinite().all() for w in (weights.W, weights.U)):
        how = ": its weights are not finite"
    raise NoFlowError(
        f"layer {number}: the activations are not finite from step {step} on (row {row}, unit "
        f"{unit}){how}; there is no gradient to follow; check the weights, lower the learning rate "
        "or clip gradients"
    )


def refuse_explicit(explicit: Tensor) -> None:
    """Refuse a loss whose gradient by the outputs, [T, B, H], is not finite."""
    if not bool(explicit.isfinite().all()):
        step, row = (~explicit.isfinite()).any(2).nonzero()[0].tolist()
        raise NoFlowError(
            f"the gradient of the loss by the outputs is not finite at step {step} (row {row}); "
            "check the targets and the readout's weights for NaN"
        )
