"""Equations as trees: what a program becomes before it is printed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Place(IntEnum):
    """Where in a product a factor stands: numbers first, then adjoints, gates, all else."""

    NUMBER = 0
    ADJOINT = 1
    GATE = 2
    OTHER = 3


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True)
class Symbol:
    """A named value, as LaTeX."""

    latex: str
    place: Place = Place.OTHER


@dataclass(frozen=True)
class Operation:
    """An elementwise operation of a program on terms."""

    name: str
    arguments: tuple[Term, ...]


Term = Number | Symbol | Operation


@dataclass(frozen=True)
class Equation:
    """One value under one or several names."""

    names: tuple[Symbol, ...]
    value: Term
