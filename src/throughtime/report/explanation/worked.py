"""A network worked out on given numbers: all that an explanation says, as plain numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

Numbers = Any
"""A float, or lists of these nested as the tensor was."""


@dataclass(frozen=True)
class Worked:
    """What was computed for one sequence, and for the squared error of its last step.

    Steps are counted from 1, as the textbook does; lists of T + 1 begin before the first.

    Attributes:
        cell: Its name.
        source: Where network and sequence come from, in words.
        activation: The name of the readout's function g.
        learning_rate: Of the update.
        weights: By name.
        inputs: [T, I]
        targets: [T, O]
        places: What each of the N numbers of the state is: layer, state, unit.
        states: [T + 1, N]
        outputs: [T, O]
        errors: Squared error of each step, summed over outputs, [T].
        by_output: dE_T/dY_T, [O].
        output_by_state: dY_T/dS_T, [O, N].
        by_state: dE_T/dS_k, [T + 1, N].
        transitions: dS_k/dS_{k-1}, [T, N, N]; empty where N is large.
        parts: For each recurrent weight of a state of one number, the explicit and the implicit
            part of dS_k/dW, [T, 2]; empty for larger states.
        terms: The term of each step in dE_T/dW, [T, as W], by name.
        gradient: Their sums.
        backpropagated: The same by `BPTT` on the engine that trains.
        updated: The weights after one update.
        states_after: As `states`, with the new weights.
        outputs_after: [T, O], with the new weights.
        errors_after: [T], with the new weights.
    """

    cell: str
    source: str
    activation: str
    learning_rate: float
    weights: dict[str, Numbers]
    inputs: list[list[float]]
    targets: list[list[float]]
    places: list[tuple[int, str, int]]
    states: list[list[float]]
    outputs: list[list[float]]
    errors: list[float]
    by_output: list[float]
    output_by_state: list[list[float]]
    by_state: list[list[float]]
    transitions: list[list[list[float]]]
    parts: dict[str, list[list[float]]]
    terms: dict[str, list[Numbers]]
    gradient: dict[str, Numbers]
    backpropagated: dict[str, Numbers]
    updated: dict[str, Numbers]
    states_after: list[list[float]]
    outputs_after: list[list[float]]
    errors_after: list[float]

    @property
    def steps(self) -> int:
        """How many steps there are, T."""
        return len(self.inputs)

    def as_dict(self) -> dict[str, Any]:
        """Give all numbers, for JSON."""
        return asdict(self)


def flat(numbers: Numbers) -> list[float]:
    """Give nested numbers as one list."""
    if isinstance(numbers, list):
        return [number for part in numbers for number in flat(part)]
    return [float(numbers)]
