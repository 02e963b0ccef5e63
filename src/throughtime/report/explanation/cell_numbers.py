"""The numbers of a layer of any cell, every value of its equations by step and unit."""

from __future__ import annotations

import re

from throughtime.cells import find
from throughtime.equations import Cell
from throughtime.equations.derivation import WrittenOut, evaluated, write_out
from throughtime.report.explanation.worked import Numbers, Worked

_UNITS = 3
_LETTERS = {"W": "weight_ih", "U": "weight_hh", "b": "bias_ih", "c": "bias_hh"}
# The index of time at the end of a symbol: `_t`, `_{r,t}`, `_{t-1}`.
_TIME = re.compile(r"(?<!mathrm\{)(?<=[_{,])t(-1)?(?![A-Za-z0-9-])")


def is_written_out(worked: Worked) -> bool:
    """Whether a network is small enough for every number: one layer of a few units."""
    layers = {layer for layer, _, _ in worked.places}
    units = {unit for _, _, unit in worked.places}
    return len(layers) == 1 and len(units) <= _UNITS and len(worked.by_output) == 1


class CellNumbers:
    """A layer of a cell worked out. Steps are counted from 1, units from 0.

    Attributes:
        worked: All of it.
        cell: The cell.
        written: Its equations.
        N: The last step, whose error is differentiated.
        H: Units.
        steps: 1, ..., N.
        values: At each step, for each unit, every value by its symbol with the index t; the
            derivatives by values are among them.
        weights: By letter and gate ("W", "r"): rows of numbers; ("unit", name): one row.
    """

    def __init__(self, worked: Worked) -> None:
        self.worked = worked
        self.cell: Cell = find(worked.cell)
        self.written: WrittenOut = write_out(self.cell)
        self.N, self.H = worked.steps, 1 + max(unit for _, _, unit in worked.places)
        self.steps = range(1, self.N + 1)
        self.weights = self._by_gate(worked.weights)
        self.values = {t: [self._unit(t, unit) for unit in range(self.H)] for t in self.steps}

    def _by_gate(self, weights: dict[str, Numbers]) -> dict[tuple[str, str], list[list[float]]]:
        found: dict[tuple[str, str], list[list[float]]] = {}
        for letter, name in _LETTERS.items():
            tensor = weights.get(f"recurrent.{name}_l0")
            if tensor is None:
                continue
            gates = self.cell.input_gates if letter in "Wb" else self.cell.recurrent_gates
            for place, gate in enumerate(gates):
                rows = tensor[place * self.H : (place + 1) * self.H]
                found[letter, gate] = [row if isinstance(row, list) else [row] for row in rows]
        for unit in self.cell.units:
            found["unit", unit] = [[value] for value in weights[f"recurrent.{unit}_l0"]]
        return found

    def split(self, weights: dict[str, Numbers]) -> dict[tuple[str, str], list[list[float]]]:
        """Cut weights, or what is shaped as they are, by letter and gate."""
        return self._by_gate(weights)

    def state(self, t: int, name: str, unit: int) -> float:
        """Give a state after step t; step 0 is before the first."""
        return self.worked.states[t][self.worked.places.index((0, name, unit))]

    def derivative(self, t: int, name: str, unit: int) -> float:
        """Give dE_N by a state after step t, all that goes through it."""
        return self.worked.by_state[t][self.worked.places.index((0, name, unit))]

    def heard(self, letter: str, t: int) -> list[float]:
        """Give what a weight multiplies at a step."""
        if letter == "W":
            return self.worked.inputs[t - 1]
        first = self.cell.states[0]
        return [self.state(t - 1, first, unit) for unit in range(self.H)]

    def product(self, letter: str, bias: str, gate: str, t: int, unit: int) -> float:
        """Give `W x + b`, or `U h + c`, of a gate."""
        row = self.weights[letter, gate][unit]
        total = sum(w * x for w, x in zip(row, self.heard(letter, t), strict=True))
        return total + (self.weights[bias, gate][unit][0] if (bias, gate) in self.weights else 0.0)

    def _unit(self, t: int, unit: int) -> dict[str, float]:
        names, cell = self.written.names, self.cell
        values = {
            **{names.before[s]: self.state(t - 1, s, unit) for s in cell.states},
            **{names.units[u]: self.weights["unit", u][unit][0] for u in cell.units},
        }
        for gate in cell.input_gates:
            values[names.inputs[gate]] = self.product("W", "b", gate, t, unit)
        for gate in cell.recurrent_gates:
            values[names.products[gate]] = self.product("U", "c", gate, t, unit)
        for state in cell.states:
            values[rf"\delta {names.after[state]}"] = self.derivative(t, state, unit)
        for equation in (*self.written.step, *self.written.adjoint):
            value = evaluated(equation.value, values)
            values.update((symbol.latex, value) for symbol in equation.names)
        return values


def at_step(latex: str, t: int) -> str:
    """Give a symbol, or a formula of them, with a step for the index t."""

    def numbered(found: re.Match[str]) -> str:
        step = t - 1 if found[1] else t
        alone = found.string[found.start() - 1] == "_"
        return f"{{{step}}}" if alone and step > 9 else str(step)

    return _TIME.sub(numbered, latex)
