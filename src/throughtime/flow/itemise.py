"""Every term of the gradient of one step's loss: which earlier step each part of it comes from.

With S_k all states of all layers after step k, Y_s the outputs and E_s the loss at step s,

    dE_s/dW = sum over k <= s of  dE_s/dY_s  dY_s/dS_s  dS_s/dS_k  dS_k/dW (explicit)

(Werbos 1990). The explicit derivative holds S_{k-1}; within step k it goes up through the layers.
Without holding it, dS_k/dW = explicit + dS_k/dS_{k-1} dS_{k-1}/dW, whose second term is the
implicit one (Williams & Zipser 1989).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from throughtime.engine.recurrence import Recurrence, Weights
from throughtime.engine.textbook import Unrolled, any_nan, nan_origin, unroll
from throughtime.flow.itemised import Itemised, Place
from throughtime.flow.readout_step import readout_step
from throughtime.flow.step_derivative import StepDerivative
from throughtime.gradients.method import Loss, check_sequences
from throughtime.nn import Network, Recurrent
from throughtime.nn.shapes import check_input, check_state
from throughtime.nn.weights import suffix


def itemise(
    model: Network,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
    step: int,
    state: Any = None,
    lengths: Tensor | None = None,
) -> Itemised:
    """Take the gradient of one step's loss apart, by weight and by earlier step.

    Derivatives are those of the cell's own adjoint program, exact in the dtype of the network.

    Example:
        >>> import torch, throughtime as tt
        >>> network = tt.Network("gru", 1, 2, 1)
        >>> x, d = torch.randn(2, 5, 1, 1)
        >>> found = tt.itemise(network, x, d, torch.nn.MSELoss(reduction="none"), step=4)
        >>> found.terms("recurrent.weight_hh_l0").shape   # a term for each of the steps 0 to 4
        torch.Size([5, 6, 2])

    Args:
        model: A network that runs forward in time only.
        inputs: [T, B, I]
        targets: [T, B, ...]
        loss: Elementwise.
        step: Whose loss is differentiated, counted from 0; -1 is the last.
        state: What the network carries before the first step; zeros if None.
        lengths: Valid steps of each row, [B]. A row that has ended before the step has no part in
            its loss.

    Returns:
        Factors and terms; see `Itemised`. What is kept grows with the steps and the units; each
        factor is computed when it is asked for.

    Raises:
        TypeError: The model is no `Network`, or the step no whole number.
        ValueError: It is bidirectional or batch-first, or drops units at random; sequences, state
            or step do not fit; the loss of a step looks at the outputs of others.
        FloatingPointError: The loss at the step is not finite; or the cell's equations make a NaN,
            and where is named.
    """
    layer = _checked(model)
    lengths = check_sequences(inputs, targets, lengths)
    T = len(inputs)
    if isinstance(step, bool) or not isinstance(step, int):
        raise TypeError(f"step must be a whole number, got {step!r}")
    if not -T <= step < T:
        raise ValueError(f"step must be from 0 to {T - 1}, as there are {T} steps; got {step}")
    step %= T
    check_input(layer, inputs)
    starts = check_state(layer, inputs, state, single=False)
    with torch.no_grad():
        runs = _unrolled(layer, inputs, starts, lengths)
    h = runs[-1][1].outputs
    read = readout_step(model, h, targets, loss, step, lengths)

    with torch.no_grad():
        steps = StepDerivative([run for run, _ in runs], [u.trajectory for _, u in runs])
        L, K, H = steps.sizes
        B, O = read.by_output.shape  # noqa: E741 - the letter of the literature
        output_by_state = h.new_zeros(B, O, L, K, H)
        output_by_state[:, :, -1, 0] = read.output_by_h
        output_by_state = output_by_state.flatten(2)  # [B, O, N]
        by_state = [torch.einsum("bo,bon->bn", read.by_output, output_by_state)]
        for k in range(step, -1, -1):
            by_state.insert(0, steps.back(k, by_state[0][None]).before[0])
    return Itemised(
        step=step,
        loss=read.loss,
        outputs=read.outputs,
        by_output=read.by_output,
        output_by_state=output_by_state,
        places=tuple(
            Place(number, name, unit)
            for number in range(L)
            for name in layer.cell.states
            for unit in range(H)
        ),
        states=_states(runs, step),
        by_state=torch.stack(by_state),
        names=(*_recurrent_names(layer), *read.by_weight),
        _steps=steps,
        _recurrent=_recurrent_names(layer),
        _readout=read.by_weight,
    )


def _checked(model: Network) -> Recurrent:
    """Give the recurrent layers of a network that can be itemised."""
    if not isinstance(model, Network):
        raise TypeError(f"itemise needs a throughtime.Network, got {type(model).__name__}")
    if type(model).forward is not Network.forward or type(model).read is not Network.read:
        raise TypeError(
            f"itemise differentiates what throughtime.Network computes, and {type(model).__name__} "
            "has a forward or read of its own; give a Network"
        )
    layer = model.recurrent
    if layer.bidirectional or model.batch_first:
        raise ValueError("itemise needs a network with bidirectional=False and batch_first=False")
    if model.training and layer.num_layers > 1 and layer.dropout:
        raise ValueError(
            f"itemise runs no dropout, and the layers have dropout={layer.dropout}; call "
            "model.eval()"
        )
    return layer


Runs = list[tuple[Recurrence, Unrolled]]


def _unrolled(
    layer: Recurrent, inputs: Tensor, starts: tuple[Tensor, ...], lengths: Tensor | None
) -> Runs:
    """Run the layers, each on the outputs of the one below."""
    runs: Runs = []
    x = inputs
    for number in range(layer.num_layers):
        own = tuple(s[number].detach() for s in starts)
        run = Recurrence(layer.cell, x, own, _detached(layer.weights(number)), lengths)
        runs.append((run, unroll(run)))
        x = runs[-1][1].outputs
        if any_nan(x) and (origin := nan_origin(run)) is not None:
            raise FloatingPointError(f"cell {layer.cell.name!r}, layer {number}: {origin}")
    return runs


def _detached(weights: Weights) -> Weights:
    """Give weights that autograd does not follow: what is found may be asked for at any time."""
    matrices = {name: getattr(weights, name) for name in ("W", "U", "b", "c", "P")}
    return Weights(
        **{name: None if tensor is None else tensor.detach() for name, tensor in matrices.items()},
        units=tuple(unit.detach() for unit in weights.units),
    )


def _states(runs: Runs, step: int) -> Tensor:
    """Give all states before the first step and after each up to the last one, [s + 2, B, N]."""
    by_layer = []
    for run, unrolled in runs:
        befores = unrolled.trajectory.states  # [T, B, H] each
        last = step + 1 == len(run.x)
        by_layer.append(
            torch.stack(
                [
                    torch.cat([before, final[None]]) if last else before[: step + 2]
                    for before, final in zip(befores, unrolled.final, strict=True)
                ],
                2,
            )  # [s + 2, B, K, H]
        )
    return torch.stack(by_layer, 2).flatten(2)


def _recurrent_names(layer: Recurrent) -> dict[str, tuple[int, str]]:
    """Give the layer and the letter of each recurrent weight by its name in the network."""
    found = {}
    for number in range(layer.num_layers):
        weights, end = layer.weights(number), suffix(number, reverse=False)
        for name, letter in _LETTERS.items():
            if getattr(weights, letter) is not None:
                found[f"recurrent.{name}{end}"] = number, letter
        for unit in layer.cell.units:
            found[f"recurrent.{unit}{end}"] = number, f"unit {unit}"
    return found


_LETTERS = {"weight_ih": "W", "weight_hh": "U", "bias_ih": "b", "bias_hh": "c"}
