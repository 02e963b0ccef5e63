"""The symbols of a cell's derivation: gates, states and units by their names, in time."""

from __future__ import annotations

import re
from collections.abc import Sequence

from throughtime.equations.derivation.terms import Place, Symbol

NOW, BEFORE, LAST = "t", "t-1", "T"

_GREEK = re.compile(
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|mu|nu|xi|pi|rho|sigma|tau|upsilon|"
    "phi|chi|psi|omega"
)
# Letters that mean something else in a derivation when they bear other indices.
_LETTERS_IN_USE = frozenset({"a", "u", "x", "y", "b", "c"})


class Names:
    """Gives each value of a cell a symbol that no other value has.

    Args:
        states: The cell's states.
        units: The cell's unit vectors.
        gates: The cell's gates.
    """

    def __init__(self, states: Sequence[str], units: Sequence[str], gates: Sequence[str]) -> None:
        self._taken = {"x_t", "y_t", "y_T", "E", r"\sigma", r"\delta"}
        self._named = {*states, *units, *_LETTERS_IN_USE}
        self._gates: dict[str, tuple[str, ...]] = {}
        for gate in gates:
            *first, last = _index(gate)
            while (*first, last) in self._gates.values():  # f1 beside f_1
                last += "'"
            self._gates[gate] = (*first, last)
            self._taken |= {self.weight(letter, gate) for letter in "WUbc"}
        self.inputs = {gate: self._gate_plane("a", gate) for gate in gates}
        self.products = {gate: self._gate_plane("u", gate) for gate in gates}
        self.after: dict[str, str] = {}
        self.before: dict[str, str] = {}
        self.last: dict[str, str] = {}
        for state in states:
            head, index = self._free(state, NOW)
            self.after[state] = indexed(head, (*index, NOW))
            self.before[state] = indexed(head, (*index, BEFORE))
            self.last[state] = indexed(head, (*index, LAST))
            self._taken.add(self.last[state])
        self.units: dict[str, str] = {}
        self.units_in_time: dict[str, str] = {}
        for unit in units:
            head, index = self._free(unit)
            self.units[unit] = indexed(head, index)
            self.units_in_time[unit] = indexed(head, (*index, NOW))
        self._count = {"q": 0, r"\delta": 0}

    def gate(self, gate: str) -> Symbol:
        """Name the activation of a gate: `r_t`; with a tilde where the letter means another."""
        tilde = gate in self._named
        head, index = self._free(gate, NOW, tilde=tilde)
        return Symbol(indexed(head, (*index, NOW)), Place.GATE)

    def numbered(self, adjoint: bool) -> Symbol:
        r"""Give a value that has no name of its own the next number: `q_{1,t}`, `\delta_{1,t}`."""
        letter = r"\delta" if adjoint else "q"
        while True:
            self._count[letter] += 1
            text = indexed(letter, (str(self._count[letter]), NOW))
            if text not in self._taken:
                return Symbol(text, Place.ADJOINT if adjoint else Place.OTHER)

    def weight(self, letter: str, gate: str) -> str:
        """Name the weights or the bias of a gate: `W_r`."""
        return indexed(letter, self._gates[gate])

    def _gate_plane(self, letter: str, gate: str) -> str:
        text = indexed(letter, (*self._gates[gate], NOW))
        self._taken.add(text)
        return text

    def _free(self, name: str, *time: str, tilde: bool = False) -> tuple[str, tuple[str, ...]]:
        """Find a head and indices for a name; a head in use gets a prime."""
        head, *index = _index(name)
        if tilde:
            head = rf"\tilde{{{head}}}"
        while (text := indexed(head, (*index, *time))) in self._taken:
            head += "'"
        self._taken.add(text)
        return head, tuple(index)


def indexed(head: str, index: Sequence[str]) -> str:
    """Write a letter with its indices: `h_{t-1}`, `p_i`, `tau`."""
    if not index:
        return head
    text = ",".join(index)
    return f"{head}_{text}" if len(text) == 1 else f"{head}_{{{text}}}"


def _index(name: str) -> tuple[str, ...]:
    """Cut a name into a head and indices, each as LaTeX: `p_in` is p with the index "in"."""
    parts = re.findall(r"[^\W\d_]+|\d+", name) or [name.replace("_", r"\_")]
    return tuple(_letters(part) for part in parts)


def _letters(part: str) -> str:
    if _GREEK.fullmatch(part):
        return f"\\{part}"
    if part.isdigit() or (len(part) == 1 and part != NOW):
        return part
    return rf"\mathrm{{{part}}}"
