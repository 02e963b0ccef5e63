"""Terms with numbers in place of their symbols: evaluated, and printed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from throughtime.equations.derivation.latex import latex
from throughtime.equations.derivation.terms import Number, Operation, Symbol, Term
from throughtime.equations.operations import operations


def evaluated(term: Term, values: Mapping[str, float]) -> float:
    """Evaluate a term in double precision.

    Args:
        term: The term.
        values: By symbol.

    Raises:
        KeyError: A symbol has no value.
    """
    return float(_evaluated(term, values))


def _evaluated(term: Term, values: Mapping[str, float]) -> Tensor:
    match term:
        case Number(value):
            return torch.tensor(value, dtype=torch.float64)
        case Symbol(text):
            return torch.tensor(values[text], dtype=torch.float64)
        case Operation(name, arguments):
            return operations[name].evaluate(*(_evaluated(a, values) for a in arguments))  # type: ignore[no-any-return]


def with_numbers(term: Term, values: Mapping[str, float], number: Callable[[float], str]) -> str:
    """Print a term for one unit, each symbol as its value.

    Args:
        term: The term.
        values: By symbol.
        number: How a number is printed as a factor; negative ones in parentheses.
    """
    return _tidied(latex(_replaced(term, values, number)).replace(r"\odot", r"\cdot"))


_PLAIN = r"\d+(?:\.\d+)?"
_DOUBLED = re.compile(r"\((\([^()]*\))\)")
_LEADING = re.compile(rf"(?:(?<=\()|^)\((-{_PLAIN})\)(?= [+-] )")
_ADDED = re.compile(rf" \+ \(-({_PLAIN})\)(?= [+-] |\)|$)")


def _tidied(text: str) -> str:
    """Take off parentheses around negative numbers where they only stand in the way."""
    return _ADDED.sub(r" - \1", _LEADING.sub(r"\1", _DOUBLED.sub(r"\1", text)))


def _replaced(term: Term, values: Mapping[str, float], number: Callable[[float], str]) -> Term:
    match term:
        case Symbol(text, place):
            return Symbol(number(values[text]), place)
        case Operation(name, arguments):
            return Operation(name, tuple(_replaced(a, values, number) for a in arguments))
    return term
