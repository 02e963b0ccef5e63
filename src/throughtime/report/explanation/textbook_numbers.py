"""The numbers of the textbook's network under the textbook's names."""

from __future__ import annotations

from dataclasses import dataclass

from throughtime.report.explanation.functions import Function, functions
from throughtime.report.explanation.worked import Numbers, Worked, flat

NAMES = {
    "W_y": "readout.weight",
    "W_s": "recurrent.weight_hh_l0",
    "W_x": "recurrent.weight_ih_l0",
}
CELLS = {"elman": "tanh", "elman_relu": "relu"}
"""Cells of the textbook's form, with their g_1."""


def is_textbook(worked: Worked) -> bool:
    """Whether a network is the textbook's: of one unit, input and output, without biases."""
    return (
        worked.cell in CELLS
        and worked.activation in functions
        and set(worked.weights) == set(NAMES.values())
        and all(len(flat(weight)) == 1 for weight in worked.weights.values())
    )


@dataclass(frozen=True)
class Pass:
    """One pass forward; numbers by their step, S from 0, all others from 1.

    Attributes:
        W: The weights by name.
        S: States.
        Y: Outputs.
        E: Errors.
    """

    W: dict[str, float]
    S: dict[int, float]
    Y: dict[int, float]
    E: dict[int, float]

    @classmethod
    def of(
        cls,
        weights: dict[str, Numbers],
        states: list[list[float]],
        outputs: list[list[float]],
        errors: list[float],
    ) -> Pass:
        """Give the numbers of a pass, as a `Worked` has them, by step."""
        return cls(
            W={name: flat(weights[long])[0] for name, long in NAMES.items()},
            S=dict(enumerate(row[0] for row in states)),
            Y=dict(enumerate((row[0] for row in outputs), 1)),
            E=dict(enumerate(errors, 1)),
        )


class TextbookNumbers:
    """The textbook's network worked out.

    Attributes:
        worked: All of it.
        N: The last step, whose error is differentiated.
        steps: 1, ..., N.
        g_1: Of the state.
        g_2: Of the output.
        x: Inputs by step.
        d: Desired outputs by step.
        before: The pass before the update.
        after: The pass after it.
        gradient: dE_N/dW by name.
        by_output: dE_N/dY_N.
        output_by_state: dY_N/dS_N.
        slope: g_1' at each step.
        by_older: dS_t/dS_{t-1} by t.
        last_by: dS_N/dS_k by k.
    """

    def __init__(self, worked: Worked) -> None:
        self.worked, self.N = worked, worked.steps
        self.steps = range(1, self.N + 1)
        self.g_1: Function = functions[CELLS[worked.cell]]
        self.g_2: Function = functions[worked.activation]
        self.x = dict(enumerate((row[0] for row in worked.inputs), 1))
        self.d = dict(enumerate((row[0] for row in worked.targets), 1))
        self.before = Pass.of(worked.weights, worked.states, worked.outputs, worked.errors)
        self.after = Pass.of(
            worked.updated, worked.states_after, worked.outputs_after, worked.errors_after
        )
        self.gradient = {name: flat(worked.gradient[long])[0] for name, long in NAMES.items()}
        self.by_output = worked.by_output[0]
        self.output_by_state = worked.output_by_state[0][0]
        self.slope = {t: self.g_1.slope(self.before.S[t]) for t in self.steps}
        self.by_older = dict(enumerate((rows[0][0] for rows in worked.transitions), 1))
        self.last_by = {self.N: 1.0}
        for k in range(self.N - 1, 0, -1):
            self.last_by[k] = self.last_by[k + 1] * self.by_older[k + 1]

    def terms(self, name: str) -> dict[int, float]:
        """Give the terms of a weight's gradient by their step."""
        terms = self.worked.terms[NAMES[name]]
        return dict(enumerate((flat(term)[0] for term in terms), 1))

    def heard(self, name: str) -> dict[int, float]:
        """Give what a weight multiplies at each step."""
        return self.x if name == "W_x" else {t: self.before.S[t - 1] for t in self.steps}

    def parts(self, name: str) -> dict[int, tuple[float, float]]:
        """Give the explicit and the implicit part of dS_t/dW by step."""
        return {t: (e, i) for t, (e, i) in enumerate(self.worked.parts[NAMES[name]], 1)}
