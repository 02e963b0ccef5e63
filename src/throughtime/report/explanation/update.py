"""What the update did to the error, and how far the terms are from what training computes."""

from __future__ import annotations

import math

from throughtime.report.explanation.document import Block, Text, formulas
from throughtime.report.explanation.figures import factor, figure
from throughtime.report.explanation.symbols import at, new, partial
from throughtime.report.explanation.worked import Worked, flat

_NOISE = -15  # of double precision; smaller differences are the processor's
_SQUARES = 4
"""Weights whose gradients are written out one by one."""


def outcome(worked: Worked) -> tuple[Block, ...]:
    """Write the change of the error beside the one that the gradient promises."""
    eta, E = worked.learning_rate, at("E", worked.steps)
    before, after = worked.errors[-1], worked.errors_after[-1]
    gradients = [number for gradient in worked.gradient.values() for number in flat(gradient)]
    squares = sum(number**2 for number in gradients)
    shown = " + ".join(f"{factor(number)}^2" for number in gradients)
    if len(gradients) > _SQUARES:
        shown = figure(squares)
    elif len(gradients) > 1:
        shown = f"({shown})"
    verdict = "The error is as large as before: the gradient is zero, or the step too small to see."
    if after != before:
        verdict = (
            f"The error is {'smaller' if after < before else 'larger'} than before. The second "
            "line is the change that the gradient promises for a small learning rate; the two "
            r"differ by what is of second order in $\eta$."
        )
    return (
        formulas(
            (f"{new(E)} - {E}", f"{figure(after)} - {factor(before)}", figure(after - before)),
            (
                rf"-\eta \sum_W \left({partial(E, 'W')}\right)^2",
                rf"-{factor(eta)} \cdot {shown}",
                figure(-eta * squares),
            ),
        ),
        Text(verdict),
        Text(_agreement(worked)),
    )


def _agreement(worked: Worked) -> str:
    """Say how far the sums of the terms are from what the training engine leaves in `.grad`."""
    differences = [
        abs(a - b)
        for name, gradient in worked.gradient.items()
        for a, b in zip(flat(gradient), flat(worked.backpropagated[name]), strict=True)
    ]
    exponent = max(_NOISE, math.ceil(math.log10(max(differences) or 10.0**_NOISE)))
    return (
        "Backpropagation through time as it runs in training gives the same gradients: no number "
        f"differs by more than $10^{{{exponent}}}$."
    )
