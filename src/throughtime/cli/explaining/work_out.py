"""A network worked out: forward, the gradient term by term, the update, forward again."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from throughtime.cli.explaining.example import Example
from throughtime.report.explanation.worked import Worked

if TYPE_CHECKING:
    from torch import Tensor

    from throughtime.flow.itemised import Itemised
    from throughtime.nn import Network

_MATRIX = 16
"""Numbers of a state up to which the transitions are noted whole."""


def work_out(example: Example, learning_rate: float) -> Worked:
    """Compute all that an explanation says.

    Raises:
        FloatingPointError: The error, or its gradient, is not finite.
    """
    import torch

    from throughtime.flow.itemise import itemise
    from throughtime.gradients import BPTT

    network, state = example.network, _given(example.state)
    T, N = len(example.inputs), sum(s[:, 0].numel() for s in example.state)
    found = itemise(network, example.inputs, example.targets, _squared, T - 1, state)
    terms = {name: found.terms(name) for name in found.names}
    for name, term in terms.items():
        if not torch.isfinite(term).all():
            raise FloatingPointError(f"the gradient by {name} is not finite")
    outputs, states = _forward(network, example, found)

    learner = copy.deepcopy(network)
    last = torch.zeros(T, 1, 1, dtype=example.inputs.dtype)
    last[-1] = 1

    def last_error(y: Tensor, d: Tensor) -> Tensor:
        return last * _squared(y, d)

    learner.zero_grad()
    list(BPTT(reduce="sum")(learner, example.inputs, example.targets, last_error, state))
    by_engine = {name: parameter.grad for name, parameter in learner.named_parameters()}
    with torch.no_grad():
        for name, parameter in learner.named_parameters():
            parameter.sub_(learning_rate * terms[name].sum(0))
    after = itemise(learner, example.inputs, example.targets, _squared, T - 1, state)
    outputs_after, states_after = _forward(learner, example, after)
    return Worked(
        cell=network.recurrent.cell.name,
        source=example.source,
        activation=network.output_activation,
        learning_rate=learning_rate,
        weights={name: parameter.tolist() for name, parameter in network.named_parameters()},
        inputs=example.inputs[:, 0].tolist(),
        targets=example.targets[:, 0].tolist(),
        places=[(place.layer, place.state, place.unit) for place in found.places],
        states=states.tolist(),
        outputs=outputs.tolist(),
        errors=_errors(outputs, example),
        by_output=found.by_output[0].tolist(),
        output_by_state=found.output_by_state[0].tolist(),
        by_state=found.by_state[:, 0].tolist(),
        transitions=[found.transition(k)[0].tolist() for k in range(T)] if N <= _MATRIX else [],
        parts=_parts(found) if N == 1 else {},
        terms={name: term.tolist() for name, term in terms.items()},
        gradient={name: term.sum(0).tolist() for name, term in terms.items()},
        backpropagated={
            name: None if gradient is None else gradient.tolist()
            for name, gradient in by_engine.items()
        },
        updated={name: parameter.tolist() for name, parameter in learner.named_parameters()},
        states_after=states_after.tolist(),
        outputs_after=outputs_after.tolist(),
        errors_after=_errors(outputs_after, example),
    )


def _squared(y: Tensor, d: Tensor) -> Tensor:
    return (d - y) ** 2


def _given(state: tuple[Tensor, ...]) -> Any:
    return state if len(state) > 1 else state[0]


def _forward(network: Network, example: Example, found: Itemised) -> tuple[Tensor, Tensor]:
    """Give the outputs, [T, O], and the states, [T + 1, N]."""
    import torch

    with torch.no_grad():
        outputs, _ = network(example.inputs, _given(example.state))
    return outputs[:, 0], found.states[:, 0]


def _errors(outputs: Tensor, example: Example) -> list[float]:
    errors: list[float] = _squared(outputs, example.targets[:, 0]).sum(1).tolist()
    return errors


def _parts(found: Itemised) -> dict[str, list[list[float]]]:
    """Give the explicit and implicit parts for a state of one number, weights of one too."""
    return {
        name: [[float(part.sum()) for part in parts] for parts in found.state_by_weight(name)]
        for name in found.names
        if not name.startswith("readout") and found.terms(name)[0].numel() == 1
    }
