"""Functions of one number as an explanation writes them, with their slopes by their own values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Function:
    """A function g.

    Attributes:
        name: As the library has it.
        written: g of something, as LaTeX.
        derived: The slope where g has a value, as LaTeX.
        slope: The slope where g has a value.
    """

    name: str
    written: Callable[[str], str]
    derived: Callable[[str], str]
    slope: Callable[[float], float]

    def alone(self, y: str) -> str:
        """Give the slope where nothing is multiplied by it."""
        text = self.derived(y)
        return text[1:-1] if text.startswith("(") and text.endswith(")") else text


_ALL = (
    Function("identity", lambda z: z, lambda y: "1", lambda y: 1.0),
    Function(
        "tanh",
        lambda z: rf"\tanh({z})",
        lambda y: f"(1 - {y}^2)",
        lambda y: 1 - y * y,
    ),
    Function(
        "sigmoid",
        lambda z: rf"\sigma({z})",
        lambda y: rf"{y} \cdot (1 - {y})",
        lambda y: y * (1 - y),
    ),
    Function(
        "relu",
        lambda z: rf"\max(0, {z})",
        lambda y: rf"\mathbf{{1}}[{y} > 0]",
        lambda y: 1.0 if y > 0 else 0.0,
    ),
    Function("exp", lambda z: rf"\exp({z})", lambda y: y, lambda y: y),
)
functions = {function.name: function for function in _ALL}
