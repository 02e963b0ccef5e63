"""Symbols and derivatives as LaTeX."""

from __future__ import annotations


def at(letter: str, step: int | str) -> str:
    """Give a letter at a step: `S_{3}`."""
    return f"{letter}_{step}" if len(str(step)) == 1 else f"{letter}_{{{step}}}"


def partial(of: str, by: str) -> str:
    """Give a derivative."""
    return rf"\frac{{\partial {of}}}{{\partial {by}}}"


def explicit(of: str, by: str) -> str:
    """Give a derivative that holds the states before (Williams & Peng 1990)."""
    return rf"\frac{{\partial^+ {of}}}{{\partial {by}}}"


def whole(of: str, by: str) -> str:
    """Give a derivative that holds nothing."""
    return rf"\frac{{\mathrm{{d}} {of}}}{{\mathrm{{d}} {by}}}"


def new(letter: str) -> str:
    """Give what a letter stands for after the update."""
    return rf"{letter}^{{\text{{new}}}}"


def between(steps: range) -> str:
    """Name steps that are folded."""
    return f"step {steps[0]}" if len(steps) == 1 else f"steps {steps[0]} to {steps[-1]}"
