"""The functions that a cell's equations may use, on traced scalars and on numbers."""

from __future__ import annotations

import math
from typing import Any, overload

from throughtime.equations.errors import CellError
from throughtime.equations.expression import Expression, is_number, record
from throughtime.equations.operations import fold


def _apply(function: str, *arguments: Any) -> Any:
    if any(isinstance(argument, Expression) for argument in arguments):
        return record(function, *arguments)
    for place, argument in enumerate(arguments, start=1):
        if not is_number(argument):
            raise CellError(
                f"argument {place} of {function} is {type(argument).__name__} {argument!r:.200}; "
                "allowed is a scalar of a cell's equations or a number (for tensors use torch's "
                f"own {function})"
            )
    try:
        folded = fold(function, [float(argument) for argument in arguments])
    except OverflowError:
        folded = math.nan
    if not math.isfinite(folded):
        shown = ", ".join(str(argument) for argument in arguments)
        raise CellError(f"{function}({shown:.80}) of constants is {folded}, not a finite number")
    return folded


@overload
def sigmoid(x: Expression) -> Expression: ...
@overload
def sigmoid(x: float) -> float: ...
def sigmoid(x: Any) -> Any:
    """The logistic function, 1 / (1 + exp(-x))."""
    return _apply("sigmoid", x)


@overload
def tanh(x: Expression) -> Expression: ...
@overload
def tanh(x: float) -> float: ...
def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return _apply("tanh", x)


@overload
def relu(x: Expression) -> Expression: ...
@overload
def relu(x: float) -> float: ...
def relu(x: Any) -> Any:
    """max(x, 0), with derivative 0 at 0 as in torch."""
    return _apply("relu", x)


@overload
def softplus(x: Expression) -> Expression: ...
@overload
def softplus(x: float) -> float: ...
def softplus(x: Any) -> Any:
    """log(1 + exp(x)), computed without overflow."""
    return _apply("softplus", x)


@overload
def exp(x: Expression) -> Expression: ...
@overload
def exp(x: float) -> float: ...
def exp(x: Any) -> Any:
    """The exponential function."""
    return _apply("exp", x)


@overload
def log(x: Expression) -> Expression: ...
@overload
def log(x: float) -> float: ...
def log(x: Any) -> Any:
    """The natural logarithm."""
    return _apply("log", x)


@overload
def sqrt(x: Expression) -> Expression: ...
@overload
def sqrt(x: float) -> float: ...
def sqrt(x: Any) -> Any:
    """The square root."""
    return _apply("sqrt", x)


@overload
def abs(x: Expression) -> Expression: ...
@overload
def abs(x: float) -> float: ...
def abs(x: Any) -> Any:
    """The modulus, with derivative 0 at 0 as in torch."""
    return _apply("abs", x)


def maximum(a: Any, b: Any) -> Any:
    """The larger of two; at a tie each gets half of the derivative, as in torch."""
    return _apply("maximum", a, b)


def minimum(a: Any, b: Any) -> Any:
    """The smaller of two; at a tie each gets half of the derivative, as in torch."""
    return _apply("minimum", a, b)


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the comparison holds, else `b`.

    A condition on constants alone is an ordinary bool and picks its branch at once.
    """
    if isinstance(condition, bool):
        return a if condition else b
    if not isinstance(condition, Expression):
        raise CellError(
            f"where takes a comparison first, got {type(condition).__name__} {condition!r}; write "
            "for example where(x > 0, a, b)"
        )
    return record("where", condition, a, b)


@overload
def mean(x: Expression) -> Expression: ...
@overload
def mean(x: float) -> float: ...
def mean(x: Any) -> Any:
    """The mean over all units of the layer, the same for each of them."""
    return _apply("mean", x)


def layer_norm(x: Any, eps: float = 1e-5) -> Any:
    """Layer normalisation over the units (Ba, Kiros & Hinton 2016): mean 0 and variance 1.

    Gain and bias are learnable vectors of the cell, if they are wanted:
    `gain * layer_norm(wx.a + uh.a) + bias` with `units="gain bias"`.

    Args:
        x: A scalar of the cell: a pre-activation, a sum of them, a state.
        eps: Added to the variance.
    """
    centred = x - mean(x)
    return centred / sqrt(mean(centred * centred) + eps)
