"""A walk through time: one sequence forward, the loss of its last step back, step by step.

The numbers that a picture of the unrolled network shows: values and gradients at every step, what
each weight's gradient has come to after so many terms, one unit of the last layer in full, and
which inputs every step's loss hears.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from throughtime.flow.backward_by_lag import backward_by_lag
from throughtime.flow.figures import numbers
from throughtime.flow.itemise import itemise
from throughtime.flow.itemised import Itemised
from throughtime.flow.step_adjoint import StepAdjoint
from throughtime.flow.unrolled import unroll_network
from throughtime.gradients.method import Loss
from throughtime.gradients.objective import elementwise
from throughtime.nn import Network
from throughtime.nn.shapes import check_state

STEPS = 64
"""Steps of a walk: what a page can show."""

_TERMS = 8_000_000
"""Numbers of one weight's terms that are held at once."""
_FEWEST = 8

Column = list[float | None]


@dataclass(frozen=True)
class WeightWalk:
    """The gradient of one weight as it builds up, from the last step back.

    Attributes:
        name: As `named_parameters` has it.
        norm: Of the sum of the terms of the last step, the last two, ..., all of them; [T].
        left: |g - g_k2| / |g|, what a window of 1, 2, ..., T steps leaves out of it.
    """

    name: str
    norm: Column
    left: Column


@dataclass(frozen=True)
class UnitWalk:
    """One unit of the last layer: what its equations hear, each value by step, [T].

    Attributes:
        layer: Counted from 0.
        unit: Counted from 0: the one that receives most of the gradient.
        before: The states before the step, by name.
        inputs: `W x + b` by gate.
        products: `U h + c` by gate.
        constants: Learnable vectors, by name: one number each.
        gradient: dE_s/dS_k by each state after the step.
    """

    layer: int
    unit: int
    before: dict[str, Column]
    inputs: dict[str, Column]
    products: dict[str, Column]
    constants: dict[str, float]
    gradient: dict[str, Column]


@dataclass(frozen=True)
class Walk:
    """One row of T steps, and the loss E_s of the last one, s = T - 1.

    Attributes:
        labels: What the outputs are called, step by step.
        input_labels: What the inputs are called.
        cell: The cell's name.
        inputs: [T, I]
        outputs: [T, O]
        targets: [T, ...], flat for each step.
        losses: E_k of each step, [T].
        states: |S_k| of each layer, [L, T].
        by_state: |dE_s/dS_k| of each layer, what goes up to later layers included, [L, T].
        by_output: |dE_s/dY_s|.
        weights: Those whose terms are not too large to be held.
        unit: None of a cell whose units hear each other otherwise than through U.
        by_input: |dE_s/dx_t| for each loss step s and input step t <= s, None beyond: [T, T].
    """

    labels: list[str]
    input_labels: list[str]
    cell: str
    inputs: list[Column]
    outputs: list[Column]
    targets: list[Column]
    losses: Column
    states: list[Column]
    by_state: list[Column]
    by_output: float | None
    weights: list[WeightWalk]
    unit: UnitWalk | None
    by_input: list[Column]

    def as_dict(self) -> dict[str, Any]:
        """Give plain figures for JSON."""
        return asdict(self)


def walk(
    model: Network,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
    state: Any = None,
    labels: Sequence[str] | None = None,
    input_labels: Sequence[str] | None = None,
) -> Walk:
    """Walk through one sequence, in double precision.

    Args:
        model: A network that runs forward in time only; it is not changed.
        inputs: [T, 1, I]; of many steps the last 64 are walked, fewer for very large layers, with
            the state that the earlier ones lead to.
        targets: [T, 1, ...]
        loss: Elementwise.
        state: What the network carries before the first step; zeros if None.
        labels: What the outputs are called, [T]; the steps' numbers from 0 if None.
        input_labels: What the inputs are called, [T]; as the outputs if None.

    Raises:
        TypeError: The model is no `Network`.
        ValueError: There is not one row, or the arguments do not fit; see `throughtime.itemise`.
        FloatingPointError: A loss or a state is not finite.
        NoFlowError: The loss has no gradient, or it is not finite.
    """
    if inputs.dim() != 3 or inputs.shape[1] != 1:
        raise ValueError(f"a walk goes through one row, [T, 1, I]; got {list(inputs.shape)}")
    names = list(map(str, labels if labels is not None else range(len(inputs))))
    read = names if input_labels is None else list(map(str, input_labels))
    if not len(names) == len(read) == len(inputs):
        raise ValueError(
            f"{len(inputs)} steps need as many labels, got {len(names)} and {len(read)}"
        )
    if not isinstance(model, Network):
        raise TypeError(f"walk needs a throughtime.Network, got {type(model).__name__}")
    # Six figures of every equation are shown, and must agree with each other.
    network = copy.deepcopy(model).double().eval()
    inputs, targets = inputs.double(), _double(targets)
    steps = _steps(network, len(inputs))
    skipped = len(inputs) - steps
    state = _start(network, inputs, state, skipped)
    inputs, targets = inputs[skipped:], targets[skipped:]
    found = itemise(network, inputs, targets, loss, -1, state)
    outputs, losses, by_input = _lens(network, inputs, targets, loss, state)
    shape = network.recurrent.num_layers, len(network.recurrent.cell.states), -1
    states = found.states[:, 0].reshape(len(found.states), *shape)  # [T + 1, L, K, H]
    by_state = _by_state(network, inputs, targets, loss, state)
    return Walk(
        labels=names[skipped:],
        input_labels=read[skipped:],
        cell=network.recurrent.cell.name,
        inputs=_rows(inputs[:, 0]),
        outputs=_rows(outputs),
        targets=_rows(targets[:, 0].reshape(steps, -1)),
        losses=numbers(losses),
        states=_rows(states[1:].flatten(2).norm(dim=2).T),
        by_state=_rows(by_state.flatten(2).norm(dim=2).T),
        by_output=numbers([float(found.by_output.norm())])[0],
        weights=[_weight(found, name) for name in found.names if _held(network, name, steps)],
        unit=_unit(network, inputs, states, by_state),
        by_input=by_input,
    )


def _double(values: Tensor) -> Tensor:
    return values.double() if values.is_floating_point() else values


def _rows(values: Tensor) -> list[Column]:
    return [numbers(row) for row in values]


def _steps(network: Network, T: int) -> int:
    largest = max(parameter.numel() for parameter in network.parameters())
    return min(T, max(_FEWEST, min(STEPS, _TERMS // largest)))


def _held(network: Network, name: str, steps: int) -> bool:
    return network.get_parameter(name).numel() * steps <= _TERMS


def _start(network: Network, inputs: Tensor, state: Any, skipped: int) -> Any:
    """Give the state that the steps which are not walked lead to."""
    given = tuple(
        s.double() for s in check_state(network.recurrent, inputs, _cast(state), single=False)
    )
    before = given if len(given) > 1 else given[0]
    if not skipped:
        return before
    with torch.no_grad():
        return network(inputs[:skipped], before)[1]


def _cast(state: Any) -> Any:
    if isinstance(state, Tensor):
        return state.double()
    return None if state is None else tuple(part.double() for part in state)


def _by_state(network: Network, inputs: Tensor, targets: Tensor, loss: Loss, state: Any) -> Tensor:
    """Give dE_s/dS_k of the last step's loss by each layer's states, [T, L, K, H]."""
    unrolled = unroll_network(network, inputs, targets, loss, state, None, None, samples=1)
    adjoints = tuple(
        StepAdjoint.of(recurrence, run.trajectory)
        for recurrence, run in zip(unrolled.recurrences, unrolled.runs, strict=True)
    )
    layer = network.recurrent
    shape = len(inputs), layer.num_layers, len(layer.cell.states), layer.hidden_size
    found = inputs.new_zeros(shape)
    last = int(unrolled.losses[-1])
    for lag in backward_by_lag(unrolled, adjoints):
        found[last - lag.lag] = torch.stack([torch.cat(by, 1)[0] for by in lag.deltas]).view(
            shape[1:]
        )
    return found


def _weight(found: Itemised, name: str) -> WeightWalk:
    terms = found.terms(name).flatten(1).flip(0)  # of the last step first, [T, numbers]
    within = terms.cumsum(0)
    whole = within[-1].norm()
    left = (within[-1] - within).norm(dim=1) / whole
    left[-1] = 0.0
    return WeightWalk(name, numbers(within.norm(dim=1)), numbers(left))


def _lens(
    network: Network, inputs: Tensor, targets: Tensor, loss: Loss, state: Any
) -> tuple[Tensor, Tensor, list[Column]]:
    """Give outputs [T, O], losses [T], and the norms of dE_s/dx_t by s and t.

    The row is run T times side by side; of copy s only the loss of step s is differentiated, so
    that one backward pass gives the gradients of all losses apart.
    """
    T = len(inputs)
    copies = inputs.expand(T, T, -1).clone().requires_grad_()
    wide = (state,) if isinstance(state, Tensor) else state
    carried = tuple(part.expand(-1, T, -1).contiguous() for part in wide)
    outputs, _ = network(copies, carried if len(carried) > 1 else carried[0])
    wanted = targets.expand(T, T, *targets.shape[2:])
    by_step = elementwise(loss, outputs, wanted, None).reshape(T, T, -1).sum(2)  # [T, copies]
    own = by_step.diagonal()
    (gradient,) = torch.autograd.grad(own.sum(), copies)  # [t, s, I]
    norms = gradient.norm(dim=2).T
    table = [numbers(row[: s + 1]) + [None] * (T - 1 - s) for s, row in enumerate(norms)]
    return outputs[:, 0].detach(), own.detach(), table


def _unit(network: Network, inputs: Tensor, states: Tensor, by_state: Tensor) -> UnitWalk | None:
    """Follow the unit of the last layer that receives most of the gradient.

    Args:
        network: The network.
        inputs: [T, 1, I]
        states: Before the first step and after each, [T + 1, L, K, H].
        by_state: dE_s by those after each step, [T, L, K, H].
    """
    layer, cell = network.recurrent, network.recurrent.cell
    if cell.row_operation is not None:
        return None
    top = layer.num_layers - 1
    unit = int(by_state[:, top, 0].abs().mean(0).nan_to_num().argmax())
    weights = layer.weights(top)
    heard = inputs[:, 0] if top == 0 else states[1:, top - 1, 0]
    with torch.no_grad():
        own = {
            letter: None if matrix is None else linear(values, matrix, bias)
            for letter, matrix, bias, values in (
                ("W", weights.W, weights.b, heard),
                ("U", weights.U, weights.c, states[:-1, top, 0]),
            )
        }

    def planes(letter: str, gates: Sequence[str]) -> dict[str, Column]:
        product = own[letter]
        if product is None:
            return {}
        H = states.shape[-1]
        return {gate: numbers(product[:, place * H + unit]) for place, gate in enumerate(gates)}

    return UnitWalk(
        layer=top,
        unit=unit,
        before={name: numbers(states[:-1, top, k, unit]) for k, name in enumerate(cell.states)},
        inputs=planes("W", cell.input_gates),
        products=planes("U", cell.recurrent_gates),
        constants={
            name: float(vector.detach()[unit])
            for name, vector in zip(cell.units, weights.units, strict=True)
        },
        gradient={name: numbers(by_state[:, top, k, unit]) for k, name in enumerate(cell.states)},
    )
