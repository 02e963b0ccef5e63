"""Mathematics read from the LaTeX that an explanation is written in, as a tree to be set anew.

Only what explanations use is known: letters, numbers, scripts, fractions, roots, functions, cases
and matrices. A command that is not known is an error, so that none is lost on the way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

from throughtime.report.numerals import MINUS


class NotationError(ValueError):
    """A piece of LaTeX is not one that explanations are written in."""


@dataclass(frozen=True)
class Letter:
    """A name: one letter in italics, or several upright."""

    text: str


@dataclass(frozen=True)
class Figure:
    """A number."""

    text: str


@dataclass(frozen=True)
class Sign:
    """An operator, a relation or a parenthesis; `tall` ones grow with what they enclose."""

    text: str
    tall: bool = False


@dataclass(frozen=True)
class Words:
    """Text, or a space."""

    text: str


@dataclass(frozen=True)
class Row:
    """Parts one after another."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Scripts:
    """A base with what stands below and above it."""

    base: Node
    below: Node | None = None
    above: Node | None = None


@dataclass(frozen=True)
class Fraction:
    """One part over another."""

    numerator: Node
    denominator: Node


@dataclass(frozen=True)
class Root:
    """A square root."""

    radicand: Node


@dataclass(frozen=True)
class Tilde:
    """A part with a tilde on it."""

    base: Node


@dataclass(frozen=True)
class Grid:
    """Rows of cells: the "cases" of a choice, or a "matrix"."""

    kind: str
    rows: tuple[tuple[Node, ...], ...]


Node = Letter | Figure | Sign | Words | Row | Scripts | Fraction | Root | Tilde | Grid

_GREEK = {
    name: unescape(f"&{name};")
    for name in (
        "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
        "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi",
        "omega",
    )
}  # fmt: skip
TRANSPOSE, PRIME = "\N{DOWN TACK}", "\N{PRIME}"
_FUNCTIONS = frozenset({"tanh", "exp", "log", "max", "min"})
_SIGNS = {
    "partial": "∂", "cdot": "·", "odot": "⊙", "sum": "∑", "top": TRANSPOSE, "le": "≤", "ge": "≥",
    "ne": "≠", "prime": PRIME, "dots": "…",
}  # fmt: skip
_SPACES = {"quad": "\u2003", ",": "\u2009", ";": "\u2005", " ": " "}
_ENVIRONMENTS = {"cases": "cases", "pmatrix": "matrix"}
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S")


def read(latex: str) -> Node:
    """Read a formula.

    Raises:
        NotationError: It holds a command that is not known, or is not closed.
    """
    reader = _Reader(latex)
    row = reader.row()
    if reader.ahead:
        raise NotationError(f"{reader.ahead[0]!r} closes nothing in {latex!r}")
    return row


class _Reader:
    def __init__(self, latex: str) -> None:
        self.latex = latex
        self.ahead = _tokens(latex)

    def row(self, *ends: str) -> Row:
        parts: list[Node] = []
        while self.ahead and self.ahead[0] not in ("}", "&", r"\\", r"\end", *ends):
            parts.append(self.scripted())
        return Row(tuple(parts))

    def scripted(self) -> Node:
        base = self.atom()
        below = above = None
        while self.ahead and self.ahead[0] in ("_", "^", "'"):
            mark = self.next()
            if mark == "_":
                below = self.atom()
            elif mark == "^":
                above = self.atom()
            else:
                above = Sign(PRIME)
        return Scripts(base, below, above) if below or above else base

    def atom(self) -> Node:
        token = self.next()
        if token == "{":
            row = self.row()
            self.expect("}")
            return row.parts[0] if len(row.parts) == 1 else row
        if token.startswith("\\"):
            return self.command(token[1:])
        if token[0].isdigit():
            return Figure(token)
        if token.isalpha():
            return Letter(token)
        return Sign(MINUS if token == "-" else token)

    def command(self, name: str) -> Node:
        if name in _GREEK:
            return Letter(_GREEK[name])
        if name in _FUNCTIONS:
            return Letter(name)
        if name in _SIGNS:
            return Sign(_SIGNS[name])
        if name in _SPACES:
            return Words(_SPACES[name])
        match name:
            case "frac":
                return Fraction(self.atom(), self.atom())
            case "sqrt":
                return Root(self.atom())
            case "tilde":
                return Tilde(self.atom())
            case "left":
                opening = Sign(self.next(), tall=True)
                inner = self.row(r"\right")
                self.expect(r"\right")
                return Row((opening, *inner.parts, Sign(self.next(), tall=True)))
            case "text":
                return Words(self.verbatim())
            case "mathrm":
                return Letter(self.verbatim())
            case "mathbf":
                return Figure(self.verbatim())
            case "begin":
                return self.grid()
        raise NotationError(f"\\{name} is not known, in {self.latex!r}")

    def grid(self) -> Grid:
        environment = self.verbatim()
        if environment not in _ENVIRONMENTS:
            raise NotationError(f"environment {environment!r} is not known, in {self.latex!r}")
        rows: list[tuple[Node, ...]] = []
        cells: list[Node] = []
        while True:
            cells.append(self.row())
            mark = self.next()
            if mark == "&":
                continue
            rows.append(tuple(cells))
            cells = []
            if mark == r"\end":
                self.verbatim()
                return Grid(_ENVIRONMENTS[environment], tuple(rows))

    def verbatim(self) -> str:
        self.expect("{")
        found = []
        while self.ahead and self.ahead[0] != "}":
            found.append(self.next())
        self.expect("}")
        return "".join(found)

    def expect(self, token: str) -> None:
        found = self.next()
        if found != token:
            raise NotationError(f"{token!r} is expected, {found!r} stands in {self.latex!r}")

    def next(self) -> str:
        if not self.ahead:
            raise NotationError(f"{self.latex!r} ends too early")
        return self.ahead.pop(0)


def _tokens(latex: str) -> list[str]:
    r"""Cut LaTeX into tokens; the words of `\text` are one."""
    found: list[str] = []
    place = 0
    while place < len(latex):
        words = re.match(r"\\(?:text|mathrm)\{([^{}]*)\}", latex[place:])
        if words:
            found += [words.group().split("{")[0], "{", words.group(1), "}"]
            place += words.end()
            continue
        token = _TOKEN.match(latex, place)
        if token is None:
            place += 1  # a space
            continue
        found.append(token.group())
        place = token.end()
    return found
